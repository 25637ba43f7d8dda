"""Which moves exist for months, statements, payment lists and reports; nothing else about them.

A transition method has no side effect: whether this case may move is asked of the rules, what
moving does is the act's business. The database holds the same edges (migration ``0002_guards``).
"""

from django.db import models
from django_fsm import FSMModelMixin

from ledger.lifecycle import StateField, edge


class MonthMachine(FSMModelMixin, models.Model):
    """未结算 -> 结算中 -> 待确认 -> 已签发 -> 已付款. Closed is closed."""

    class State(models.TextChoices):
        """Where the settlement of a month stands."""

        OPEN = "open", "未结算"
        CLOSING = "closing", "结算中"
        REVIEW = "review", "待确认"
        CLOSED = "closed", "已签发"
        PAID = "paid", "已付款"

    state = StateField("状态", choices=State.choices, default=State.OPEN)

    class Meta:
        abstract = True

    @edge(["open"], "closing", "开始结算")
    def start(self) -> None:
        """The cut-off is marked; what arrives later belongs to the next month."""

    @edge(["closing"], "review", "对账单已生成")
    def put_out(self) -> None:
        """All statements are redeemed and lie before both sides."""

    @edge(["review"], "closed", "签发")
    def close(self) -> None:
        """Two people stand for it; later only adjustments in the next month."""

    @edge(["closed"], "paid", "办结")
    def finish(self) -> None:
        """All of it is paid and nothing is in dispute."""


class StatementMachine(FSMModelMixin, models.Model):
    """草稿 - 待确认 - 已确认 - 待签发 - 已签发 - 已付款, with 有异议 beside."""

    class State(models.TextChoices):
        """Where a statement stands."""

        DRAFT = "draft", "草稿"
        IN_REVIEW = "in_review", "待双方确认"
        DISPUTED = "disputed", "有异议"
        CONFIRMED = "confirmed", "双方已确认"
        PREPARED = "prepared", "待签发"
        APPROVED = "approved", "已签发"
        PAID = "paid", "已付款"

    state = StateField("状态", choices=State.choices, default=State.DRAFT)

    class Meta:
        abstract = True

    @edge(["draft"], "in_review", "出具对账单")
    def put_out(self) -> None:
        """The public share is redeemed; both sides may look."""

    @edge(["in_review"], "confirmed", "双方确认")
    def confirm(self) -> None:
        """Enterprise and provider both said yes."""

    @edge(["in_review"], "disputed", "提出异议")
    def dispute(self) -> None:
        """One side objects to a line; only that line is held back."""

    @edge(["disputed"], "in_review", "异议办结")
    def settle_dispute(self) -> None:
        """The bureau decided every objection."""

    @edge(["confirmed", "disputed"], "prepared", "提请签发")
    def prepare(self) -> None:
        """Finance put it on the list for approval."""

    @edge(["prepared"], "confirmed", "退回")
    def send_back(self) -> None:
        """The approver did not follow."""

    @edge(["prepared"], "disputed", "退回（仍有异议）")
    def send_back_disputed(self) -> None:
        """The approver did not follow; an objection is still open."""

    @edge(["prepared"], "approved", "签发")
    def approve(self) -> None:
        """Another person approved; it is owed."""

    @edge(["approved"], "paid", "付款完成")
    def pay(self) -> None:
        """Nothing of it is owed any more."""

    @edge(["paid"], "approved", "退汇")
    def bounce(self) -> None:
        """The bank returned the money; it is owed again."""


class PaymentBatchMachine(FSMModelMixin, models.Model):
    """待审批 - 数据局已审批 - 财政已复核 - 财政已批准 - 已送国库 - 已拨付 - 已办结.

    Before it is sent a list may be dropped; afterwards only what the bank did changes it.
    """

    class State(models.TextChoices):
        """Where a payment list stands."""

        DRAFT = "draft", "待审批"
        APPROVED = "approved", "数据局已审批"
        FINANCE_REVIEW = "finance_review", "财政已复核"
        FINANCE_APPROVED = "finance_approved", "财政已批准"
        SENT = "sent", "已送国库"
        PAID = "paid", "已拨付"
        PARTLY_RETURNED = "partly_returned", "部分未付成"
        CLOSED = "closed", "已办结"
        DROPPED = "dropped", "已作废"

    state = StateField("状态", choices=State.choices, default=State.DRAFT)

    class Meta:
        abstract = True

    @edge(["draft"], "approved", "数据局审批")
    def approve(self) -> None:
        """Two persons of the bureau signed, and the head where the sum asks for it."""

    @edge(["approved"], "finance_review", "财政复核")
    def review(self) -> None:
        """A first person of finance signed."""

    @edge(["finance_review"], "finance_approved", "财政批准")
    def clear(self) -> None:
        """A second person of finance signed; it may go to the treasury."""

    @edge(["finance_approved"], "sent", "送国库")
    def send(self) -> None:
        """The bank file is out; from here on only the bank's answers count."""

    @edge(["sent"], "paid", "全部付成")
    def complete(self) -> None:
        """Every payment arrived."""

    @edge(["sent", "paid", "closed"], "partly_returned", "部分未付成")
    def fall_short(self) -> None:
        """A payment failed, came back or was taken off; what it was to pay is owed again."""

    @edge(["paid", "partly_returned"], "closed", "办结")
    def finish(self) -> None:
        """Nothing of it is open any more."""

    @edge(["draft", "approved", "finance_review", "finance_approved"], "dropped", "退回作废")
    def drop(self) -> None:
        """Somebody did not follow; what it listed is owed as before."""


class ClaimMachine(FSMModelMixin, models.Model):
    """草稿 - 已申请 - 已核验 - 已复核 - 已核销, with 补正, 暂缓 and 不予核销 beside."""

    class State(models.TextChoices):
        """Where an enterprise's claim on a settled statement stands."""

        DRAFT = "draft", "草稿"
        SUBMITTED = "submitted", "已申请"
        SUPPLEMENT = "supplement", "补正"
        CHECKED = "checked", "已核验"
        REVIEWED = "reviewed", "已复核"
        WRITTEN_OFF = "written_off", "已核销"
        PARTIAL = "partial", "部分核销"
        REFUSED = "refused", "不予核销"
        SUSPENDED = "suspended", "暂缓"
        LAPSED = "lapsed", "逾期失效"

    state = StateField("状态", choices=State.choices, default=State.DRAFT)

    class Meta:
        abstract = True

    @edge(["draft", "supplement"], "submitted", "提交核销申请")
    def submit(self) -> None:
        """The papers are complete and lie before the bureau."""

    @edge(["submitted"], "supplement", "要求补正")
    def ask_supplement(self) -> None:
        """Something is missing; the enterprise is told once, in full."""

    @edge(["submitted"], "checked", "核验")
    def verify(self) -> None:
        """One person looked at every paper."""

    @edge(["checked"], "submitted", "复核退回")
    def send_back(self) -> None:
        """The second person did not follow."""

    @edge(["checked"], "reviewed", "复核")
    def review(self) -> None:
        """Another natural person followed."""

    @edge(["reviewed"], "written_off", "核销")
    def write_off(self) -> None:
        """All that the statement foresaw is spent."""

    @edge(["reviewed"], "partial", "部分核销")
    def write_off_part(self) -> None:
        """Less is spent than foreseen; the rest stays on the hold, with reasons."""

    @edge(["reviewed"], "refused", "不予核销")
    def refuse(self) -> None:
        """Nothing is spent, with reasons."""

    @edge(["submitted", "checked"], "suspended", "暂缓核销")
    def suspend(self) -> None:
        """An investigation or a court keeps it back."""

    @edge(["suspended"], "submitted", "恢复办理")
    def resume(self) -> None:
        """What kept it back is over; it is looked at anew."""

    @edge(["draft", "supplement"], "lapsed", "逾期失效")
    def lapse(self) -> None:
        """The time to claim ran out while it was the enterprise's turn."""


class PaymentLineMachine(FSMModelMixin, models.Model):
    """待付款 - 已提交 - 已付款 - 已退汇. What did not arrive goes out again on a new line."""

    class State(models.TextChoices):
        """Where a payment to one payee stands."""

        WAITING = "waiting", "待付款"
        SUSPENDED = "suspended", "暂停拨付"
        SENT = "sent", "已提交"
        PAID = "paid", "已付款"
        FAILED = "failed", "付款失败"
        RETURNED = "returned", "已退汇"
        NETTED = "netted", "全额抵扣"
        WITHDRAWN = "withdrawn", "已撤回"

    state = StateField("状态", choices=State.choices, default=State.WAITING)

    class Meta:
        abstract = True

    @edge(["waiting"], "suspended", "暂停拨付")
    def suspend(self) -> None:
        """Something has to be looked into before money leaves."""

    @edge(["suspended"], "waiting", "解除暂停")
    def release(self) -> None:
        """Two persons stand for it."""

    @edge(["waiting"], "sent", "提交银行")
    def send(self) -> None:
        """It stands in a bank file."""

    @edge(["waiting"], "netted", "全额抵扣")
    def net(self) -> None:
        """A claim against the payee takes all of it; nothing goes to the bank."""

    @edge(["sent"], "paid", "登记付款")
    def pay(self) -> None:
        """The bank confirmed it."""

    @edge(["sent"], "failed", "登记付款失败")
    def fail(self) -> None:
        """The bank did not carry it out."""

    @edge(["paid"], "returned", "登记退汇")
    def give_back(self) -> None:
        """The bank sent it back."""

    @edge(["waiting", "suspended"], "withdrawn", "撤回")
    def withdraw(self) -> None:
        """It is taken off its list; what it was to pay is owed as before."""


class ReportMachine(FSMModelMixin, models.Model):
    """生成中 -> 有效 -> 已被替代."""

    class State(models.TextChoices):
        """Where a report stands."""

        RENDERING = "rendering", "生成中"
        READY = "ready", "有效"
        SUPERSEDED = "superseded", "已被替代"

    state = StateField("状态", choices=State.choices, default=State.RENDERING)

    class Meta:
        abstract = True

    @edge(["rendering"], "ready", "生成")
    def become_ready(self) -> None:
        """The PDF exists and its digest is in the log."""

    @edge(["ready"], "superseded", "替代")
    def supersede(self) -> None:
        """A later version says it better."""


class ClawbackMachine(FSMModelMixin, models.Model):
    """立案 - 事实告知 - 追回决定 - 追回中 - 已追回, with 抵扣, 强制执行, 移送 and 核销 beside."""

    class State(models.TextChoices):
        """Where the recovery of money from a party stands."""

        OPENED = "opened", "已立案"
        NOTICED = "noticed", "已告知事实"
        DECIDED = "decided", "已决定"
        RECOVERING = "recovering", "追回中"
        ENFORCEMENT = "enforcement", "强制执行"
        TRANSFERRED = "transferred", "已移送"
        RECOVERED = "recovered", "已追回"
        OFFSET = "offset", "已抵扣"
        WRITTEN_OFF = "written_off", "已核销"
        DROPPED = "dropped", "不予追回"
        CLOSED = "closed", "已结案"

    state = StateField("状态", choices=State.choices, default=State.OPENED)

    class Meta:
        abstract = True

    @edge(["opened"], "noticed", "事实告知")
    def notify(self) -> None:
        """The party was told the facts and may be heard."""

    @edge(["opened", "noticed"], "dropped", "不予追回")
    def drop(self) -> None:
        """There is nothing in it, or nothing to be had back."""

    @edge(["noticed"], "decided", "作出追回决定")
    def decide(self) -> None:
        """Two persons decided amount, interest and bar; the claim stands in the books."""

    @edge(["decided"], "recovering", "送达决定")
    def serve(self) -> None:
        """The decision reached the party; the time to pay runs."""

    @edge(["recovering"], "enforcement", "申请强制执行")
    def enforce(self) -> None:
        """The party did not pay in time; the court is asked."""

    @edge(["recovering", "enforcement"], "transferred", "移送")
    def refer(self) -> None:
        """Another authority takes it over."""

    @edge(["recovering", "enforcement", "transferred"], "recovered", "追回完毕")
    def recover(self) -> None:
        """All of it is back."""

    @edge(["recovering", "enforcement", "transferred"], "offset", "抵扣完毕")
    def set_off(self) -> None:
        """All of it was set off against later payments."""

    @edge(["recovering", "enforcement", "transferred"], "written_off", "核销债权")
    def write_off(self) -> None:
        """What is left is given up by a decision of two persons."""

    @edge(["recovered", "offset", "written_off"], "closed", "结案")
    def close(self) -> None:
        """Nothing is left to do."""

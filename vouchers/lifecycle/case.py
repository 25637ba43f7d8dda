"""Which moves exist for a case: the application, its public notice, objections to it."""

from django.db import models
from django_fsm import FSMModelMixin

from ledger.lifecycle import StateField, edge

#: Until the public notice begins the enterprise may take its application back.
BEFORE_NOTICE = [
    "draft", "submitted", "accepted", "supplement", "in_second_review", "joint_check", "proposed",
]  # fmt: skip


class ApplicationMachine(FSMModelMixin, models.Model):
    """草稿 - 提交 - 受理 - 初审 - 复审 - 联审 - 公示 - 审定 - 发放, with its side ways.

    What the machine's check found is no state of its own: it is part of handing in, and it runs
    again with each supplement (``check_outcome``).
    """

    class State(models.TextChoices):
        """Where an application stands."""

        DRAFT = "draft", "草稿"
        SUBMITTED = "submitted", "已提交"
        ACCEPTED = "accepted", "已受理"
        SUPPLEMENT = "supplement", "待补正"
        IN_SECOND_REVIEW = "in_second_review", "复审中"
        JOINT_CHECK = "joint_check", "联审中"
        PROPOSED = "proposed", "拟支持"
        IN_NOTICE = "in_notice", "公示中"
        OBJECTION = "objection", "异议核查中"
        NOTICE_DONE = "notice_done", "公示无异议"
        APPROVED = "approved", "已审定"
        WAITLISTED = "waitlisted", "候补"
        ISSUED = "issued", "已发放"
        REJECTED = "rejected", "不予支持"
        RECONSIDER = "reconsider", "复核中"
        LAPSED = "lapsed", "逾期视为放弃"
        WITHDRAWN = "withdrawn", "已撤回"

    state = StateField("状态", choices=State.choices, default=State.DRAFT)

    class Meta:
        abstract = True

    @edge(["draft"], "submitted", "提交")
    def submit(self) -> None:
        """The enterprise hands it in; the machine check is part of the same act."""

    @edge(["submitted"], "accepted", "受理")
    def accept(self) -> None:
        """The bureau takes it on."""

    @edge(["submitted"], "rejected", "不予受理")
    def refuse_acceptance(self) -> None:
        """The machine found a hard condition unmet and a person confirms it."""

    @edge(["accepted", "in_second_review"], "supplement", "要求补正")
    def ask_supplement(self) -> None:
        """Everything that is missing is listed at once."""

    @edge(["supplement"], "accepted", "提交补正")
    def resubmit(self) -> None:
        """The enterprise answers; the machine check runs again."""

    @edge(["supplement", "draft"], "lapsed", "逾期视为放弃")
    def lapse(self) -> None:
        """Nobody answered in time, or a draft lay too long; the clock does it."""

    @edge(["accepted"], "proposed", "快速通道确认")
    def confirm_fast(self) -> None:
        """A small request without a flag: the machine proposes, a person confirms the batch."""

    @edge(["accepted"], "in_second_review", "初审")
    def recommend(self) -> None:
        """The first reviewer recommends support or refusal."""

    @edge(["in_second_review"], "accepted", "退回初审")
    def send_back(self) -> None:
        """The second reviewer does not follow and says why."""

    @edge(["in_second_review"], "joint_check", "复审同意支持")
    def agree(self) -> None:
        """Two people are for support; other departments are asked."""

    @edge(["in_second_review"], "rejected", "复审同意不予支持")
    def reject(self) -> None:
        """Two people are against support."""

    @edge(["joint_check"], "proposed", "联审通过")
    def propose(self) -> None:
        """Every department answered that it knows nothing against it, or none is to be asked."""

    @edge(["joint_check"], "accepted", "联审有情况，退回审核")
    def hit(self) -> None:
        """A department knows something: the case is reviewed again with its answer."""

    @edge(["proposed"], "in_notice", "公示")
    def put_on_notice(self) -> None:
        """The proposed support is published."""

    @edge(["in_notice"], "objection", "收到异议")
    def object(self) -> None:
        """Somebody objects in time: this case stops, the others on the list go on."""

    @edge(["objection"], "in_notice", "异议不成立，继续公示")
    def resume_notice(self) -> None:
        """Every objection is settled and the notice still runs."""

    @edge(["objection"], "notice_done", "异议不成立")
    def dismiss_objection(self) -> None:
        """Every objection is settled and the notice is over."""

    @edge(["objection"], "rejected", "异议成立")
    def uphold_objection(self) -> None:
        """The objection is right: no support."""

    @edge(["in_notice"], "notice_done", "公示期满")
    def finish_notice(self) -> None:
        """The working days are over and nobody objected."""

    @edge(["notice_done"], "approved", "审定")
    def approve(self) -> None:
        """The bureau decides to support."""

    @edge(["approved"], "waitlisted", "列入候补")
    def waitlist(self) -> None:
        """There is no money left at this moment; the order is kept."""

    @edge(["approved", "waitlisted"], "issued", "发券")
    def issue(self) -> None:
        """The voucher exists."""

    @edge(["approved", "waitlisted"], "rejected", "额度用尽，未获支持")
    def pass_over(self) -> None:
        """The programme ends, or the allocation is drawn, without money for this one."""

    @edge(["rejected"], "reconsider", "申请复核")
    def ask_reconsider(self) -> None:
        """The enterprise asks, once, for another look."""

    @edge(["reconsider"], "rejected", "复核维持原决定")
    def uphold(self) -> None:
        """Other people looked and stay with the decision."""

    @edge(["reconsider"], "accepted", "复核撤销原决定，重新审核")
    def overturn(self) -> None:
        """Other people looked and the case is reviewed anew."""

    @edge(BEFORE_NOTICE, "withdrawn", "撤回")
    def withdraw(self) -> None:
        """The enterprise takes it back; possible until the public notice begins."""


class PublicNoticeMachine(FSMModelMixin, models.Model):
    """公示中 -> 已结束."""

    class State(models.TextChoices):
        """Where a public notice stands."""

        PUBLISHED = "published", "公示中"
        CLOSED = "closed", "已结束"

    state = StateField("状态", choices=State.choices, default=State.PUBLISHED)

    class Meta:
        abstract = True

    @edge(["published"], "closed", "结束公示")
    def close(self) -> None:
        """The last working day is over."""


class ObjectionMachine(FSMModelMixin, models.Model):
    """已收到 -> 已受理 -> 已核查 -> 成立 / 不成立 / 不予受理; two people for every answer."""

    class State(models.TextChoices):
        """Where an objection to a notice stands."""

        RECEIVED = "received", "已收到"
        ACCEPTED = "accepted", "已受理"
        INVESTIGATED = "investigated", "已核查，待决定"
        UPHELD = "upheld", "异议成立"
        DISMISSED = "dismissed", "异议不成立"
        NOT_ADMITTED = "not_admitted", "不予受理"

    state = StateField("状态", choices=State.choices, default=State.RECEIVED)

    class Meta:
        abstract = True

    @edge(["received"], "accepted", "受理异议")
    def accept(self) -> None:
        """It names its facts and comes by real name."""

    @edge(["received", "accepted"], "investigated", "核查")
    def investigate(self) -> None:
        """One person looked into it and says what was found."""

    @edge(["investigated"], "accepted", "退回核查")
    def send_back(self) -> None:
        """The other person does not follow."""

    @edge(["investigated"], "upheld", "决定异议成立")
    def uphold(self) -> None:
        """Two people find that it is right."""

    @edge(["investigated"], "dismissed", "决定异议不成立")
    def dismiss(self) -> None:
        """Two people find that it is not right."""

    @edge(["investigated"], "not_admitted", "决定不予受理")
    def refuse(self) -> None:
        """Two people find that it is no objection in the sense of the notice."""

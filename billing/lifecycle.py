"""Which moves exist for months, statements, payments and reports; nothing else about them.

A transition method has no side effect: whether this case may move is asked of the rules, what
moving does is the act's business. The database holds the same edges (migration ``0002_guards``).
"""

from typing import Any

from django.db import models
from django_fsm import FSMField, FSMModelMixin, can_proceed, transition

from ledger.refusals import Refused


def _edge(source: list[str], target: str, label: str) -> Any:
    return transition(field="state", source=source, target=target, custom={"label": label})


class MonthMachine(FSMModelMixin, models.Model):
    """未结算 -> 结算中 -> 待确认 -> 已签发 -> 已付款. Closed is closed."""

    class State(models.TextChoices):
        """Where the settlement of a month stands."""

        OPEN = "open", "未结算"
        CLOSING = "closing", "结算中"
        REVIEW = "review", "待确认"
        CLOSED = "closed", "已签发"
        PAID = "paid", "已付款"

    state = FSMField("状态", choices=State.choices, default=State.OPEN, protected=True)

    class Meta:
        abstract = True

    @_edge(["open"], "closing", "开始结算")
    def start(self) -> None:
        """The cut-off is marked; what arrives later belongs to the next month."""

    @_edge(["closing"], "review", "对账单已生成")
    def put_out(self) -> None:
        """All statements are redeemed and lie before both sides."""

    @_edge(["review"], "closed", "签发")
    def close(self) -> None:
        """Two people stand for it; later only adjustments in the next month."""

    @_edge(["closed"], "paid", "办结")
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

    state = FSMField("状态", choices=State.choices, default=State.DRAFT, protected=True)

    class Meta:
        abstract = True

    @_edge(["draft"], "in_review", "出具对账单")
    def put_out(self) -> None:
        """The public share is redeemed; both sides may look."""

    @_edge(["in_review"], "confirmed", "双方确认")
    def confirm(self) -> None:
        """Enterprise and provider both said yes."""

    @_edge(["in_review"], "disputed", "提出异议")
    def dispute(self) -> None:
        """One side objects to a line; only that line is held back."""

    @_edge(["disputed"], "in_review", "异议办结")
    def settle_dispute(self) -> None:
        """The bureau decided every objection."""

    @_edge(["confirmed", "disputed"], "prepared", "提请签发")
    def prepare(self) -> None:
        """Finance put it on the list for approval."""

    @_edge(["prepared"], "confirmed", "退回")
    def send_back(self) -> None:
        """The approver did not follow."""

    @_edge(["prepared"], "disputed", "退回（仍有异议）")
    def send_back_disputed(self) -> None:
        """The approver did not follow; an objection is still open."""

    @_edge(["prepared"], "approved", "签发")
    def approve(self) -> None:
        """Another person approved; it is owed."""

    @_edge(["approved"], "paid", "付款完成")
    def pay(self) -> None:
        """Nothing of it is owed any more."""

    @_edge(["paid"], "approved", "退汇")
    def bounce(self) -> None:
        """The bank returned the money; it is owed again."""


class PaymentLineMachine(FSMModelMixin, models.Model):
    """待付款 -> 已付款 -> 已退汇. A returned payment goes out again on a new line."""

    class State(models.TextChoices):
        """Where a payment to one payee stands."""

        WAITING = "waiting", "待付款"
        PAID = "paid", "已付款"
        RETURNED = "returned", "已退汇"

    state = FSMField("状态", choices=State.choices, default=State.WAITING, protected=True)

    class Meta:
        abstract = True

    @_edge(["waiting"], "paid", "登记付款")
    def pay(self) -> None:
        """The bank confirmed it."""

    @_edge(["paid"], "returned", "登记退汇")
    def give_back(self) -> None:
        """The bank sent it back."""


class ReportMachine(FSMModelMixin, models.Model):
    """生成中 -> 有效 -> 已被替代."""

    class State(models.TextChoices):
        """Where a report stands."""

        RENDERING = "rendering", "生成中"
        READY = "ready", "有效"
        SUPERSEDED = "superseded", "已被替代"

    state = FSMField("状态", choices=State.choices, default=State.RENDERING, protected=True)

    class Meta:
        abstract = True

    @_edge(["rendering"], "ready", "生成")
    def become_ready(self) -> None:
        """The PDF exists and its digest is in the log."""

    @_edge(["ready"], "superseded", "替代")
    def supersede(self) -> None:
        """A later version says it better."""


def can(subject: Any, event: str) -> bool:
    """Tell whether ``event`` exists from where the subject stands."""
    return bool(can_proceed(getattr(subject, event)))


def label(subject: Any, event: str) -> str:
    """Return the Chinese word of an event."""
    for edge in subject.get_all_state_transitions():
        if edge.name == event:
            return str(edge.custom["label"])
    raise KeyError(event)


def step(subject: Any, event: str) -> tuple[str, str]:
    """Make the move ``event`` and return (from, to).

    Raises:
        Refused: the move does not exist from this state.
    """
    before = str(subject.state)
    if not can(subject, event):
        raise Refused(
            "wrong_state",
            f"当前状态为“{subject.get_state_display()}”，不能办理“{label(subject, event)}”。"
            "请刷新页面，按最新状态办理。",
            details={"state": before, "event": event},
        )
    getattr(subject, event)()
    return before, str(subject.state)


def edges(machine: Any) -> list[tuple[str, str, str]]:
    """Return all (from, event, to) of a machine, sorted; for diagrams and tests."""
    field = machine._meta.get_field("state")
    found = field.get_all_transitions(machine)
    return sorted((str(each.source), str(each.name), str(each.target)) for each in found)

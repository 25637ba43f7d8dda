"""Which moves exist for the things of this room; nothing else about them.

Each machine is an abstract model with one protected state field. A transition method has no side
effect: whether this case may move is asked of the rules, what moving does is the act's business.
The database holds the same edges (migration ``0002_guards``).
"""

from typing import Any

from django.db import models
from django_fsm import FSMField, FSMModelMixin, can_proceed, transition

from ledger.refusals import Refused


def _edge(source: list[str], target: str, label: str) -> Any:
    return transition(field="state", source=source, target=target, custom={"label": label})


class ProgrammeMachine(FSMModelMixin, models.Model):
    """草拟 -> 已发布 <-> 暂停受理 -> 停止申领. Whether a window is open is a question of time."""

    class State(models.TextChoices):
        """Where a programme edition stands."""

        DRAFT = "draft", "草拟"
        PUBLISHED = "published", "已发布"
        PAUSED = "paused", "暂停受理"
        CLOSED = "closed", "停止申领"

    state = FSMField("状态", choices=State.choices, default=State.DRAFT, protected=True)

    class Meta:
        abstract = True

    @_edge(["draft"], "published", "发布")
    def publish(self) -> None:
        """Publish the edition: its rules are locked from here on."""

    @_edge(["published"], "paused", "暂停受理")
    def pause(self) -> None:
        """Stop taking applications for a while."""

    @_edge(["paused"], "published", "恢复受理")
    def resume(self) -> None:
        """Take applications again."""

    @_edge(["published", "paused"], "closed", "停止申领")
    def close(self) -> None:
        """Take no more applications; issued vouchers live on."""


class EnterpriseMachine(FSMModelMixin, models.Model):
    """已注册 -> 正常 <-> 暂停资格."""

    class State(models.TextChoices):
        """What the bureau holds of an enterprise."""

        REGISTERED = "registered", "已注册"
        ACTIVE = "active", "正常"
        SUSPENDED = "suspended", "暂停资格"

    state = FSMField("状态", choices=State.choices, default=State.REGISTERED, protected=True)

    class Meta:
        abstract = True

    @_edge(["registered"], "active", "核验通过")
    def verify(self) -> None:
        """The bureau compared code, name and licence."""

    @_edge(["registered", "active"], "suspended", "暂停资格")
    def suspend(self) -> None:
        """No new application, issue or hold while something is looked into."""

    @_edge(["suspended"], "active", "恢复资格")
    def reinstate(self) -> None:
        """The matter is settled."""


class ApplicationMachine(FSMModelMixin, models.Model):
    """草稿 - 提交 - 受理 - 初审 - 复审 - 公示 - 审定 - 发放, with its side ways."""

    class State(models.TextChoices):
        """Where an application stands."""

        DRAFT = "draft", "草稿"
        SUBMITTED = "submitted", "已提交"
        ACCEPTED = "accepted", "已受理"
        SUPPLEMENT = "supplement", "待补正"
        IN_SECOND_REVIEW = "in_second_review", "复审中"
        PROPOSED = "proposed", "拟支持"
        IN_NOTICE = "in_notice", "公示中"
        NOTICE_DONE = "notice_done", "公示无异议"
        APPROVED = "approved", "已审定"
        ISSUED = "issued", "已发放"
        REJECTED = "rejected", "不予支持"
        WITHDRAWN = "withdrawn", "已撤回"

    state = FSMField("状态", choices=State.choices, default=State.DRAFT, protected=True)

    class Meta:
        abstract = True

    @_edge(["draft"], "submitted", "提交")
    def submit(self) -> None:
        """The enterprise hands it in; the machine check is part of the same act."""

    @_edge(["submitted"], "accepted", "受理")
    def accept(self) -> None:
        """The bureau takes it on."""

    @_edge(["accepted"], "supplement", "要求补正")
    def ask_supplement(self) -> None:
        """Everything that is missing is listed at once."""

    @_edge(["supplement"], "accepted", "提交补正")
    def resubmit(self) -> None:
        """The enterprise answers; the machine check runs again."""

    @_edge(["accepted"], "in_second_review", "初审")
    def recommend(self) -> None:
        """The first reviewer recommends support or refusal."""

    @_edge(["in_second_review"], "accepted", "退回初审")
    def send_back(self) -> None:
        """The second reviewer does not follow and says why."""

    @_edge(["in_second_review"], "proposed", "复审同意支持")
    def propose(self) -> None:
        """Two people are for support."""

    @_edge(["in_second_review"], "rejected", "复审同意不予支持")
    def reject(self) -> None:
        """Two people are against support."""

    @_edge(["proposed"], "in_notice", "公示")
    def put_on_notice(self) -> None:
        """The proposed support is published."""

    @_edge(["in_notice"], "notice_done", "公示期满")
    def finish_notice(self) -> None:
        """The working days are over and nobody objected."""

    @_edge(["notice_done"], "approved", "审定")
    def approve(self) -> None:
        """The bureau decides to support."""

    @_edge(["approved"], "issued", "发券")
    def issue(self) -> None:
        """The voucher exists."""

    @_edge(
        ["draft", "submitted", "accepted", "supplement", "in_second_review", "proposed"],
        "withdrawn",
        "撤回",
    )
    def withdraw(self) -> None:
        """The enterprise takes it back; possible until the public notice begins."""


class PublicNoticeMachine(FSMModelMixin, models.Model):
    """公示中 -> 已结束."""

    class State(models.TextChoices):
        """Where a public notice stands."""

        PUBLISHED = "published", "公示中"
        CLOSED = "closed", "已结束"

    state = FSMField("状态", choices=State.choices, default=State.PUBLISHED, protected=True)

    class Meta:
        abstract = True

    @_edge(["published"], "closed", "结束公示")
    def close(self) -> None:
        """The last working day is over."""


class VoucherMachine(FSMModelMixin, models.Model):
    """可用 -> 用罄 / 过期 / 撤销. How much is left is the ledger's knowledge, not a state."""

    class State(models.TextChoices):
        """Where a voucher stands; whether it is frozen is a flag beside."""

        ACTIVE = "active", "可用"
        USED_UP = "used_up", "用罄"
        EXPIRED = "expired", "已过期"
        REVOKED = "revoked", "已撤销"

    state = FSMField("状态", choices=State.choices, default=State.ACTIVE, protected=True)

    class Meta:
        abstract = True

    @_edge(["active"], "used_up", "用罄")
    def use_up(self) -> None:
        """Nothing available and nothing held: all of it was redeemed."""

    @_edge(["active"], "expired", "过期")
    def expire(self) -> None:
        """The last valid day is over; what is held lives until its claim is settled."""

    @_edge(["active"], "revoked", "撤销")
    def revoke(self) -> None:
        """The decision was taken back; the unspent part returns to the budget."""


class HoldMachine(FSMModelMixin, models.Model):
    """占用中 -> 已了结."""

    class State(models.TextChoices):
        """Where a hold stands."""

        OPEN = "open", "占用中"
        CLOSED = "closed", "已了结"

    state = FSMField("状态", choices=State.choices, default=State.OPEN, protected=True)

    class Meta:
        abstract = True

    @_edge(["open"], "closed", "了结")
    def close(self) -> None:
        """All of it was redeemed, or the rest was released."""


def can(subject: Any, event: str) -> bool:
    """Tell whether ``event`` exists from where the subject stands."""
    return bool(can_proceed(getattr(subject, event)))


def step(subject: Any, event: str) -> tuple[str, str]:
    """Make the move ``event`` and return (from, to).

    Raises:
        Refused: the move does not exist from this state.
    """
    before = subject.state
    if not can(subject, event):
        raise Refused(
            "wrong_state",
            f"当前状态为“{subject.get_state_display()}”，不能办理“{label(subject, event)}”。"
            "请刷新页面，按最新状态办理。",
            details={"state": before, "event": event},
        )
    getattr(subject, event)()
    return before, subject.state


def label(subject: Any, event: str) -> str:
    """Return the Chinese word of an event."""
    for edge in subject.get_all_state_transitions():
        if edge.name == event:
            return str(edge.custom["label"])
    raise KeyError(event)


def edges(machine: Any) -> list[tuple[str, str, str]]:
    """Return all (from, event, to) of a machine, sorted; for diagrams and tests."""
    field = machine._meta.get_field("state")
    return sorted(
        (each.source, each.name, each.target) for each in field.get_all_transitions(machine)
    )

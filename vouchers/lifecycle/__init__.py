"""Which moves exist for the things of this room; nothing else about them.

Each machine is an abstract model with one protected state field. A transition method has no side
effect: whether this case may move is asked of the rules, what moving does is the act's business.
The database holds the same edges (migration ``0002_guards``).
"""

from django.db import models
from django_fsm import FSMModelMixin

from ledger.lifecycle import StateField, edge
from vouchers.lifecycle.case import (
    BEFORE_NOTICE,
    ApplicationMachine,
    ObjectionMachine,
    PublicNoticeMachine,
)

__all__ = [
    "BEFORE_NOTICE",
    "ApplicationMachine",
    "EnterpriseMachine",
    "HoldMachine",
    "InquiryMachine",
    "ObjectionMachine",
    "ProgrammeMachine",
    "PublicNoticeMachine",
    "VoucherMachine",
]


class ProgrammeMachine(FSMModelMixin, models.Model):
    """草拟 -> 审查 -> 征求意见 -> 已发布 <-> 暂停 -> 停止申领 -> 清算 -> 已评价 -> 归档.

    Whether a window is open and whether the budget is used up are questions of time and money.
    """

    class State(models.TextChoices):
        """Where a programme edition stands."""

        DRAFT = "draft", "草拟"
        IN_REVIEW = "in_review", "合法性与公平竞争审查"
        CONSULTING = "consulting", "公开征求意见"
        PUBLISHED = "published", "已发布"
        PAUSED = "paused", "暂停受理"
        CLOSED = "closed", "停止申领"
        SETTLING = "settling", "清算"
        EVALUATED = "evaluated", "已绩效评价"
        ARCHIVED = "archived", "归档"

    state = StateField("状态", choices=State.choices, default=State.DRAFT)

    class Meta:
        abstract = True

    @edge(["draft"], "in_review", "送审")
    def propose(self) -> None:
        """The draft goes to legality and fair-competition review; its rules stand still."""

    @edge(["in_review", "consulting"], "draft", "退回修改")
    def send_back(self) -> None:
        """What was found asks for other rules: it is a draft again."""

    @edge(["in_review"], "consulting", "公开征求意见")
    def consult(self) -> None:
        """Both opinions agree: everybody may comment."""

    @edge(["consulting"], "published", "发布")
    def publish(self) -> None:
        """Publish the edition: its rules are locked from here on."""

    @edge(["published"], "paused", "暂停受理")
    def pause(self) -> None:
        """Stop taking applications for a while."""

    @edge(["paused"], "published", "恢复受理")
    def resume(self) -> None:
        """Take applications again."""

    @edge(["published", "paused"], "closed", "停止申领")
    def close(self) -> None:
        """Take no more applications; issued vouchers live on."""

    @edge(["closed"], "settling", "进入清算")
    def settle(self) -> None:
        """The last vouchers have run out: what is left is claims."""

    @edge(["settling"], "evaluated", "绩效评价")
    def evaluate(self) -> None:
        """What the scheme achieved was judged."""

    @edge(["evaluated"], "archived", "归档")
    def archive(self) -> None:
        """Nothing about it is open any more."""


class EnterpriseMachine(FSMModelMixin, models.Model):
    """已注册 -> 正常 <-> 关注, 暂停资格, 取消资格, 迁出; 注销 is the end.

    What each state allows (apply, issue, hold, pay) stands in ``standing``.
    """

    class State(models.TextChoices):
        """What the bureau holds of an enterprise."""

        REGISTERED = "registered", "已注册"
        ACTIVE = "active", "正常"
        WATCH = "watch", "关注"
        SUSPENDED = "suspended", "暂停资格"
        BARRED = "barred", "取消资格"
        MOVED_OUT = "moved_out", "已迁出"
        DEREGISTERED = "deregistered", "已注销"

    state = StateField("状态", choices=State.choices, default=State.REGISTERED)

    class Meta:
        abstract = True

    @edge(["registered"], "active", "核验通过")
    def verify(self) -> None:
        """The bureau compared code, name and licence."""

    @edge(["active"], "watch", "列入关注")
    def watch(self) -> None:
        """A light breach: every application is looked at by a person."""

    @edge(["watch"], "active", "解除关注")
    def clear_watch(self) -> None:
        """Nothing more happened."""

    @edge(["registered", "active", "watch"], "suspended", "暂停资格")
    def suspend(self) -> None:
        """No new application, issue or hold while something is looked into."""

    @edge(["suspended"], "active", "恢复资格")
    def reinstate(self) -> None:
        """The matter is settled."""

    @edge(["registered", "active", "watch", "suspended", "moved_out"], "barred", "取消资格")
    def bar(self) -> None:
        """Dishonest: nothing new until a day that is named; payments wait."""

    @edge(["barred"], "watch", "取消资格期满")
    def end_bar(self) -> None:
        """The term is over or the record was repaired; a person looks at what comes next."""

    @edge(["active", "watch", "suspended"], "moved_out", "迁出")
    def move_out(self) -> None:
        """Left the district: no new voucher; what was used up to that day is still settled."""

    @edge(["moved_out"], "active", "迁回")
    def move_in(self) -> None:
        """Registration and tax household are in the district again."""

    @edge(
        ["registered", "active", "watch", "suspended", "barred", "moved_out"],
        "deregistered",
        "注销",
    )
    def deregister(self) -> None:
        """The body is no more; its vouchers are frozen and open claims wait for a person."""


class VoucherMachine(FSMModelMixin, models.Model):
    """可用 -> 用罄 / 过期 / 撤销 / 放弃. How much is left is the ledger's knowledge."""

    class State(models.TextChoices):
        """Where a voucher stands; whether it is frozen is a flag beside."""

        ACTIVE = "active", "可用"
        USED_UP = "used_up", "用罄"
        EXPIRED = "expired", "已过期"
        REVOKED = "revoked", "已撤销"
        SURRENDERED = "surrendered", "已放弃"

    state = StateField("状态", choices=State.choices, default=State.ACTIVE)

    class Meta:
        abstract = True

    @edge(["active"], "used_up", "用罄")
    def use_up(self) -> None:
        """Nothing available and nothing held: all of it was redeemed."""

    @edge(["active"], "expired", "过期")
    def expire(self) -> None:
        """The last valid day is over; what is held lives until its claim is settled."""

    @edge(["active"], "revoked", "撤销")
    def revoke(self) -> None:
        """The decision was taken back; the unspent part returns to the budget."""

    @edge(["active"], "surrendered", "放弃")
    def surrender(self) -> None:
        """The enterprise gives back what it will not use; it returns to the budget."""


class HoldMachine(FSMModelMixin, models.Model):
    """占用中 -> 已了结."""

    class State(models.TextChoices):
        """Where a hold stands."""

        OPEN = "open", "占用中"
        CLOSED = "closed", "已了结"

    state = StateField("状态", choices=State.choices, default=State.OPEN)

    class Meta:
        abstract = True

    @edge(["open"], "closed", "了结")
    def close(self) -> None:
        """All of it was redeemed, or the rest was released."""


class InquiryMachine(FSMModelMixin, models.Model):
    """待核查 -> 属实 / 排除."""

    class State(models.TextChoices):
        """Where an inquiry stands."""

        OPEN = "open", "待核查"
        UPHELD = "upheld", "属实"
        DISMISSED = "dismissed", "排除"

    state = StateField("状态", choices=State.choices, default=State.OPEN)

    class Meta:
        abstract = True

    @edge(["open"], "upheld", "认定属实")
    def uphold(self) -> None:
        """It is as it looked."""

    @edge(["open"], "dismissed", "予以排除")
    def dismiss(self) -> None:
        """There is nothing in it; what waited for it goes on."""

"""Which moves exist for the things of this room; nothing else about them.

A transition has no side effect: whether this case may move is asked of the rules, what moving
does is the act's business. The database holds the same edges (migration ``0002_guards``).
"""

from django.db import models
from django_fsm import FSMModelMixin

from ledger.lifecycle import StateField, edge


class ProviderMachine(FSMModelMixin, models.Model):
    """已申请 -> 在库 <-> 暂停 -> 清退；已申请 -> 未通过."""

    class State(models.TextChoices):
        """Where a provider stands."""

        APPLIED = "applied", "入库待审"
        ADMITTED = "admitted", "在库"
        SUSPENDED = "suspended", "暂停"
        REMOVED = "removed", "清退"
        DECLINED = "declined", "未通过"

    state = StateField("状态", choices=State.choices, default=State.APPLIED)

    class Meta:
        abstract = True

    @edge(["applied"], "admitted", "入库")
    def admit(self) -> None:
        """Papers, capacity and interface test passed."""

    @edge(["applied"], "declined", "不予入库")
    def decline(self) -> None:
        """The application does not meet the conditions."""

    @edge(["admitted"], "suspended", "暂停")
    def suspend(self) -> None:
        """No new orders; running ones are metered on."""

    @edge(["suspended"], "admitted", "恢复")
    def readmit(self) -> None:
        """The matter is settled."""

    @edge(["admitted", "suspended"], "removed", "清退")
    def remove(self) -> None:
        """Out of the register for good."""


class KeyMachine(FSMModelMixin, models.Model):
    """待确认 -> 有效 -> 已吊销；待确认 -> 已吊销."""

    class State(models.TextChoices):
        """Where a provider's key stands."""

        PROPOSED = "proposed", "待确认"
        ACTIVE = "active", "有效"
        REVOKED = "revoked", "已吊销"

    state = StateField("状态", choices=State.choices, default=State.PROPOSED)

    class Meta:
        abstract = True

    @edge(["proposed"], "active", "确认")
    def confirm(self) -> None:
        """Possession was proved and a second person agreed (test keys need neither)."""

    @edge(["proposed", "active"], "revoked", "吊销")
    def revoke(self) -> None:
        """From now on nothing that it signs is taken."""


class FilingMachine(FSMModelMixin, models.Model):
    """已提出 -> 已批准；已提出 -> 未批准. For rates, capacity and address lists."""

    class State(models.TextChoices):
        """Where a filing stands."""

        PROPOSED = "proposed", "待批准"
        APPROVED = "approved", "已批准"
        DECLINED = "declined", "未批准"

    state = StateField("状态", choices=State.choices, default=State.PROPOSED)

    class Meta:
        abstract = True

    @edge(["proposed"], "approved", "批准")
    def approve(self) -> None:
        """Another person checked the evidence."""

    @edge(["proposed"], "declined", "不予批准")
    def decline(self) -> None:
        """The evidence does not carry it."""


class AliasMachine(FSMModelMixin, models.Model):
    """已提出 -> 已批准 -> 已停用；已提出 -> 未批准. A later version retires the earlier."""

    class State(models.TextChoices):
        """Where an alias stands."""

        PROPOSED = "proposed", "待批准"
        APPROVED = "approved", "已批准"
        DECLINED = "declined", "未批准"
        RETIRED = "retired", "已停用"

    state = StateField("状态", choices=State.choices, default=State.PROPOSED)

    class Meta:
        abstract = True

    @edge(["proposed"], "approved", "批准")
    def approve(self) -> None:
        """Another person agreed that the name means this model."""

    @edge(["proposed"], "declined", "不予批准")
    def decline(self) -> None:
        """The name does not mean this model."""

    @edge(["approved"], "retired", "停用")
    def retire(self) -> None:
        """The name means another model from now on; what was counted stays."""


class OfferingMachine(FSMModelMixin, models.Model):
    """草拟 -> 已发布 -> 已下架."""

    class State(models.TextChoices):
        """Where an offering stands."""

        DRAFT = "draft", "草拟"
        PUBLISHED = "published", "已发布"
        WITHDRAWN = "withdrawn", "已下架"

    state = StateField("状态", choices=State.choices, default=State.DRAFT)

    class Meta:
        abstract = True

    @edge(["draft"], "published", "发布")
    def publish(self) -> None:
        """Enterprises may order it."""

    @edge(["draft", "published"], "withdrawn", "下架")
    def withdraw(self) -> None:
        """No new orders; running ones go on at their price."""


class OrderMachine(FSMModelMixin, models.Model):
    """已下单 -> 服务中 -> 履约完成；已下单 -> 未接单；已下单、服务中 -> 已撤销."""

    class State(models.TextChoices):
        """Where an order stands."""

        PLACED = "placed", "待接单"
        ACCEPTED = "accepted", "服务中"
        REFUSED = "refused", "未接单"
        CANCELLED = "cancelled", "已撤销"
        COMPLETED = "completed", "履约完成"

    state = StateField("状态", choices=State.choices, default=State.PLACED)

    class Meta:
        abstract = True

    @edge(["placed"], "accepted", "接单")
    def accept(self) -> None:
        """The provider confirmed; usage may be reported."""

    @edge(["placed"], "refused", "不接单")
    def refuse(self) -> None:
        """The provider cannot serve it; the hold returns to the voucher."""

    @edge(["placed", "accepted"], "cancelled", "撤销")
    def cancel(self) -> None:
        """Nothing was used; the hold returns to the voucher."""

    @edge(["accepted"], "completed", "完成")
    def complete(self) -> None:
        """The service period is over and settled; the rest of the hold returns."""


MACHINES = (
    ProviderMachine,
    KeyMachine,
    FilingMachine,
    AliasMachine,
    OfferingMachine,
    OrderMachine,
)

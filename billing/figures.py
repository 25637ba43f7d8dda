"""The bureau's figures: where the money of a programme lies, and how that changed.

Every figure is read from the ledger and ties to a list of its accounts; none is kept beside it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Sum

from billing.adjustments import unstated_orders
from billing.models import MonthClose, Statement
from billing.recomputing import amounts
from ledger.balances import Balance, balances, movements
from ledger.chart import (
    AccountKey,
    TransferCode,
    budget,
    expired,
    paid,
    redeemed,
    treasury,
)
from ledger.periods import Month
from providers.models import Provider
from vouchers.models import Enterprise, Programme, Voucher
from vouchers.pools import set_aside

HISTORY_MONTHS = 12


@dataclass(frozen=True)
class Step:
    """One stage of the money: what lies there now, and its share of what was granted.

    Units: fen; ``share_bp`` basis points of the granted amount.
    """

    code: str
    title: str
    amount_fen: int
    share_bp: int
    detail: str
    items: int


@dataclass(frozen=True)
class Flow:
    """One line of the roll-forward: opening, increase, decrease, closing."""

    code: str
    title: str
    opening_fen: int
    increase_fen: int
    decrease_fen: int
    closing_fen: int

    def as_plain(self) -> dict[str, Any]:
        """Return the line as plain values, with whether it ties."""
        ties = self.opening_fen + self.increase_fen - self.decrease_fen == self.closing_fen
        return {**vars(self), "ties": ties}


def _statements(
    slug: str, provider: Provider | None, enterprise: Enterprise | None = None
) -> list[Statement]:
    found = Statement.objects.filter(voucher__programme__slug=slug).select_related(
        "voucher__programme"
    )
    if enterprise is not None:
        found = found.filter(enterprise=enterprise)
    return list(found if provider is None else found.filter(provider=provider))


def _provider_ids(provider: Provider | None) -> list[UUID]:
    if provider is not None:
        return [provider.pk]
    return list(Provider.objects.order_by("uscc").values_list("pk", flat=True))


def accounts_of(
    slug: str, provider: Provider | None = None, enterprise: Enterprise | None = None
) -> list[tuple[str, str, str, list[AccountKey]]]:
    """Return the accounts of a programme by stage: code, title, what is listed, accounts.

    With a provider or an enterprise, those stages whose accounts are kept for it alone.
    """
    statements = _statements(slug, provider, enterprise)
    providers = _provider_ids(provider)
    spent = [
        ("3000", "已核销待结算", "redeemed", [redeemed(slug, str(pk)) for pk in providers]),
        ("3100", "结算单待付", "settlement", [each.settlement_account for each in statements]),
        ("3200", "异议暂扣", "disputed", [each.disputed_account for each in statements]),
        ("3300", "已付服务商", "paid", [paid(slug, str(pk)) for pk in providers]),
    ]
    if provider is not None:
        return spent
    vouchers = Voucher.objects.filter(programme__slug=slug).select_related("programme")
    if enterprise is not None:
        vouchers = vouchers.filter(enterprise=enterprise)
    held = ("2000", "算力券余额", "vouchers", [each.account for each in vouchers])
    if enterprise is not None:
        return [held, *spent[1:3]]
    return [
        ("1100", "可用预算", "budget", [budget(slug)]),
        held,
        *spent,
        ("4000", "已失效", "expired", [expired(slug)]),
    ]


def _total(found: dict[AccountKey, Balance], keys: Iterable[AccountKey], name: str) -> int:
    return sum(getattr(found[key], name) for key in keys)


def funnel(slug: str) -> tuple[list[Step], bool]:
    """Return the stages of a programme's money now, and whether they add up to the grant.

    The stages are disjoint: their sum is what was granted, to the fen.
    """
    stages = accounts_of(slug)
    found = balances([treasury(slug), *(key for _, _, _, keys in stages for key in keys)])
    granted = -found[treasury(slug)].posted
    steps = []
    for code, title, detail, keys in stages:
        held = _total(found, keys, "debits_pending") if code == "2000" else 0
        amount = _total(found, keys, "posted") - held
        used = sum(1 for key in keys if found[key].credits_posted)
        if code == "1100":
            aside = set_aside(slug)
            steps.append(_step(code, "未承诺预算", amount - aside.fen, granted, detail, used))
            steps.append(
                _step(code, "已承诺（已预留待发券）", aside.fen, granted, "reserved", aside.count)
            )
        elif code == "2000":
            steps.append(_step(code, "券内可用", amount, granted, detail, used))
            steps.append(_step(code, "已被订单占用", held, granted, "holds", used))
        else:
            steps.append(_step(code, title, amount, granted, detail, used))
    return steps, sum(each.amount_fen for each in steps) == granted


def _step(code: str, title: str, amount: int, granted: int, detail: str, items: int) -> Step:
    share = amount * 10_000 // granted if granted else 0
    return Step(code, title, amount, share, detail, items)


def granted_fen(slug: str) -> int:
    """Return what finance granted to a programme, less what was given back."""
    return -balances([treasury(slug)])[treasury(slug)].posted


def items_of(slug: str, detail: str) -> list[tuple[AccountKey, Balance]]:
    """Return the accounts behind one stage with their balances, the empty ones left out."""
    wanted = "vouchers" if detail == "holds" else detail
    keys = [key for _, _, name, keys in accounts_of(slug) if name == wanted for key in keys]
    found = balances(keys)
    return [(key, found[key]) for key in keys if found[key].credits_posted]


def roll_forward(
    programme: Programme,
    *,
    opened_at: datetime | None,
    closed_at: datetime,
    provider: Provider | None = None,
    enterprise: Enterprise | None = None,
) -> dict[str, Any]:
    """Return what lay in each stage before and after a period, and what moved in between.

    Args:
        opened_at: the moment the last report looked at; None when this is the first.
    """
    slug = programme.slug
    stages = accounts_of(slug, provider, enterprise)
    keys = [treasury(slug), *(key for _, _, _, keys in stages for key in keys)]
    after = balances(keys, as_of=closed_at)
    before = balances(keys, as_of=opened_at) if opened_at else dict.fromkeys(keys, Balance())
    rows = []
    for code, title, _, group in stages:
        rows.append(
            Flow(
                code,
                title,
                _total(before, group, "posted"),
                _total(after, group, "credits_posted") - _total(before, group, "credits_posted"),
                _total(after, group, "debits_posted") - _total(before, group, "debits_posted"),
                _total(after, group, "posted"),
            )
        )
        if code == "2000":
            rows.append(_held_row(before, after, group))
    return {
        "title": programme.title,
        "rows": [row.as_plain() for row in rows],
        "total": None
        if provider or enterprise
        else _total_row(before, after, treasury(slug), rows),
    }


def _held_row(
    before: dict[AccountKey, Balance], after: dict[AccountKey, Balance], keys: list[AccountKey]
) -> Flow:
    """Return the part of the vouchers that orders hold; it lies inside the line above."""
    opening = _total(before, keys, "debits_pending")
    closing = _total(after, keys, "debits_pending")
    change = closing - opening
    return Flow("", "其中：已占用", opening, max(change, 0), max(-change, 0), closing)


def _total_row(
    before: dict[AccountKey, Balance],
    after: dict[AccountKey, Balance],
    source: AccountKey,
    rows: Sequence[Flow],
) -> dict[str, Any]:
    """Return the sum of all stages; it must equal what finance granted."""
    stages = [row for row in rows if row.code]
    opening = sum(row.opening_fen for row in stages)
    closing = sum(row.closing_fen for row in stages)
    granted = after[source].debits_posted - before[source].debits_posted
    returned = after[source].credits_posted - before[source].credits_posted
    return {
        "opening_fen": opening,
        "increase_fen": granted,
        "decrease_fen": returned,
        "closing_fen": closing,
        "ties": closing == -after[source].posted and opening == -before[source].posted,
    }


def history(
    month: Month, provider: Provider | None = None, enterprise: Enterprise | None = None
) -> list[dict[str, Any]]:
    """Return the months up to and with ``month`` that were settled, at most twelve."""
    found = Statement.objects.put_out().filter(month__lte=str(month))
    if enterprise is not None:
        found = found.filter(enterprise=enterprise)
    if provider is not None:
        found = found.filter(provider=provider)
    rows = (
        found.values("month")
        .annotate(
            statements=Count("id"),
            gross=Sum("gross_fen"),
            public=Sum("public_fen"),
            pflops_hours=Sum("pflops_hours"),
        )
        .order_by("-month")[:HISTORY_MONTHS]
    )
    return [
        {
            "month": row["month"],
            "title": Month.parse(row["month"]).title,
            "statements": row["statements"],
            "gross_fen": row["gross"],
            "public_fen": row["public"],
            "pflops_hours": f"{row['pflops_hours']:.6f}",
        }
        for row in reversed(rows)
    ]


def recomputed_gross_fen(
    month: Month, provider: Provider | None = None, enterprise: Enterprise | None = None
) -> int:
    """Return what a month's usage costs, computed a second way: by the database, from the records.

    Adjustments that went over to a later month are left to it, those taken up here are in.
    """
    close = MonthClose.objects.get(month=str(month))
    taken_up = [
        (each.order_id, earlier)
        for each in close.statements.exclude(also_settles=[])
        for earlier in each.also_settles
    ]
    found = amounts(
        month,
        taken_up,
        unstated_orders(close),
        at=close.cutoff_at or month.end_at,
        provider=provider,
    )
    if enterprise is None:
        return sum(each.gross_fen for each in found)
    own = set(enterprise.orders.values_list("pk", flat=True))
    return sum(each.gross_fen for each in found if each.order_id in own)


def settled_in_ledger_fen(statements: Iterable[Statement]) -> int:
    """Return what the ledger put on statements, by its own movements (400 less 900)."""
    counted = (TransferCode.SETTLE, TransferCode.CORRECT)
    return sum(
        move.amount
        for statement in statements
        for move in movements(statement.settlement_account)
        if move.code in counted
    )


def checks_of(
    close: MonthClose,
    statements: Sequence[Statement],
    provider: Provider | None = None,
    enterprise: Enterprise | None = None,
) -> list[dict[str, Any]]:
    """Return the figures that were found twice, with their difference."""
    charged = sum(
        line.gross_fen
        for statement in statements
        for line in statement.lines.all()
        if line.reverses_id is None
    )
    found: list[tuple[str, int, Callable[[], int]]] = [
        (
            "服务总价：由计量记录独立重算",
            charged,
            lambda: recomputed_gross_fen(close.period, provider, enterprise),
        ),
        (
            "券抵扣：各行之和",
            sum(each.public_fen for each in statements),
            lambda: sum(line.public_fen for each in statements for line in each.lines.all()),
        ),
    ]
    if close.approved_at is not None:
        public = sum(each.public_fen for each in statements)
        found.append(("券抵扣：总账结算发生额", public, lambda: settled_in_ledger_fen(statements)))
    rows = []
    for title, ours, other in found:
        theirs = other()
        rows.append(
            {
                "title": title,
                "ours_fen": ours,
                "other_fen": theirs,
                "difference_fen": ours - theirs,
            }
        )
    return rows

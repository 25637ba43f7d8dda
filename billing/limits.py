"""What enterprises and programmes may still be granted while a month is planned."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from uuid import UUID

from django.db.models import Sum

from billing.models import Statement
from billing.rating import Limits
from ledger.amounts import yuan_text
from ledger.balances import balances
from ledger.chart import treasury
from ledger.periods import Month
from providers.models import Order
from vouchers.caps import groups_of
from vouchers.rulebook import Edition

#: The rules of every programme of a plan, by programme.
Editions = Mapping[UUID, Edition]


class CapsLeft:
    """What enterprises and programmes may still be granted, counted down while planning.

    Read in sets when it is made, for all orders of the plan. A year is the calendar year of the
    settlement month; a contract is an order, over all its months.
    """

    def __init__(self, month: Month, orders: Collection[Order], editions: Editions) -> None:
        self._editions = editions
        self._before = _before(orders)
        self._groups = _groups(orders, editions)
        self._granted = _granted_in_year(month, orders, self._groups)
        self._programmes = _left_in_programmes(orders)

    def limits_for(self, order: Order) -> Limits:
        """Return every limit of one order at this point of the plan, with its words."""
        voucher = order.voucher
        assert voucher is not None
        slug = voucher.programme.slug
        caps = self._editions[voucher.programme_id].caps
        eligible, granted = self._before.get(order.pk, (0, 0))
        spent = self._granted.get((slug, order.enterprise_id), 0)
        said = {"ENTERPRISE_YEAR": _said(caps.enterprise_year_fen, spent, "本年已核销")}
        group, contract = None, None
        if caps.group_year_fen is not None:
            members = self._groups[slug, order.enterprise_id]
            together = sum(self._granted.get((slug, each), 0) for each in members)
            group = max(caps.group_year_fen - together, 0)
            said["GROUP_YEAR"] = _said(caps.group_year_fen, together, "关联企业本年合计已核销")
        if caps.contract_fen is not None:
            contract = max(caps.contract_fen - granted, 0)
            said["CONTRACT"] = _said(caps.contract_fen, granted, "该合同各月已支持")
        other = voucher.application.answers.get("need", {}).get("other_funding_fen", 0)
        return Limits(
            held_fen=held_fen(order),
            cap_left_enterprise_fen=max(caps.enterprise_year_fen - spent, 0),
            cap_left_programme_fen=max(self._programmes[slug], 0),
            cap_left_group_fen=group,
            cap_left_contract_fen=contract,
            other_funding_fen=int(other or 0),
            contract_fen=order.estimated_gross_fen,
            eligible_before_fen=eligible,
            granted_before_fen=granted,
            said=said,
        )

    def count(self, order: Order, grant_fen: int) -> None:
        """Take a planned grant off what is left for the orders after it."""
        assert order.voucher is not None
        slug = order.voucher.programme.slug
        key = (slug, order.enterprise_id)
        self._granted[key] = self._granted.get(key, 0) + grant_fen
        self._programmes[slug] -= grant_fen


def _before(orders: Collection[Order]) -> dict[UUID, tuple[int, int]]:
    """Return by order what earlier statements found eligible and what they granted."""
    made = Statement.objects.filter(order__in=orders).exclude(state="draft")
    sums = made.values_list("order_id").annotate(Sum("eligible_fen"), Sum("public_fen"))
    return {order_id: (eligible, granted) for order_id, eligible, granted in sums.order_by()}


def held_fen(order: Order) -> int:
    """Return what the holds of an order still hold, on all its vouchers."""
    return sum(each.left_fen for each in order.holds() if each.state == "open")


def _said(cap_fen: int, used_fen: int, what: str) -> str:
    """Return a cap in words: the cap less what is used up of it."""
    return f"上限 {yuan_text(cap_fen)} 元 − {what} {yuan_text(used_fen)} 元"


def _groups(
    orders: Collection[Order], editions: Editions
) -> dict[tuple[str, UUID], frozenset[UUID]]:
    """Return by scheme and enterprise who shares the cap of a group, where an edition sets one."""
    capped: dict[UUID, list[Order]] = {}
    for order in orders:
        if order.voucher and editions[order.voucher.programme_id].caps.group_year_fen is not None:
            capped.setdefault(order.voucher.programme_id, []).append(order)
    found: dict[tuple[str, UUID], frozenset[UUID]] = {}
    for listed in capped.values():
        voucher = listed[0].voucher
        assert voucher is not None
        groups = groups_of((each.enterprise for each in listed), voucher.programme)
        found |= {(voucher.programme.slug, firm): members for firm, members in groups.items()}
    return found


def _granted_in_year(
    month: Month,
    orders: Collection[Order],
    groups: Mapping[tuple[str, UUID], frozenset[UUID]],
) -> dict[tuple[str, UUID], int]:
    """Return by scheme and enterprise what the year's statements granted."""
    concerned = {each.enterprise_id for each in orders}.union(*groups.values())
    sums = (
        Statement.objects.filter(
            enterprise__in=concerned,
            month__startswith=str(month.year),
        )
        .values_list("voucher__programme__slug", "enterprise_id")
        .annotate(Sum("public_fen"))
    )
    return {(slug, enterprise): total for slug, enterprise, total in sums.order_by()}


def _left_in_programmes(orders: Collection[Order]) -> dict[str, int]:
    """Return by scheme what finance granted and no statement has used."""
    slugs = {each.voucher.programme.slug for each in orders if each.voucher}
    sums = Statement.objects.filter(voucher__programme__slug__in=slugs)
    used = dict(sums.values_list("voucher__programme__slug").annotate(Sum("public_fen")).order_by())
    granted = balances(treasury(slug) for slug in slugs)
    return {slug: -granted[treasury(slug)].posted - used.get(slug, 0) for slug in slugs}


def as_if_paid(limits: Limits, list_fen: int) -> Limits:
    """Return limits as if all that was used were invoiced and paid already.

    Where the enterprise pays first, this gives what it may claim at most; what the papers of its
    claim really say replaces it then.
    """
    return replace(limits, paid_fen=list_fen, invoiced_fen=list_fen, bank_paid_fen=list_fen)

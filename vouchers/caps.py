"""How much an enterprise and its group hold already, and the one gate that keeps them in bounds.

Every ceiling on public money per enterprise, per related group and per year is counted here.
A year is a calendar year in Shanghai, by the day of issue.

Units: fen.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Sum

from ledger.amounts import yuan_text
from ledger.periods import Month, day_of
from ledger.refusals import Refused
from vouchers import radar, registers
from vouchers.models import Enterprise, Programme, Succession, Voucher

MONTHS = 12
ROUNDS = 5
LIMIT_BP = 2500  # DEFAULT of the domain, where no edition is at hand


def used_by_enterprise_fen(
    enterprise: Enterprise, programme: Programme, at: datetime | None = None
) -> int:
    """Return the face of an enterprise's vouchers under a scheme, less what was revoked.

    What a body it took over held counts as its own.

    Args:
        enterprise: whose vouchers.
        programme: any edition of the scheme; editions of one scheme share their caps.
        at: counts the year this moment lies in; without it all years.
    """
    return _used_fen(_with_predecessors([enterprise.pk]), programme, at)


def used_by_group_fen(members: Iterable[Enterprise], programme: Programme, at: datetime) -> int:
    """Return the same for all members of a related group together, in the year of ``at``."""
    return _used_fen(_with_predecessors([each.pk for each in members]), programme, at)


def group_members(enterprise: Enterprise, programme: Programme | None = None) -> list[Enterprise]:
    """Return an enterprise and the registered enterprises related to it, in one order for all."""
    limit_bp = programme.edition.review.related_party_bp if programme else LIMIT_BP
    codes = [each.other for each in radar.group_around(enterprise, limit_bp)]
    return list(Enterprise.objects.filter(uscc__in=[enterprise.uscc, *codes]).order_by("pk"))


def groups_of(enterprises: Iterable[Enterprise], programme: Programme) -> dict[Any, frozenset[Any]]:
    """Return by enterprise the ids of its related group, itself included.

    Most enterprises stand in no register that could relate them to anybody; they are found to be
    alone in one question.
    """
    listed = {each.pk: each for each in enterprises}
    named = registers.related_codes(each.uscc for each in listed.values())
    return {
        pk: frozenset(each.pk for each in group_members(firm, programme))
        if firm.uscc in named
        else frozenset({pk})
        for pk, firm in listed.items()
    }


def lock_group(enterprise: Enterprise, programme: Programme | None = None) -> list[Enterprise]:
    """Lock an enterprise with everybody related to it, in one order for all; it comes first.

    Two issues to members of one group come one after the other; the second sees the first. A group
    that grew while we waited is locked anew from the beginning, so that nobody locks out of order.

    Raises:
        Refused: the group kept growing while it was locked.
    """
    for _ in range(ROUNDS):
        wanted = [each.pk for each in group_members(enterprise, programme)]
        with transaction.atomic():
            rows = Enterprise.objects.select_for_update(of=("self",)).order_by("pk")
            locked = list(rows.filter(pk__in=wanted))
            grown = [each.pk for each in group_members(enterprise, programme)] != wanted
            transaction.set_rollback(grown)  # gives the locks back
        if not grown:
            return sorted(locked, key=lambda each: each.pk != enterprise.pk)
    raise Refused("group_changing", "关联企业信息正在更新，请稍后再办。")


def refuse_over_caps(
    enterprise: Enterprise, programme: Programme, face_fen: int, at: datetime
) -> None:
    """Refuse a voucher that would lift the enterprise or its group over a cap of the year.

    The caller holds the locks of ``lock_group``.

    Raises:
        Refused: over a cap; the sentence says the cap, what is used and what is left.
    """
    caps = programme.edition.caps
    used = used_by_enterprise_fen(enterprise, programme, at)
    if used + face_fen > caps.enterprise_year_fen:
        raise _over("企业年度上限", caps.enterprise_year_fen, used, face_fen, caps.clause)
    if caps.group_year_fen is None:
        return
    members = group_members(enterprise, programme)
    used = used_by_group_fen(members, programme, at)
    if used + face_fen > caps.group_year_fen:
        names = "、".join(each.name for each in members if each.pk != enterprise.pk)
        title = f"关联企业（{names}）合并年度上限" if names else "关联企业合并年度上限"
        raise _over(title, caps.group_year_fen, used, face_fen, caps.clause)


def _with_predecessors(keys: list[Any]) -> set[Any]:
    """Return these enterprises and all that were merged into them, step by step."""
    found, fresh = set(keys), set(keys)
    while fresh:
        merged = Succession.objects.filter(successor__in=fresh)
        fresh = set(merged.values_list("enterprise_id", flat=True)) - found
        found |= fresh
    return found


def _over(title: str, cap_fen: int, used_fen: int, face_fen: int, clause: str) -> Refused:
    return Refused(
        "over_cap",
        f"{title} {yuan_text(cap_fen)} 元，已发 {yuan_text(used_fen)} 元，"
        f"余 {yuan_text(max(0, cap_fen - used_fen))} 元，不足本次 {yuan_text(face_fen)} 元。",
        clause=clause,
    )


def _used_fen(keys: Iterable[Any], programme: Programme, at: datetime | None) -> int:
    held = Voucher.objects.filter(enterprise__in=list(keys), programme__slug=programme.slug)
    if at is not None:
        year = day_of(at).year
        held = held.filter(
            issued_at__gte=Month(year, 1).start_at, issued_at__lt=Month(year, MONTHS).end_at
        )
    return int(held.aggregate(total=Sum(F("face_fen") - F("returned_fen")))["total"] or 0)

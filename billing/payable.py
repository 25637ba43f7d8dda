"""Which part of metered use public money pays for, by the edition's rules; the rest has a reason.

Pure. What is not payable stays the enterprise's own debt to its provider: it is priced and stands
on the statement, and no voucher is charged for it.

Units: milli-seconds of one device, basis points. Source: metering.md (basis, job_state).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from billing.terms import percent
from ledger.amounts import BASIS_POINTS
from vouchers.rulebook import PayableUse

BASIS_WORDS = {"allocated": "分配", "reserved": "预留", "utilised": "占用"}
_FAILED, _CANCELLED = "failed", "cancelled"


@dataclass(frozen=True)
class Outcome:
    """What was metered in one way and ended in one way, corrections set off."""

    basis: str
    job_state: str
    device_milli_seconds: int


@dataclass(frozen=True)
class PayablePart:
    """A part of a quantity; without a reason it is payable."""

    device_milli_seconds: int
    reason: str = ""


def payable_parts(
    device_milli_seconds: int, outcomes: Sequence[Outcome], rule: PayableUse
) -> list[PayablePart]:
    """Cut a quantity into what is payable and what is not; the parts add up to it.

    A limit in per cent is of what was metered in a payable way, failed work included; what is
    allowed is rounded down.

    Args:
        device_milli_seconds: the whole quantity of one order, rate and month of use.
        outcomes: how it was metered and how the work ended; together the whole quantity.
        rule: the edition's.
    """
    if rule.everything or device_milli_seconds <= 0:
        return [PayablePart(device_milli_seconds)]
    clause = f"（{rule.clause}）" if rule.clause else ""
    unpaid: list[PayablePart] = []
    left = device_milli_seconds
    for basis, word in BASIS_WORDS.items():
        if basis not in rule.bases:
            amount = min(_sum(outcomes, basis=basis), left)
            unpaid.append(PayablePart(amount, f"“{word}”口径的用量不予支持{clause}"))
            left -= amount
    counted = left
    for state, word, most_bp in (
        (_FAILED, "失败", rule.failed_most_bp),
        (_CANCELLED, "取消或被抢占", rule.cancelled_most_bp),
    ):
        used = sum(_sum(outcomes, basis=each, job_state=state) for each in rule.bases)
        amount = min(max(used - counted * most_bp // BASIS_POINTS, 0), left)
        reason = f"{word}作业的用量不予支持{clause}"
        if most_bp:
            reason = f"{word}作业超过用量 {percent(most_bp)} 的部分不予支持{clause}"
        unpaid.append(PayablePart(amount, reason))
        left -= amount
    parts = [PayablePart(left)] if left else []
    return parts + [each for each in unpaid if each.device_milli_seconds]


def _sum(outcomes: Sequence[Outcome], *, basis: str, job_state: str | None = None) -> int:
    """Return what was metered so, never below nothing."""
    found = sum(
        each.device_milli_seconds
        for each in outcomes
        if each.basis == basis and job_state in (None, each.job_state)
    )
    return max(found, 0)

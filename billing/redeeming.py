"""Read an edition's rule of the public share, and turn the share of a statement into spending.

How use is priced stands in ``pricing``; a whole month is put together in ``planning``.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import rfc8785
from django.db.models import Q

from billing.models import Statement, StatementLine
from billing.rating import (
    Bonus,
    SettlementMode,
    ShareRule,
    Stacking,
)
from ledger.actors import Actor
from ledger.amounts import pflops_hours
from ledger.periods import Month
from providers.measures import DEVICE_MILLI_SECONDS_PER_CARD_HOUR
from providers.models import AcceleratorRate
from vouchers.models import Redemption
from vouchers.redeeming import Charge, redeem_set
from vouchers.rulebook import Edition

_FORMATS = {"FP16_DENSE": "FP16 稠密"}


def share_rule(edition: Edition) -> ShareRule:
    """Read from a programme edition what the share formula needs."""
    return ShareRule(
        mode=SettlementMode(edition.settlement.mode),
        base_bp=edition.ratio.base_bp,
        max_bp=edition.ratio.max_bp,
        bonuses=tuple(
            Bonus(code=each.code, title=each.title, bp=each.add_bp, clause=each.clause)
            for each in edition.ratio.bonuses
        ),
        highest_bonus_only=edition.ratio.bonus_rule == "HIGHER_ONLY",
        stacking=Stacking(edition.stacking.rule),
        cumulative_cap_bp=edition.stacking.cap_bp,
        truncate_fen=1 if edition.settlement.rounding == "TO_FEN_DOWN" else 100,
        truncate_steps=edition.settlement.rounding == "TO_YUAN_EACH_STEP",
        min_contract_fen=(
            edition.caps.min_contract_fen if edition.caps.min_contract_for == "ORDER" else 0
        ),
        clauses={
            "eligible": edition.settlement.clause,
            "ratio": edition.ratio.clause,
            "cap": edition.caps.clause,
            "budget": edition.budget.clause,
            "stacking": edition.stacking.clause,
            "truncate": edition.settlement.clause,
            "held": edition.validity.clause,
        },
    )


def rate_label(rate: AcceleratorRate) -> str:
    """Return how a rate is named on a statement: its number format and version."""
    return f"{_FORMATS.get(rate.number_format, rate.number_format)} 第 {rate.version} 版"


def card_hours(device_milli_seconds: int) -> Any:
    """Return card-hours with six decimals, for showing."""
    # One division, half-even, by the same function that shows PFLOPS-hours.
    return pflops_hours(
        device_milli_seconds * (3_600_000_000_000 // DEVICE_MILLI_SECONDS_PER_CARD_HOUR)
    )


def statement_digest(statement: Statement, lines: Iterable[StatementLine]) -> str:
    """Return the digest of everything a statement says, in any order of its lines."""
    said = {
        "statement": str(statement.id),
        "no": statement.statement_no,
        "month": statement.month,
        "version": statement.version,
        "order": str(statement.order_id),
        "voucher": str(statement.voucher_id),
        "gross_fen": str(statement.gross_fen),
        "public_fen": str(statement.public_fen),
        "self_fen": str(statement.self_fen),
        "device_milli_seconds": str(statement.device_milli_seconds),
        "terms": statement.terms,
        "lines": [
            {
                "ordinal": str(line.ordinal),
                "model": line.model_ref,
                "rate": line.rate_ref,
                "price": line.price_ref,
                "gflops": str(line.gflops),
                "price_fen": str(line.price_fen),
                "device_milli_seconds": str(line.device_milli_seconds),
                "gross_fen": str(line.gross_fen),
                "public_fen": str(line.public_fen),
                **_said_of_price(line),
            }
            for line in sorted(lines, key=lambda each: each.ordinal)
        ],
    }
    return hashlib.sha256(rfc8785.dumps(said)).hexdigest()


def _said_of_price(line: StatementLine) -> dict[str, str]:
    """Return what a line says of its price beside the filed one; nothing where there is nothing."""
    said = {
        "filed_price_fen": line.filed_price_fen,
        "tier": line.tier,
        "discount_bp": line.discount_bp,
        "credit_fen": line.credit_fen,
        "unpaid_reason": line.unpaid_reason,
    }
    return {name: str(value) for name, value in said.items() if value}


def redeem_statements(
    statements: Sequence[Statement], month: Month, *, actor: Actor, at: datetime
) -> None:
    """Turn the public shares of draft statements into spending, each once.

    A statement without a share leaves its voucher alone, and so does one that is paid by claim:
    what a claim writes off is redeemed then.

    Writes: by ``vouchers.redeeming.redeem_set`` one journal (voucher to redeemed, metered
        computing to used) and one redemption row for each.
    """
    shared = [each for each in statements if each.public_fen and not each.by_claim]
    charges = [(each, charge) for each in shared for charge in _charges(each)]
    made = redeem_set([charge for _, charge in charges], month=month, actor=actor, at=at)
    for (statement, _), redemption in zip(charges, made, strict=True):
        statement.redemption_id = statement.redemption_id or redemption.pk


def _charges(statement: Statement) -> list[Charge]:
    """Draw a share on the holds of its order, in their fixed order; one charge for each drawn on.

    The first bears the computing of the statement.
    """
    charges: list[Charge] = []
    left = statement.public_fen
    for ordinal, hold in enumerate(statement.order.holds(), start=1):
        amount = min(left, hold.left_fen if hold.state == "open" else 0)
        if amount == 0:
            continue
        left -= amount
        charges.append(
            Charge(
                hold_id=hold.pk,
                amount_fen=amount,
                charge_ref=charge_ref(statement.pk, ordinal),
                terms={"binding": statement.binding, "terms": statement.terms},
                compute=0 if charges else statement.compute_gflops_s,
                provider_ref=str(statement.provider_id),
                key=uuid5(statement.pk, "redeem" if ordinal == 1 else f"redeem/{ordinal}"),
            )
        )
    return charges


def charge_ref(statement_id: UUID, ordinal: int) -> str:
    """Return under which name a statement charges the voucher of this place in the order."""
    return str(statement_id) if ordinal == 1 else f"{statement_id}/{ordinal}"


def drawn_on(statement_id: UUID) -> list[Redemption]:
    """Return what a statement redeemed, in the order in which its vouchers were drawn on."""
    found = Redemption.objects.filter(
        Q(charge_ref=str(statement_id)) | Q(charge_ref__startswith=f"{statement_id}/")
    )
    return sorted(
        found.select_related("voucher"), key=lambda each: int(each.charge_ref[37:] or "1")
    )

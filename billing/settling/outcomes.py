"""Post what became of a statement: to both sides in the inbox and by mail, to providers' webhooks.

Only numbers and words of the procedure go into webhooks; reasons stay in messages.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Count, Sum

from billing.models import Claim, Confirmation, MonthClose, Objection, Statement
from billing.settling.telling import address_of, people_of
from ledger.actors import Actor
from providers.models import Provider
from providers.telling import tell
from vouchers.models import Enterprise
from vouchers.notices import tell_enterprise, tell_people, tell_staff

DECIDES_OBJECTIONS = "billing.approve_settlement"
CHECKS_CLAIMS = "billing.check_claim"
REVIEWS_CLAIMS = "billing.review_claim"


def tell_objected(objection: Objection, *, actor: Actor, at: datetime) -> None:
    """Tell the bureau and both sides that a side objects to a line, and who owes what by when."""
    statement = objection.statement
    facts = {
        "month": statement.month,
        "statement_no": statement.statement_no,
        "party": f"{objection.get_side_display()}（{statement.statement_no}）",
        "line": objection.line.ordinal,
        "amount_fen": objection.amount_fen,
        "due_on": objection.due_on,
        "reason": objection.reason,
    }
    tell_staff(DECIDES_OBJECTIONS, "statement_objected", facts, about=statement, at=at)
    _both(statement, "statement_line_disputed", facts, at)
    told = {**_named(objection), "due_on": str(objection.due_on)}
    tell(statement.provider, "statement.objected", told, actor=actor, at=at)


def tell_withdrawn(objection: Objection, *, actor: Actor, at: datetime) -> None:
    """Tell the bureau and both sides that an objection was taken back."""
    tell_decided(objection, actor=actor, at=at)
    facts = {
        "month": objection.statement.month,
        "party": f"{objection.get_side_display()}（{objection.statement.statement_no}）",
    }
    about = objection.statement
    tell_staff(DECIDES_OBJECTIONS, "statement_objection_withdrawn", facts, about=about, at=at)


def tell_decided(objection: Objection, *, actor: Actor, at: datetime) -> None:
    """Tell both sides of a statement what became of an objection."""
    statement = objection.statement
    facts = {
        "month": statement.month,
        "statement_no": statement.statement_no,
        "outcome": objection.get_state_display(),
        "reason": objection.resolution,
    }
    about: dict[str, Any] = {"about": statement, "at": at}
    tell_enterprise(statement.enterprise, "objection_on_statement_decided", facts, **about)
    _provider(statement.provider, "provider_objection_decided", facts, **about)
    told = {
        **_named(objection),
        "outcome": str(objection.state),
        "version": str(Statement.objects.get(pk=statement.pk).version),
    }
    tell(statement.provider, "statement.decided", told, actor=actor, at=at)


def tell_deemed(confirmation: Confirmation, *, actor: Actor, at: datetime) -> None:
    """Tell both sides that a silent side is deemed to agree, and by which delivery."""
    statement = confirmation.statement
    facts = {
        "statement_no": statement.statement_no,
        "side": confirmation.get_side_display(),
        "served_at": confirmation.served_at,
        "how": confirmation.served_how,
    }
    _both(statement, "statement_deemed", facts, at)
    told = {
        "statement_no": statement.statement_no,
        "side": confirmation.side,
        "version": str(confirmation.version),
    }
    tell(statement.provider, "statement.deemed", told, actor=actor, at=at)


def tell_approved(close: MonthClose, *, actor: Actor, at: datetime) -> None:
    """Tell every enterprise and provider of a month once that it was approved."""
    for side in ("enterprise", "provider"):
        rows = close.statements.values(side).annotate(
            count=Count("pk"), public_fen=Sum("public_fen"), held_fen=Sum("held_back_fen")
        )
        for row in rows.order_by(side):
            facts = {**row, "month": close.month}
            if side == "enterprise":
                firm = Enterprise.objects.get(pk=row[side])
                tell_enterprise(firm, "settlement_approved", facts, about=close, at=at)
                continue
            provider = Provider.objects.get(pk=row[side])
            _provider(provider, "provider_settlement_approved", facts, about=close, at=at)
            told = {
                "month": close.month,
                "statements": str(row["count"]),
                "public_fen": str(row["public_fen"]),
                "held_back_fen": str(row["held_fen"]),
            }
            tell(provider, "settlement.approved", told, actor=actor, at=at)


def tell_claim(claim: Claim, kind: str, facts: Mapping[str, Any], at: datetime) -> None:
    """Tell the enterprise what became of its claim."""
    statement = claim.statement
    said = {"claim_no": claim.claim_no, "statement_no": statement.statement_no, **facts}
    tell_enterprise(statement.enterprise, kind, said, about=statement, at=at)


def tell_claim_time(
    statement: Statement, kind: str, facts: Mapping[str, Any], at: datetime, once: str
) -> bool:
    """Tell the enterprise that its time to claim ends, or ended; say whether it was told now."""
    said = {"statement_no": statement.statement_no, **facts}
    sent = tell_enterprise(statement.enterprise, kind, said, about=statement, at=at, once=once)
    return sent is not None


def tell_claim_waits(claim: Claim, right: str, at: datetime) -> None:
    """Tell those of the bureau who check or review claims that one waits."""
    facts = {
        "claim_no": claim.claim_no,
        "enterprise": claim.statement.enterprise.name,
        "step": "复核" if right == REVIEWS_CLAIMS else "核验",
    }
    tell_staff(right, "claim_waits", facts, about=claim, at=at)


def _named(objection: Objection) -> dict[str, str]:
    return {
        "statement_no": objection.statement.statement_no,
        "objection": str(objection.pk),
        "side": objection.side,
        "line": str(objection.line.ordinal),
        "amount_fen": str(objection.amount_fen),
    }


def _both(statement: Statement, kind: str, facts: Mapping[str, Any], at: datetime) -> None:
    tell_enterprise(statement.enterprise, kind, facts, about=statement, at=at)
    _provider(statement.provider, f"provider_{kind}", facts, about=statement, at=at)


def _provider(
    provider: Provider, kind: str, facts: Mapping[str, Any], *, about: Any, at: datetime
) -> None:
    tell_people(address_of(provider), people_of(provider.pk), kind, facts, about=about, at=at)

"""Prepare a grant of budget for a second person, who then approves it: no page moves money alone.

Units: fen.
"""

import dataclasses
from datetime import datetime
from uuid import UUID

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.identifiers import new_id
from ledger.refusals import Refused
from vouchers.issuing import grant_budget, sane_grant
from vouchers.models import BudgetGrant, GrantRequest, Programme


@transaction.atomic
def prepare_grant(
    programme: Programme,
    amount_fen: int,
    *,
    document_no: str,
    actor: Actor,
    at: datetime,
    key: UUID | None = None,
) -> GrantRequest:
    """Prepare a grant for another person to approve; no money moves yet.

    Writes: a request row, a log entry.

    Raises:
        Refused: no document, or more than the scheme's total for this kind.
    """
    programme = Programme.objects.select_for_update(of=("self",)).get(pk=programme.pk)
    if key and (known := GrantRequest.objects.filter(pk=key).first()):
        return known
    sane_grant(programme, amount_fen, document_no)
    request = GrantRequest.objects.create(
        pk=key or new_id(),
        programme=programme,
        amount_fen=amount_fen,
        document_no=document_no,
        prepared_at=at,
        prepared_by=dataclasses.asdict(actor),
    )
    audit.record(
        "budget.prepare",
        {"request": request.pk, "programme": programme.slug, "amount_fen": amount_fen},
        actor=actor,
        at=at,
    )
    return request


@transaction.atomic
def approve_grant(request: GrantRequest, *, actor: Actor, at: datetime) -> BudgetGrant:
    """Approve a prepared grant: now the money is in the budget; asking again changes nothing.

    Writes: what ``grant_budget`` writes; the request points at its grant.

    Raises:
        Refused: the person who prepared it approves, or it was dropped.
    """
    request = (
        GrantRequest.objects.select_for_update(of=("self",))
        .select_related("programme", "grant")
        .get(pk=request.pk)
    )
    if request.grant:
        return request.grant
    if request.dropped_at:
        raise Refused("request_dropped", "这笔下达已撤销，请重新经办。")
    grant = grant_budget(
        request.programme,
        request.amount_fen,
        document_no=request.document_no,
        approved_by=actor,
        actor=Actor(**request.prepared_by),
        at=at,
        key=request.pk,
    )
    request.grant = grant
    request.save()
    return grant

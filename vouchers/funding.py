"""Take money into the budget, by two people: one prepares a grant, another approves it.

Units: fen.
"""

import dataclasses
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Sum

from ledger import audit
from ledger.actors import Actor
from ledger.amounts import share_floor, yuan_text
from ledger.balances import balance
from ledger.book import Journal, post
from ledger.chart import expired
from ledger.identifiers import new_id
from ledger.refusals import Refused
from vouchers import bookings
from vouchers.gates import two_persons
from vouchers.models import BudgetGrant, GrantRequest, Programme

MOST_FEN = 10**15


@transaction.atomic
def grant_budget(
    programme: Programme,
    amount_fen: int,
    *,
    document_no: str,
    document_sha256: str = "",
    approved_by: Actor,
    actor: Actor,
    at: datetime,
    key: UUID | None = None,
) -> BudgetGrant:
    """Take money granted by finance into the budget of a scheme; two people.

    ``approved_by`` is another natural person than ``actor``, who prepared it; asking again with
    the same key gives the same grant.

    Writes: one transfer (100), a grant row, a log entry.

    Raises:
        Refused: one person twice, no document, or more than the scheme's total for this kind.
    """
    programme = Programme.objects.select_for_update(of=("self",)).get(pk=programme.pk)
    if key and (known := BudgetGrant.objects.filter(pk=key).first()):
        return _same_grant(known, programme, amount_fen)
    two_persons(actor, approved_by)
    sane_grant(programme, amount_fen, document_no)
    journal_id = _book_grant(programme, amount_fen, document_no, (actor, approved_by), at)
    grant = BudgetGrant.objects.create(
        pk=key or new_id(),
        programme=programme,
        amount_fen=amount_fen,
        document_no=document_no,
        document_sha256=document_sha256,
        granted_at=at,
        prepared_by=actor.name,
        prepared_person=actor.person,
        approved_by=approved_by.name,
        approved_person=approved_by.person,
        journal_id=journal_id,
    )
    audit.record(
        "budget.grant",
        {
            "grant": grant.pk,
            "programme": programme.slug,
            "amount_fen": amount_fen,
            "document_no": document_no,
            "document_sha256": document_sha256,
            "approved_by": approved_by.for_log(),
        },
        actor=actor,
        at=at,
    )
    return grant


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


@transaction.atomic
def rebudget_lapsed(programme: Programme, *, actor: Actor, at: datetime) -> int:
    """Put lapsed value back into the budget while somebody may still apply; return how much.

    Once the last window is over what lapses stays apart: it is not carried into another year.

    Args:
        programme: the newest edition of the scheme; its windows count.
        actor: the bell that asks every night.
        at: when.

    Writes: one transfer (510) and a log entry, if anything lapsed.

    Source: domain.md 2.6 (expired amounts return only while a window is open).
    """
    programme = Programme.objects.select_for_update(of=("self",)).get(pk=programme.pk)
    lapsed = balance(expired(programme.slug)).available
    if lapsed <= 0 or programme.window_state(at) not in ("open", "before", "between"):
        return 0
    transfer = bookings.rebudgeting(programme, lapsed)
    refs = {"programme": programme.slug}
    post(Journal(new_id(), "budget.rebudget", at, (transfer,), refs), actor=actor, at=at)
    audit.record(
        "budget.rebudget",
        {"programme": programme.slug, "amount_fen": lapsed},
        actor=actor,
        at=at,
    )
    return lapsed


def sane_grant(programme: Programme, amount_fen: int, document_no: str) -> None:
    """Refuse a grant without amount or document, or beyond the scheme's total."""
    if not 0 < amount_fen <= MOST_FEN:
        raise Refused("amount_invalid", "下达金额须大于 0 元，请更正。", field="amount")
    if not document_no.strip():
        raise Refused("document_missing", "请填写财政下达文件的文号。", field="document_no")
    budget = programme.edition.budget
    ceiling = share_floor(budget.total_fen, budget.shares_bp[programme.kind])
    granted = BudgetGrant.objects.filter(programme__slug=programme.slug)
    sofar = int(granted.aggregate(total=Sum("amount_fen"))["total"] or 0)
    if sofar + amount_fen > ceiling:
        raise Refused(
            "over_programme_budget",
            f"该券种预算为 {yuan_text(ceiling)} 元，已下达 {yuan_text(sofar)} 元，"
            f"本次最多可下达 {yuan_text(ceiling - sofar)} 元。",
            clause=budget.clause,
            field="amount",
        )


def _same_grant(known: BudgetGrant, programme: Programme, amount_fen: int) -> BudgetGrant:
    if (known.programme_id, known.amount_fen) != (programme.pk, amount_fen):
        raise Refused("key_reused", "这次请求的编号已用于另一笔下达，请刷新页面后重试。")
    return known


def _book_grant(
    programme: Programme,
    amount_fen: int,
    document_no: str,
    people: tuple[Actor, Actor],
    at: datetime,
) -> UUID:
    transfer = bookings.granting(programme, amount_fen)
    refs = {"programme": programme.slug, "document_no": document_no}
    journal = Journal(new_id(), "budget.grant", at, (transfer,), refs, people[1:])
    post(journal, actor=people[0], at=at)
    return journal.id

"""What the pages show of answers: how a statement was served, by when, what differs, what waits."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse

from billing.models import Claim, Objection, Statement, StatementLine
from billing.settling.claim_clock import claim_until
from billing.settling.serving import SIDES, deadline_of, services, silent_sides
from billing.statement_files import files_about, readable
from ledger.periods import day_of
from ledger.refusals import Refused
from vouchers.downloads import attachment_response

SIDE_TITLES = {"enterprise": "企业", "provider": "服务商"}
ADVICE = (
    "请电话联系对方联系人，请其登录打开消息；仍不答复的，当面或邮寄送达，"
    "并在对账单页登记送达（对象、方式、时间、回执）。"
)


def answers(
    statement: Statement, at: datetime, *, side: str = "", person: str = ""
) -> dict[str, Any]:
    """Return what a statement's page tells of answers.

    Args:
        side: who reads; nothing for the bureau.
        person: the natural person who reads, who may withdraw their own objections.
    """
    objections = list(statement.objections.all())
    files = files_about([each.pk for each in objections])
    return {
        "served": _served(statement, at),
        "objections": [
            {
                "row": each,
                "files": files.get(each.pk, []),
                "overdue": each.state == Objection.State.OPEN
                and each.due_on is not None
                and each.due_on < day_of(at),
                "may_withdraw": each.state == Objection.State.OPEN
                and each.side == side
                and bool(person)
                and each.raised_person == person,
            }
            for each in objections
        ],
        "versions": versions(statement),
        "total": statement.provider_totals.first(),
        "claim_until": claim_until(statement) if statement.by_claim else None,
        "claim": statement.claims.order_by("-opened_at").first() if statement.by_claim else None,
        "match": statement.matches.first(),
    }


def _served(statement: Statement, at: datetime) -> list[dict[str, Any]]:
    """Return by side whether the present version was served, and until when it may answer."""
    if statement.state not in (Statement.State.IN_REVIEW, Statement.State.DISPUTED):
        return []
    proofs = services([statement])
    told = []
    for side in SIDES:
        proof = proofs.get((statement.pk, side))
        try:
            until = deadline_of(statement, proof)
        except Refused:
            until = None
        told.append(
            {
                "side": SIDE_TITLES[side],
                "proof": proof,
                "until": until,
                "over": until is not None and at >= until,
            }
        )
    return told


def versions(statement: Statement) -> list[dict[str, Any]]:
    """Return the versions of a corrected statement with what each changed; none for a first one."""
    rows = list(statement.versions.all())
    lines = list(statement.lines.all()) if rows else []
    told = []
    for place, row in enumerate(rows):
        before = rows[place - 1] if place else None
        added = lines[before.line_count : row.line_count] if before else []
        told.append(
            {
                "row": row,
                "added": added,
                "gross_fen": _grown(added, "gross_fen"),
                "public_fen": _grown(added, "public_fen"),
                "self_fen": _grown(added, "self_fen"),
            }
        )
    return told


def _grown(lines: list[StatementLine], name: str) -> int:
    return sum(getattr(each, name) for each in lines)


def open_answers(at: datetime) -> dict[str, Any]:
    """Return what the bureau has to do about answers: objections by day, who was not served."""
    objections = (
        Objection.objects.all()
        .waiting()
        .select_related("statement__enterprise", "statement__provider", "line")
    )
    silent = [each for each in silent_sides(at) if each.served is None]
    return {
        "objections": [
            {"row": each, "overdue": each.due_on is not None and each.due_on < day_of(at)}
            for each in objections
        ],
        "silent": silent,
        "advice": ADVICE,
    }


def file_response(
    request: HttpRequest, statement: Statement, file_pk: UUID, side: str
) -> HttpResponse:
    """Return a file of a statement to a side or the bureau, or 404."""
    found: Any = readable(statement, file_pk, side)
    if found is None:
        raise Http404
    return attachment_response(request, found)


def claim_page(claim: Claim) -> dict[str, Any]:
    """Return what a claim's page shows, whoever reads it."""
    return {
        "claim": claim,
        "statement": claim.statement,
        "papers": claim.papers.filter(active=True).select_related("file"),
        "until": claim_until(claim.statement),
    }

"""What an enterprise and a provider may have printed and taken home: their own, and no more."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse

from billing import files, lookup, pages
from billing.pages import close_named, told
from billing.reporting import make_report
from ledger.actors import Actor
from ledger.refusals import Refused

PAPERS = ("statement", "certificate", "note")


def _make(
    request: HttpRequest, close: Any, subject: Any, kind: str, actor: Actor, at: datetime
) -> None:
    try:
        report = make_report(close, subject, kind=kind, actor=actor, at=at)
        messages.success(request, f"{report.report_no} 已安排生成，稍后刷新本页即可下载。")
    except Refused as refused:
        told(request, refused)


def give(party: Any, pk: UUID) -> HttpResponse:
    """Return the PDF of a document that is a party's own.

    Raises:
        Http404: it is not, or not made yet.
    """
    report = lookup.party_report(party, pk)
    if report is None:
        raise Http404
    return pages.pdf_response(report)


def ask_paper(request: HttpRequest, party: Any, pk: UUID, actor: Actor, at: datetime) -> None:
    """Ask for a paper on one of a party's statements or its notes, and tell the person.

    Raises:
        Http404: not the party's statement, or no such paper.
    """
    statement = party.statements.put_out().select_related("close").filter(pk=pk).first()
    kind = request.POST.get("kind", "")
    if statement is None or kind not in PAPERS:
        raise Http404
    subject: Any = statement
    if kind == "note":
        subject = lookup.note_on(statement, request.POST.get("subject", ""))
        if subject is None:
            raise Http404
    close = subject.statement.close if kind == "note" else statement.close
    _make(request, close, subject, kind, actor, at)


def ask_month(request: HttpRequest, party: Any, month: str, actor: Actor, at: datetime) -> None:
    """Ask for a party's report of a month, or for a large file of it, and tell the person.

    Raises:
        Http404: the party has no statement in that month.
    """
    close = close_named(month)
    if close not in lookup.party_months(party):
        raise Http404
    if request.POST.get("table"):
        files.ask(request, close, party, actor, at)
    else:
        _make(request, close, party, "", actor, at)


def file_of(party: Any, month: str, table: str, form: str, at: datetime) -> HttpResponse:
    """Return a party's part of a month as a file.

    Raises:
        Http404: the party has no statement in that month, or no such file.
    """
    close = close_named(month)
    if close not in lookup.party_months(party):
        raise Http404
    return files.response(close, table, form, party, at)


def months_of(party: Any, address: str) -> list[dict[str, Any]]:
    """Return a party's months, each with its files."""
    return [
        {"close": close, "files": files.links(close, party, address)}
        for close in lookup.party_months(party)
    ]

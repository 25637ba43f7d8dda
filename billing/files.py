"""What pages show of a month's files, and the answer that gives one; for every side's door."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from billing import exporting
from billing.models import MonthClose
from billing.pages import told
from billing.report_parts import Party
from ledger.actors import Actor
from ledger.refusals import Refused

OUT = (MonthClose.State.REVIEW, MonthClose.State.CLOSED, MonthClose.State.PAID)


def links(close: MonthClose, party: Party, address: str) -> list[dict[str, Any]]:
    """Return the files of a month as rows: title and one entry per form.

    An entry has a ``url``, or is ``waiting``, or may be asked for when the month is large.
    """
    if close.state not in OUT:
        return []
    big = exporting.size_of(close, party) > settings.PAPERS.lines_at_once
    return [
        {
            "title": table.title,
            "name": table.name,
            "forms": [
                _entry(close, table.name, form, party, address, big) for form in exporting.FORMS
            ],
        }
        for table in exporting.TABLES.values()
    ]


def _entry(
    close: MonthClose, table: str, form: str, party: Party, address: str, big: bool
) -> dict[str, Any]:
    entry = {"form": form, "word": form.upper(), "url": "", "waiting": False}
    job, path = exporting.find_export(close, table, form, party) if big else (None, None)
    if not big or (path is not None and path.is_file()):
        entry["url"] = reverse(address, args=[close.month, table, form])
    elif job is not None:
        entry["waiting"] = True
    return entry


def response(close: MonthClose, table: str, form: str, party: Party, at: datetime) -> HttpResponse:
    """Return a file; a large one only once it was written.

    Raises:
        Http404: no such file, or not written yet.
    """
    if table not in exporting.TABLES or form not in exporting.FORMS or close.state not in OUT:
        raise Http404
    if exporting.size_of(close, party) > settings.PAPERS.lines_at_once:
        _, path = exporting.find_export(close, table, form, party)
        if not path.is_file():
            raise Http404
        content = path.read_bytes()
    else:
        content = b"".join(exporting.written(close, table, form, party, at))
    answer = HttpResponse(content, content_type=exporting.FORMS[form])
    name = exporting.file_name(close, table, form, party)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def ask(request: HttpRequest, close: MonthClose, party: Party, actor: Actor, at: datetime) -> None:
    """Ask for a large file by what a form sent, and tell the person."""
    asked = {name: request.POST.get(name, "") for name in ("table", "form")}
    try:
        exporting.ask_export(close, **asked, party=party, actor=actor, at=at)
        messages.success(request, "文件已安排生成，稍后刷新本页即可下载。")
    except Refused as refused:
        told(request, refused)

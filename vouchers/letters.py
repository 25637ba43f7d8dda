"""Write the letters that events of a case call for, and give them out as PDFs.

A letter follows from one state row: its content is frozen when it is written, gets a number, a
check code and a log entry with the digests of content and file. A worker writes what is owed; who
asks earlier gets it written at once. The receipt of a submission is written when it is asked for.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import rfc8785
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.template.loader import render_to_string

from ledger import audit
from ledger.actors import Actor
from ledger.capitals import capital_amount
from ledger.check_codes import code_of, grouped, read_code
from ledger.periods import SHANGHAI, day_of
from ledger.printing import Rendered, print_page, qr_svg, svg_address
from ledger.refusals import Refused
from vouchers.letter_texts import KINDS, OWED, compose
from vouchers.models import Application, Letter, PublicNotice, StateRow
from vouchers.states import next_number

LAZY = "submit"  # a receipt is written when somebody asks for it: thousands hand in on one morning
NOTICE_EVENT = "publish"
VOUCHER_KINDS = {"COMPUTE": "算力券", "MODEL": "模型券", "CORPUS": "语料券"}


@dataclass(frozen=True)
class Owed:
    """A letter that a case has or is owed."""

    row: StateRow
    title: str
    letter: Letter | None


def letters_of(application: Application) -> list[Owed]:
    """Return the letters of a case in the order of their events, written or not."""
    rows = rows_of(application).select_related("letter")
    return [
        Owed(each, KINDS[OWED[each.event][0]].title, getattr(each, "letter", None)) for each in rows
    ]


def rows_of(application: Application) -> QuerySet[StateRow]:
    """Return the events of a case that call for a letter."""
    return StateRow.objects.of(application).filter(event__in=OWED)


def case_row(application_pk: UUID) -> QuerySet[StateRow]:
    """Return the events of a case by its id that call for a letter."""
    return StateRow.objects.filter(
        subject_kind="application", subject_id=application_pk, event__in=OWED
    )


def notice_list(notice: PublicNotice) -> Letter | None:
    """Return the printed list of a public notice, once it is written."""
    return notice.letters.filter(kind="notice_list").first()


@transaction.atomic
def write_letter(row: StateRow, *, actor: Actor, at: datetime) -> Letter:
    """Write the letter an event calls for, once.

    Writes: letter, file, log entry with both digests.

    Raises:
        Refused: this event calls for no letter.
    """
    kind = _kind_of(row)
    # Rows of record cannot be locked: their subject stands for them.
    subjects: Any = PublicNotice.objects if kind == "notice_list" else Application.objects
    subject = (
        subjects.select_for_update(of=("self",)).select_related("programme").get(pk=row.subject_id)
    )
    if known := Letter.objects.filter(row=row).first():
        return known
    facts = _notice_facts(subject) if kind == "notice_list" else _case_facts(subject, row)
    application = subject if isinstance(subject, Application) else None
    named = {"row": row, "application": application, "notice": None if application else subject}
    return _write(kind, facts, subject.pk, named, actor=actor, at=at)


@transaction.atomic
def write_letter_about(
    kind: str, facts: dict[str, Any], *, source: UUID, about: UUID, actor: Actor, at: datetime
) -> Letter:
    """Write a letter of an upper room, once per event.

    Args:
        source: the event that calls for it.
        about: the thing it is about.

    Writes: letter, file, log entry with both digests.
    """
    if known := Letter.objects.filter(source=source).first():
        return known
    return _write(kind, facts, about, {"source": source, "about": about}, actor=actor, at=at)


def letters_about(about: UUID) -> QuerySet[Letter]:
    """Return the letters of an upper room about one thing, the oldest first."""
    return Letter.objects.filter(about=about).order_by("made_at")


def _write(
    kind: str,
    facts: dict[str, Any],
    subject: UUID,
    named: dict[str, Any],
    *,
    actor: Actor,
    at: datetime,
) -> Letter:
    content = compose(kind, facts)
    number = _number(kind, day_of(at))
    content |= {"number": number, "made_on": day_of(at).isoformat()}
    code = code_of(rfc8785.dumps(content))
    content |= {
        "check_code": grouped(code),
        "verify_url": f"{settings.PUBLIC_ORIGIN}/public/verify/{code}",
    }
    printed = print_letter(content)
    letter = Letter.objects.create(
        **named,
        kind=kind,
        number=number,
        content=content,
        content_sha256=hashlib.sha256(rfc8785.dumps(content)).hexdigest(),
        check_code=code,
        sha256=printed.sha256,
        pages=printed.pages,
        made_at=at,
    )
    body = {
        "letter": letter.pk,
        "number": number,
        "kind": kind,
        "subject": subject,
        "content_sha256": letter.content_sha256,
        "sha256": letter.sha256,
    }
    audit.record("letter.made", body, actor=actor, at=at)
    _keep(letter, printed.content)
    return letter


def write_owed(*, actor: Actor, at: datetime, most: int = 50) -> int:
    """Write the letters that are owed and not yet written; return how many. For the worker."""
    events = [each for each in OWED if each != LAZY]
    rows = StateRow.objects.filter(letter=None, subject_kind="application", event__in=events)
    lists = StateRow.objects.filter(letter=None, subject_kind="publicnotice", event=NOTICE_EVENT)
    owed = [*rows.order_by("at", "pk")[:most], *lists.order_by("at", "pk")[:most]]
    for row in owed:
        write_letter(row, actor=actor, at=at)
    return len(owed)


def letter(application: Application, kind: str) -> bytes:
    """Return the newest letter of a kind as PDF.

    Raises:
        Refused: there is none.
    """
    found = application.letters.filter(kind=kind).order_by("-made_at").first()
    if found is None:
        raise Refused("no_letter", "这份文书还没有生成。")
    return file_of(found)


def file_of(letter: Letter) -> bytes:
    """Return the bytes of a letter, printed again if its file is lost.

    Raises:
        Refused: this machine prints it otherwise than when it was written.
    """
    path = _path(letter)
    if path.is_file() and hashlib.sha256(content := path.read_bytes()).hexdigest() == letter.sha256:
        return content
    printed = print_letter(letter.content)
    if printed.sha256 != letter.sha256:
        raise Refused(
            "letter_differs",
            "文书重新生成后与存档摘要不一致（字体或排版组件可能已更换），请联系平台管理员恢复原文件。",
        )
    _keep(letter, printed.content)
    return printed.content


def print_letter(content: dict[str, Any]) -> Rendered:
    """Return a letter's content as PDF; the same content gives the same bytes."""
    page = render_to_string(
        "letters/letter.html", {"c": content, "qr": svg_address(qr_svg(content["verify_url"]))}
    )
    made_on = date.fromisoformat(content["made_on"])
    made_at = datetime(made_on.year, made_on.month, made_on.day, tzinfo=SHANGHAI)
    digest = hashlib.sha256(rfc8785.dumps(content)).digest()
    return print_page(page, made_at=made_at, digest=digest)


def letter_with_code(typed: str) -> Letter | None:
    """Return the letter that carries a check code, as somebody typed it."""
    code = read_code(typed)
    return Letter.objects.filter(check_code=code).first() if code else None


def is_overturned(letter: Letter) -> bool:
    """Say whether a refusal was taken back by a second look."""
    row, refusals = letter.row, {"refusal", "not_accepted"}
    if letter.application is None or row is None or letter.kind not in refusals:
        return False
    later = StateRow.objects.of(letter.application).filter(at__gte=row.at)
    return later.filter(event="overturn").exists()


def _kind_of(row: StateRow) -> str:
    """Return the kind of letter an event calls for, or refuse."""
    if row.subject_kind == "publicnotice" and row.event == NOTICE_EVENT:
        return "notice_list"
    if row.subject_kind != "application" or row.event not in OWED:
        raise Refused("no_letter", "这一步没有文书。")
    return OWED[row.event][0]


def _case_facts(application: Application, row: StateRow) -> dict[str, Any]:
    review = application.programme.edition.review
    approved_fen = application.approved_fen or 0
    facts: dict[str, Any] = {
        "enterprise": application.enterprise.name,
        "uscc": application.enterprise.uscc,
        "programme": application.programme.edition.title,
        "application_no": application.application_no,
        "submitted_on": day_of(application.submitted_at or row.at),
        "on": day_of(row.at),
        "requested_fen": application.requested_fen,
        "approved_fen": approved_fen,
        "approved_words": capital_amount(approved_fen),
        "reason": row.reason or _first_reason(application),
        "clause": application.clause,
        "outcome": OWED[row.event][1],
        "not_accepted": row.event == "refuse_acceptance",
        "failed": _failed(application.verdict or {}),
        "due_on": application.supplement_due_on or day_of(row.at),
        "items": _items(application, row),
        "acceptance_days": review.accept_working_days,
        "issue_days": review.issue_working_days,
        "reconsider_days": review.reconsider_working_days,
    }
    if row.event == "submit":
        files = application.attachments.standing().filter(attached_at__lte=row.at)
        facts["columns"] = ["材料", "SHA-256 摘要"]
        facts["table"] = [[each.file_name, each.sha256] for each in files]
    return facts


def _items(application: Application, row: StateRow) -> list[str]:
    """Return what is to be mended, item by item, where the request lists items."""
    asked = StateRow.objects.of(application).filter(event="ask_supplement", at__lte=row.at)
    listed: Any = getattr(application, "supplement_items", None)
    if row.event != "ask_supplement" or listed is None:
        return []
    items = listed.filter(round_no=asked.count()).order_by("kind", "place")
    return [
        f"{each.title}：{each.reason}" + (f"（示例：{each.example}）" if each.example else "")
        for each in items
    ]


def _first_reason(application: Application) -> str:
    """Return what the first reviewer wrote, where the second only agreed."""
    rows = StateRow.objects.of(application).filter(event="recommend").exclude(reason="")
    last = rows.last()
    return last.reason if last else ""


def _failed(verdict: dict[str, Any]) -> list[str]:
    return [
        f"{each['title']}（{each['clause']}）"
        for each in verdict.get("criteria", [])
        if each["hard"] and each["outcome"] == "fail"
    ]


def _notice_facts(notice: PublicNotice) -> dict[str, Any]:
    items = notice.items.select_related("application__enterprise").order_by("line_no")
    lines: Iterable[Any] = items
    return {
        "title": notice.title,
        "programme": notice.programme.edition.title,
        "on": notice.starts_on,
        "starts_on": notice.starts_on,
        "last_day": notice.last_day,
        "days": notice.programme.edition.review.notice_working_days,
        "columns": ["序号", "企业名称", "券种", "拟支持金额（元）"],
        "table": [
            [
                str(each.line_no),
                each.application.enterprise.name,
                VOUCHER_KINDS.get(notice.programme.kind, notice.programme.kind),
                f"{each.amount_fen // 100:,}.{each.amount_fen % 100:02d}",
            ]
            for each in lines
        ],
    }


def _number(kind: str, on: date) -> str:
    """Return the next number of a kind in a year, e.g. 普数算补〔2026〕12号."""
    mark = KINDS[kind].mark
    last = next_number(f"letter-{mark}-{on.year}").rpartition("-")[2]
    return f"普数算{mark}〔{on.year}〕{int(last)}号"


def _path(letter: Letter) -> Path:
    name = letter.pk.hex
    return Path(settings.VAR_DIR) / "letters" / name[-2:] / f"{name}.pdf"


def _keep(letter: Letter, content: bytes) -> None:
    """Write the file; if the transaction fails later, it is overwritten or never asked for."""
    path = _path(letter)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o600)

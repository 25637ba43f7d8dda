"""Find the things of the room by what an address names, each with what its page needs."""

from typing import Any
from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet, Sum

from billing.bank_files import WORDS
from billing.models import (
    BankFile,
    BankResult,
    Clawback,
    Inspection,
    MonthClose,
    Objection,
    PaymentBatch,
    PaymentLine,
    PaymentSign,
    Report,
    SettlementNote,
    Statement,
    StateRow,
    YearEnd,
)
from billing.settling import steps_of
from billing.settling.paying import line_named
from ledger.check_codes import read_code
from ledger.periods import Month
from providers.models import Provider
from vouchers.models import Enterprise, Programme


def month_close(month: Month) -> MonthClose | None:
    """Return the settlement of a month, if it was begun."""
    return MonthClose.objects.filter(month=str(month)).first()


def moves_of(close: MonthClose | None) -> list[dict[str, Any]]:
    """Return what was done with a month, oldest first."""
    if close is None:
        return []
    return [
        {"title": row.event_label, "by": row.actor_name, "at": row.at, "text": row.reason}
        for row in StateRow.objects.of(close)
    ]


def statements_of(close: MonthClose) -> QuerySet[Statement]:
    """Return the statements of a month that were put out, by number."""
    return close.statements.all().put_out().with_parties().order_by("statement_no")


def sums_of(close: MonthClose) -> dict[str, int]:
    """Return what the statements of a month add up to."""
    found = (
        close.statements.all()
        .put_out()
        .aggregate(
            gross_fen=Sum("gross_fen", default=0),
            public_fen=Sum("public_fen", default=0),
            self_fen=Sum("self_fen", default=0),
            held_back_fen=Sum("held_back_fen", default=0),
        )
    )
    return {**found, "payable_fen": found["public_fen"] - found["held_back_fen"]}


def full_statements(found: Any) -> Any:
    """Return statements with everything a statement page shows."""
    return (
        found.put_out()
        .with_parties()
        .prefetch_related("lines__reverses", "confirmations", "objections__line")
    )


def statement(pk: UUID) -> Statement | None:
    """Return one statement for the bureau."""
    found: Statement | None = full_statements(Statement.objects.all()).filter(pk=pk).first()
    return found


def objection(pk: UUID) -> Objection | None:
    """Return one objection."""
    return Objection.objects.select_related("statement").filter(pk=pk).first()


def batches_of(close: MonthClose) -> QuerySet[PaymentBatch]:
    """Return the payment lists of a month with their lines."""
    return close.payments.prefetch_related("lines", "signs")


def batch(pk: UUID) -> PaymentBatch | None:
    """Return one payment list."""
    return PaymentBatch.objects.filter(pk=pk).first()


def full_batch(pk: UUID) -> PaymentBatch | None:
    """Return one payment list with everything its page shows."""
    lines = PaymentLine.objects.select_related("provider", "enterprise", "batch__close")
    return (
        PaymentBatch.objects.select_related("close")
        .prefetch_related(
            Prefetch("lines", lines.order_by("ordinal")),
            "lines__items__statement__enterprise",
            "lines__holds",
            "signs",
            "files__results",
            "reports",
        )
        .filter(pk=pk)
        .first()
    )


def sign_rows(found: PaymentBatch) -> list[dict[str, Any]]:
    """Return every signature a list needs, with who gave it and when."""
    given = {each.step: each for each in found.signs.all()}
    return [
        {"title": PaymentSign.Step(each).label, "sign": given.get(each)}
        for each in ("draw", *steps_of(found))
    ]


def payment_line(pk: UUID) -> PaymentLine | None:
    """Return one payment."""
    return line_named(pk)


def bank_file(pk: UUID) -> BankFile | None:
    """Return one payment file with its list."""
    return BankFile.objects.select_related("batch__close").filter(pk=pk).first()


def bank_result(pk: UUID) -> BankResult | None:
    """Return the bank's answers to one file."""
    return BankResult.objects.select_related("file__batch__close").filter(pk=pk).first()


def result_rows(found: BankResult) -> list[dict[str, Any]]:
    """Return the bank's answers beside the payments they answer."""
    words = {word: title for title, word in WORDS.items()}
    lines = found.file.batch.lines.select_related("batch__close", "provider", "enterprise")
    known = {each.reference: each for each in lines}
    return [
        {**row, "line": known[row["reference"]], "title": words[row["word"]]} for row in found.rows
    ]


def newest_programme(slug: str) -> Programme | None:
    """Return the newest edition of a scheme by the name of its books."""
    return Programme.objects.filter(slug=slug).order_by("-edition_no").first()


def successors_of(slug: str) -> list[Programme]:
    """Return the newest editions of the other schemes, to which money may be carried."""
    others = Programme.objects.published().exclude(slug=slug).order_by("slug", "edition_no")
    return list({each.slug: each for each in others}.values())


def year_ends_of(slug: str) -> QuerySet[YearEnd]:
    """Return the annual closings of a scheme, the oldest first."""
    found = YearEnd.objects.filter(programme__slug=slug)
    return found.select_related("programme", "successor").order_by("no")


def clawbacks() -> QuerySet[Clawback]:
    """Return every case of recovering money, the newest first."""
    return Clawback.objects.select_related("statement", "provider", "enterprise").order_by(
        "-opened_at", "-id"
    )


def clawback(pk: UUID) -> Clawback | None:
    """Return one case with everything its page shows."""
    found = clawbacks().select_related(
        "statement__close", "statement__enterprise", "statement__voucher__programme"
    )
    return found.filter(pk=pk).first()


def party_cases(party: Any) -> QuerySet[Clawback]:
    """Return the cases against a provider or an enterprise that it was told of."""
    told = Clawback.objects.of_party(party).filter(notified_at__isnull=False)
    return told.select_related("statement", "provider", "enterprise").order_by("-opened_at")


def party_case(party: Any, pk: UUID) -> Clawback | None:
    """Return one case that a party was told of."""
    return clawback(pk) if party_cases(party).filter(pk=pk).exists() else None


def receipts_of(case: Clawback) -> list[dict[str, Any]]:
    """Return what came back in a case: cash with its day, set-offs with their payment."""
    cash = [
        {"title": "缴回", "at": each.recorded_at, "fen": each.amount_fen, "on": each.received_on,
         "ref": each.bank_reference}
        for each in case.receipts.all()
    ]  # fmt: skip
    offsets = case.offsets.filter(booked_at__isnull=False).select_related("line__batch")
    kept = [
        {"title": "抵扣", "at": each.booked_at, "fen": each.amount_fen, "on": None,
         "ref": each.line.reference}
        for each in offsets
    ]  # fmt: skip
    return sorted(cash + kept, key=lambda each: str(each["at"]))


def moves_of_thing(thing: Any) -> list[dict[str, Any]]:
    """Return what was done with a thing, oldest first."""
    rows = StateRow.objects.of(thing)
    return [
        {"title": row.event_label, "by": row.actor_name, "at": row.at, "text": row.reason}
        for row in rows
    ]


def provider(pk: str) -> Provider | None:
    """Return a provider by the id a form sent, None for anything that is no id."""
    try:
        return Provider.objects.filter(pk=UUID(pk)).first()
    except ValueError:
        return None


def reports() -> QuerySet[Report]:
    """Return the documents of whole months and lists, the latest month first.

    The paper on one statement stands beside the statement.
    """
    return with_subjects(Report.objects.exclude(kind__in=["statement", "certificate", "note"]))


def with_subjects(found: QuerySet[Report]) -> QuerySet[Report]:
    """Fetch what each document is about along, the latest month first."""
    return found.order_by("-month", "kind", "report_no", "-version").select_related(
        "provider",
        "enterprise",
        "statement",
        "batch",
        "programme",
        "superseded_by",
        "note",
        "year_end__programme",
    )


def papers_of(subject: Any) -> list[Report]:
    """Return the documents on a statement or a payment list, the newest first."""
    return list(subject.reports.order_by("kind", "-version"))


def note_on(statement: Statement, pk: str) -> SettlementNote | None:
    """Return a note that a statement carries or that corrects it, by the id a form sent."""
    try:
        wanted = UUID(pk)
    except ValueError:
        return None
    found = SettlementNote.objects.filter(Q(statement=statement) | Q(corrects=statement))
    return found.select_related("statement__close").filter(pk=wanted).first()


def newest_close() -> MonthClose | None:
    """Return the latest month a document can be made of, None before the first was put out."""
    closes = MonthClose.objects.filter(state__in=["review", "closed", "paid"])
    return closes.newest_first().first()


def report_subject(close: MonthClose, kind: str, pk: str) -> tuple[bool, Any]:
    """Return whether a document of a kind can be about what a form names, and that thing."""
    if kind == "bureau":
        return not pk, None
    sources: dict[str, Any] = {
        "provider": Provider.objects.all(),
        "enterprise": Enterprise.objects.all(),
        "statement": close.statements.all().put_out(),
        "certificate": close.statements.all().put_out(),
        "payments": close.payments.all(),
        "performance": Programme.objects.published(),
        "note": SettlementNote.objects.filter(statement__close=close),
        "annual": YearEnd.objects.select_related("programme", "successor"),
    }
    try:
        wanted = UUID(pk)
    except ValueError:
        return False, None
    found = sources[kind].filter(pk=wanted).first() if kind in sources else None
    return found is not None, found


def reports_of(month: Month) -> list[Report]:
    """Return the reports of a month."""
    return list(reports().filter(month=str(month)))


def report(pk: UUID) -> Report | None:
    """Return one report."""
    return Report.objects.filter(pk=pk).first()


def _subjects(close: MonthClose) -> list[dict[str, Any]]:
    """Return what documents of a month can be about, by kind: title and choices."""
    mine = {"statements__close": close}
    firms = Enterprise.objects.filter(**mine).distinct().order_by("uscc")
    providers = Provider.objects.filter(**mine).distinct().order_by("uscc")
    programmes = Programme.objects.filter(vouchers__statements__close=close).distinct()
    return [
        {"kind": kind, "title": title, "choices": [(str(each.pk), str(each)) for each in found]}
        for kind, title, found in (
            ("provider", "服务商报告", providers),
            ("enterprise", "企业报告", firms),
            ("performance", "绩效自评表", programmes.order_by("slug", "edition_no")),
        )
    ]


def reportable() -> list[dict[str, Any]]:
    """Return the months a report can be asked for, each with whom and what it can be about."""
    closes = MonthClose.objects.filter(state__in=["review", "closed", "paid"]).newest_first()
    return [
        {
            "close": close,
            "subjects": _subjects(close),
        }
        for close in closes
    ]


def report_with_code(typed: str) -> Report | None:
    """Return the finished report whose check code somebody typed, forgiving slips of the hand."""
    code = read_code(typed)
    if code is None:
        return None
    found = Report.objects.by_code(code)
    return report_for_reading(found) if found else None


def report_for_reading(found: Report) -> Report:
    """Return a report with everything its verification page names."""
    return with_subjects(Report.objects.select_related("close")).get(pk=found.pk)


def party_reports(party: Provider | Enterprise) -> list[Report]:
    """Return the finished monthly reports made for one provider or one enterprise."""
    return list(party.reports.newest_first().finished())


def party_report(party: Provider | Enterprise, pk: UUID) -> Report | None:
    """Return a finished document that is a party's own, or about its statements and notes."""
    side = "provider" if isinstance(party, Provider) else "enterprise"
    own = Q(**{side: party}) | Q(**{f"statement__{side}": party})
    own |= Q(**{f"note__statement__{side}": party})
    found: Report | None = Report.objects.finished().filter(own, pk=pk).first()
    return found


def party_months(party: Provider | Enterprise) -> list[MonthClose]:
    """Return the months in which a party has statements, the latest first."""
    mine = MonthClose.objects.filter(statements__in=party.statements.put_out())
    return list(mine.distinct().newest_first())


def inspection_of(month: str) -> Inspection | None:
    """Return the random inspection of a month, if somebody committed to one."""
    return Inspection.objects.filter(close__month=month).first()

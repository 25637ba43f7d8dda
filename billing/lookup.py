"""Find the things of the room by what an address names, each with what its page needs."""

from typing import Any
from uuid import UUID

from django.db.models import Prefetch, QuerySet, Sum

from billing.check_codes import read_code
from billing.models import (
    MonthClose,
    Objection,
    PaymentBatch,
    PaymentLine,
    Report,
    Statement,
    StateRow,
)
from ledger.periods import Month
from providers.models import Provider


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
    lines = PaymentLine.objects.select_related("provider").order_by("ordinal")
    return close.payments.prefetch_related(Prefetch("lines", lines), "lines__items__statement")


def batch(pk: UUID) -> PaymentBatch | None:
    """Return one payment list."""
    return PaymentBatch.objects.filter(pk=pk).first()


def payment_line(pk: UUID) -> PaymentLine | None:
    """Return one payment."""
    return PaymentLine.objects.select_related("batch__close", "provider").filter(pk=pk).first()


def provider(pk: str) -> Provider | None:
    """Return a provider by the id a form sent, None for anything that is no id."""
    try:
        return Provider.objects.filter(pk=UUID(pk)).first()
    except ValueError:
        return None


def reports() -> QuerySet[Report]:
    """Return all reports, the latest first."""
    return Report.objects.newest_first().select_related("provider", "superseded_by")


def reports_of(month: Month) -> list[Report]:
    """Return the reports of a month."""
    return list(reports().filter(month=str(month)))


def report(pk: UUID) -> Report | None:
    """Return one report."""
    return Report.objects.filter(pk=pk).first()


def reportable() -> list[dict[str, Any]]:
    """Return the months a report can be asked for, each with its providers."""
    closes = MonthClose.objects.filter(state__in=["review", "closed", "paid"]).newest_first()
    return [
        {
            "close": close,
            "providers": list(
                Provider.objects.filter(statements__close=close).distinct().order_by("uscc")
            ),
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
    return Report.objects.select_related("close", "provider", "superseded_by").get(pk=found.pk)


def provider_reports(provider: Provider) -> list[Report]:
    """Return the finished reports made for one provider."""
    return list(Report.objects.newest_first().finished().filter(provider=provider))

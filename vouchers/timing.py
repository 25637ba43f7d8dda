"""The clocks of an application as stored: marks follow its moves, pages read them as dates."""

from collections.abc import Iterable
from datetime import date, datetime

from ledger.periods import day_of
from vouchers import clocks
from vouchers.calendars import work_calendar
from vouchers.models import Application, ClockMark
from vouchers.workdays import WorkCalendar


def follow(application: Application, states: tuple[str, str], *, at: datetime) -> None:
    """Write what a move does to the clocks of an application; ``states`` is (from, to)."""
    told = clocks.marks_of_move(*states)
    if not told:
        return
    review = application.programme.edition.review
    behind = list(application.clock_marks.all())
    fresh = [
        ClockMark(
            application=application,
            no=no,
            step=step,
            event=event,
            owes=clocks.STEPS[step].owes,
            limit_days=clocks.limit_of(step, review),
            at=at,
        )
        for no, (step, event) in enumerate(told, start=len(behind) + 1)
    ]
    ClockMark.objects.bulk_create(fresh)
    application.due_on = _due_on([*behind, *fresh], at)


def clocks_of(
    application: Application, at: datetime, calendar: WorkCalendar | None = None
) -> list[clocks.Clock]:
    """Return every run of every step of an application, as of a moment."""
    return _clocks(application.clock_marks.all(), at, calendar)


def running_clock(
    application: Application, at: datetime, calendar: WorkCalendar | None = None
) -> clocks.Clock | None:
    """Return the clock that runs now."""
    return clocks.running_clock(clocks_of(application, at, calendar))


def _clocks(
    rows: Iterable[ClockMark], at: datetime, calendar: WorkCalendar | None = None
) -> list[clocks.Clock]:
    marks = [
        clocks.Mark(each.step, each.event, each.limit_days, day_of(each.at))
        for each in rows
        if each.at <= at
    ]
    return clocks.clocks(marks, calendar or work_calendar(), day_of(at))


def _due_on(rows: Iterable[ClockMark], at: datetime) -> date | None:
    """Return the day by which the bureau or a department owes the step that runs, if any.

    The caller saves it with the move, so that the queue orders and filters by it.
    """
    clock = clocks.running_clock(_clocks(rows, at))
    if clock is None or clock.step.owes not in (clocks.BUREAU, clocks.DEPARTMENTS):
        return None
    return clock.due_on

"""How long each step of an application may take, counted from segments of working days.

Pure. A clock is a list of marks: started, paused, resumed, ended. What is used up is added over
the segments in which it ran, so a supplement or an objection stops it and nobody edits a date.
The day of a mark is not counted (Civil Code art. 201), as everywhere in this room.

Source: domain.md 2.5 (limits), 4.3 (segments). The limits stand in the edition.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from ledger.refusals import Refused
from vouchers.rulebook import Review
from vouchers.workdays import WorkCalendar

STARTED, PAUSED, RESUMED, ENDED = "started", "paused", "resumed", "ended"
BUREAU, ENTERPRISE, DEPARTMENTS, PUBLIC = "bureau", "enterprise", "departments", "public"
APPROVE_WORKING_DAYS = 3  # from the end of the notice to the decision; domain.md 2.5
NO_LIMIT = 0


@dataclass(frozen=True)
class Step:
    """One step whose time is counted: its words and who owes it."""

    code: str
    title: str
    owes: str


STEPS = {
    each.code: each
    for each in (
        Step("accept", "受理", BUREAU),
        Step("review", "审核", BUREAU),
        Step("supplement", "补正", ENTERPRISE),
        Step("joint", "联审", DEPARTMENTS),
        Step("list", "等待公示", BUREAU),
        Step("notice", "公示", PUBLIC),
        Step("objection", "异议核查", BUREAU),
        Step("approve", "审定", BUREAU),
        Step("issue", "发券", BUREAU),
        Step("reconsider", "复核", BUREAU),
    )
}
STEP_OF = {
    "submitted": "accept",
    "accepted": "review",
    "in_second_review": "review",
    "supplement": "supplement",
    "joint_check": "joint",
    "proposed": "list",
    "in_notice": "notice",
    "objection": "objection",
    "notice_done": "approve",
    "approved": "issue",
    "reconsider": "reconsider",
}
#: While a case stands here, the clock of this step waits.
STOPS = {"supplement": "review", "objection": "notice"}


@dataclass(frozen=True)
class Mark:
    """One event of a clock on a Shanghai day."""

    step: str
    event: str
    limit_days: int
    day: date


@dataclass(frozen=True)
class Clock:
    """One run of a step: how much is used, what is left, by when.

    ``used_days`` and ``due_on`` are None where the holidays of a year are not announced yet.
    """

    step: Step
    state: str
    limit_days: int
    started_on: date
    used_days: int | None
    due_on: date | None
    overdue: bool

    @property
    def left_days(self) -> int | None:
        """Return the working days that are left, never below nothing; None without a limit."""
        if self.used_days is None or self.limit_days == NO_LIMIT:
            return None
        return max(0, self.limit_days - self.used_days)


def limit_of(step: str, review: Review) -> int:
    """Return the limit of a step in working days; 0 is none."""
    return {
        "accept": review.accept_working_days,
        "review": review.review_working_days,
        "supplement": review.supplement_working_days,
        "joint": review.joint_working_days,
        "notice": review.notice_working_days,
        "objection": review.objection_working_days,
        "approve": APPROVE_WORKING_DAYS,
        "issue": review.issue_working_days,
        "reconsider": review.review_working_days,
    }.get(step, NO_LIMIT)


def marks_of_move(before: str, after: str) -> tuple[tuple[str, str], ...]:
    """Return what a move from one state to another does to the clocks, as (step, event)."""
    was, now = STEP_OF.get(before, ""), STEP_OF.get(after, "")
    if was == now:
        return ()
    waiting = STOPS.get(before, "")
    told = []
    if was:
        told.append((was, PAUSED if STOPS.get(after) == was else ENDED))
    if waiting and waiting != now:
        told.append((waiting, ENDED))
    if now:
        told.append((now, RESUMED if waiting == now else STARTED))
    return tuple(told)


def clocks(marks: Sequence[Mark], calendar: WorkCalendar, today: date) -> list[Clock]:
    """Return every run of every step, in the order in which they began."""
    runs: list[list[Mark]] = []
    running: dict[str, list[Mark]] = {}
    for mark in marks:
        if mark.event == STARTED:
            running[mark.step] = [mark]
            runs.append(running[mark.step])
        elif mark.step in running:
            running[mark.step].append(mark)
    return [_clock(each, calendar, today) for each in runs]


def running_clock(told: Iterable[Clock]) -> Clock | None:
    """Return the clock that runs now, if any."""
    return next((each for each in told if each.state == "running"), None)


def _clock(run: list[Mark], calendar: WorkCalendar, today: date) -> Clock:
    last = run[-1]
    state = {PAUSED: "paused", ENDED: "ended"}.get(last.event, "running")
    closed, opened = _segments(run)
    try:
        behind = sum(calendar.working_days_between(start, end) for start, end in closed)
        now = calendar.working_days_between(opened, today) if opened else 0
        used: int | None = behind + now
    except Refused:
        behind, used = 0, None
    due = None
    if opened and used is not None and last.limit_days:
        due = _due(calendar, opened, last.limit_days - behind)
    return Clock(
        step=STEPS[last.step],
        state=state,
        limit_days=last.limit_days,
        started_on=run[0].day,
        used_days=used,
        due_on=due,
        overdue=bool(last.limit_days and used is not None and used > last.limit_days),
    )


def _segments(run: list[Mark]) -> tuple[list[tuple[date, date]], date | None]:
    """Return the closed segments and the day on which the open one began."""
    closed: list[tuple[date, date]] = []
    opened: date | None = None
    for mark in run:
        if mark.event in (STARTED, RESUMED):
            opened = mark.day
        elif opened:
            closed.append((opened, mark.day))
            opened = None
    return closed, opened


def _due(calendar: WorkCalendar, opened: date, left: int) -> date | None:
    """Return the last day of what is left; the day itself when nothing is."""
    if left < 1:
        return opened
    try:
        return calendar.add_working_days(opened, left)
    except Refused:
        return None

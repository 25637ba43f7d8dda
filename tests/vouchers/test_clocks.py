"""Clocks are segments of working days; what stops them, and what every move does to them."""

from datetime import date

from ledger.lifecycle import edges
from vouchers import clocks
from vouchers.clocks import Mark
from vouchers.lifecycle import ApplicationMachine
from vouchers.models import Application
from vouchers.workdays import WorkCalendar

#: Autumn of 2026 as announced: National Day with its make-up Saturday.
CALENDAR = WorkCalendar.of(
    [2026],
    [(date(2026, 10, day), True) for day in range(1, 8)] + [(date(2026, 10, 10), False)],
)


def day(text: str) -> date:
    return date.fromisoformat(text)


def marks(*told):
    return [Mark(step, event, limit, day(on)) for step, event, limit, on in told]


def only(told, today):
    (one,) = clocks.clocks(told, CALENDAR, day(today))
    return one


REVIEW = ("review", "started", 10, "2026-11-02")
STORIES = [
    # (marks, today, state, used, left, due, overdue)
    ([REVIEW], "2026-11-02", "running", 0, 10, "2026-11-16", False),
    ([REVIEW], "2026-11-16", "running", 10, 0, "2026-11-16", False),
    ([REVIEW], "2026-11-17", "running", 11, 0, "2026-11-16", True),
    # Over the long holiday, with the make-up Saturday of 10 October.
    ([("review", "started", 5, "2026-09-29")], "2026-10-10", "running", 4, 1, "2026-10-12", False),
    # Three days used, five days of waiting for the enterprise do not count.
    (
        [
            ("review", "started", 10, "2026-11-02"),
            ("review", "paused", 10, "2026-11-05"),
            ("review", "resumed", 10, "2026-11-12"),
        ],
        "2026-11-13", "running", 4, 6, "2026-11-23", False,
    ),
    (
        [("review", "started", 10, "2026-11-02"), ("review", "paused", 10, "2026-11-05")],
        "2026-12-30", "paused", 3, 7, None, False,
    ),
    (
        [("notice", "started", 5, "2026-11-02"), ("notice", "ended", 5, "2026-11-10")],
        "2026-12-30", "ended", 6, 0, None, True,
    ),
    # No limit: counted, but never late.
    ([("list", "started", 0, "2026-11-02")], "2026-12-30", "running", 42, None, None, False),
]  # fmt: skip


def test_a_clock_adds_up_the_days_in_which_it_ran():
    for told, today, state, used, left, due, overdue in STORIES:
        one = only(marks(*told), today)
        want = (state, used, left, due and day(due), overdue)
        assert (one.state, one.used_days, one.left_days, one.due_on, one.overdue) == want, told


def test_a_year_without_announced_holidays_leaves_the_day_open_and_breaks_nothing():
    one = only(marks(("review", "started", 10, "2026-12-30")), "2026-12-31")
    assert (one.used_days, one.due_on) == (1, None)
    far = only(marks(("review", "started", 10, "2026-12-30")), "2030-01-04")
    assert (far.used_days, far.left_days, far.due_on, far.overdue) == (None, None, None, False)


def test_a_step_begun_again_is_a_run_of_its_own():
    told = marks(
        ("review", "started", 10, "2026-11-02"), ("review", "ended", 10, "2026-11-04"),
        ("joint", "started", 10, "2026-11-04"), ("joint", "ended", 10, "2026-11-05"),
        ("review", "started", 10, "2026-11-05"),
    )  # fmt: skip
    runs = clocks.clocks(told, CALENDAR, day("2026-11-06"))
    assert [(each.step.code, each.state, each.used_days) for each in runs] == [
        ("review", "ended", 2), ("joint", "ended", 1), ("review", "running", 1),
    ]  # fmt: skip
    assert clocks.running_clock(runs) is runs[2]


MOVES = {
    ("draft", "submitted"): "accept+",
    ("submitted", "accepted"): "accept. review+",
    ("submitted", "rejected"): "accept.",
    ("accepted", "in_second_review"): "",
    ("accepted", "supplement"): "review| supplement+",
    ("in_second_review", "supplement"): "review| supplement+",
    ("supplement", "accepted"): "supplement. review>",
    ("supplement", "lapsed"): "supplement. review.",
    ("supplement", "withdrawn"): "supplement. review.",
    ("in_second_review", "joint_check"): "review. joint+",
    ("joint_check", "proposed"): "joint. list+",
    ("joint_check", "accepted"): "joint. review+",
    ("proposed", "in_notice"): "list. notice+",
    ("in_notice", "objection"): "notice| objection+",
    ("objection", "in_notice"): "objection. notice>",
    ("objection", "notice_done"): "objection. notice. approve+",
    ("objection", "rejected"): "objection. notice.",
    ("in_notice", "notice_done"): "notice. approve+",
    ("notice_done", "approved"): "approve. issue+",
    ("approved", "waitlisted"): "issue.",
    ("approved", "issued"): "issue.",
    ("waitlisted", "issued"): "",
    ("rejected", "reconsider"): "reconsider+",
    ("reconsider", "accepted"): "reconsider. review+",
}
SIGNS = {"started": "+", "ended": ".", "paused": "|", "resumed": ">"}


def test_every_move_does_to_the_clocks_what_the_table_says():
    for (before, after), told in MOVES.items():
        made = clocks.marks_of_move(before, after)
        assert " ".join(f"{step}{SIGNS[event]}" for step, event in made) == told, (before, after)


def test_no_move_leaves_two_clocks_running_or_one_behind():
    """Walk every edge from the first state; a finished application has no open clock."""
    done = {"issued", "withdrawn", "lapsed", "rejected", "draft", "waitlisted"}
    queue, seen = [("draft", ())], set()
    while queue:
        state, clocks_now = queue.pop()
        if (state, clocks_now) in seen:
            continue
        seen.add((state, clocks_now))
        assert sum(how == "running" for _, how in clocks_now) == (state not in done), state
        assert state not in done or not clocks_now
        for source, _, target in edges(Application):
            if source == state:
                queue.append((target, _moved(clocks_now, state, target)))
    assert {state for state, _ in seen} == set(ApplicationMachine.State.values)


def _moved(now, before, after):
    open_clocks = dict(now)
    for step, event in clocks.marks_of_move(before, after):
        if event == "ended":
            assert open_clocks.pop(step, None), (before, after, step)
        else:
            open_clocks[step] = "paused" if event == "paused" else "running"
    return tuple(sorted(open_clocks.items()))

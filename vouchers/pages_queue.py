"""What the bureau's queue shows: tabs, filters, order, lines; plain values, no markup."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import BooleanField, Case, Count, F, Func, IntegerField, Q, Value, When
from django.db.models.functions import Coalesce

from ledger.periods import day_of
from ledger.refusals import Refused
from vouchers.assigning import OVER
from vouchers.calendars import work_calendar
from vouchers.models import Application
from vouchers.models.application import ApplicationQuerySet
from vouchers.sizing import sector_of
from vouchers.workdays import WorkCalendar, end_of

TABS = (
    ("open", "在办"),
    ("mine", "我的"),
    ("unassigned", "待分派"),
    ("supplement", "待补正"),
    ("second", "待复核"),
    ("done", "已办结"),
    ("all", "全部"),
)
#: What people may order by: word in the address -> columns.
SORTS = {
    "no": ("application_no",),
    "firm": ("enterprise__name",),
    "amount": ("requested_fen",),
    "state": ("state",),
    "handler": ("assignment__reviewer_name",),
    "submitted": ("submitted_at",),
    "left": ("due_on", "submitted_at"),
    "flags": ("flag_count",),
}
NOT_PASSED = '$.criteria[*] ? (@.outcome != "pass")'
DESCENDING = "-"


@dataclass(frozen=True)
class Asked:
    """One choice of tab, filters and order.

    Units: ``least_fen``, ``most_fen`` in fen.
    """

    tab: str = "open"
    sort: str = ""
    words: str = ""
    states: tuple[str, ...] = ()
    street: str = ""
    sector: str = ""
    least_fen: int | None = None
    most_fen: int | None = None
    since: date | None = None
    until: date | None = None
    left: str = ""
    flags: str = ""
    handler: str = ""

    @property
    def is_narrowed(self) -> bool:
        """Tell whether anything but tab and order was chosen."""
        return self != Asked(tab=self.tab, sort=self.sort)


class FlagCount(Func):
    """How many criteria of a verdict are not plainly passed."""

    template = "jsonb_array_length(jsonb_path_query_array(%(expressions)s, '" + NOT_PASSED + "'))"
    output_field = IntegerField()


def visible_cases(user: Any) -> ApplicationQuerySet:
    """Return the cases a person of the bureau may see: never a draft.

    Where the house says so (``CASES_BY_ASSIGNMENT``), whoever only reviews sees the cases given
    to them; whoever decides, dispatches or audits sees all.
    """
    cases = Application.objects.handed_in().with_parties()
    return cases.filter(assignment__reviewer=user) if sees_only_own(user) else cases


def sees_only_own(user: Any) -> bool:
    """Tell whether this person is kept to the cases given to them."""
    return (
        settings.CASES_BY_ASSIGNMENT
        and user.has_perm("vouchers.review_application")
        and not user.has_perm("vouchers.decide_application")
        and not user.has_perm("vouchers.assign_case")
    )


def takeable(user: Any) -> ApplicationQuerySet:
    """Return the cases a reviewer may take: those they see, and those with nobody."""
    cases = Application.objects.handed_in().with_parties()
    if sees_only_own(user):
        return cases.filter(Q(assignment__reviewer=user) | Q(assignment__isnull=True))
    return cases


def select(asked: Asked, user: Any, at: datetime) -> Any:
    """Return the cases that were asked for, in the order asked for."""
    found = visible_cases(user).select_related("assignment").filter(_in_tab(asked.tab, user))
    found = _narrowed(found, asked)
    if asked.left:
        found = found.filter(_within(asked.left, at))
    flags = Coalesce(FlagCount("verdict"), Value(0))
    counted: Any = found.annotate(flag_count=flags)
    if asked.flags:
        some = Q(flag_count__gt=0)
        counted = counted.filter(some if asked.flags == "some" else ~some)
    return counted.order_by(*_order(asked)).defer("answers", "verdict")


def people_of(keys: Iterable[str]) -> list[Any]:
    """Return accounts by their ids, for their names."""
    return list(get_user_model().objects.filter(pk__in=list(keys)))


def tabs(asked: Asked, user: Any) -> list[dict[str, Any]]:
    """Return the tabs with how many cases lie in each; one question to the database."""
    told = (
        visible_cases(user)
        .order_by()
        .annotate(
            mine=_flag(Q(assignment__reviewer=user)),
            unassigned=_flag(Q(assignment__isnull=True)),
        )
        .values_list("state", "mine", "unassigned")
        .annotate(Count("pk"))
    )
    rows = list(told)
    return [
        {
            "code": code,
            "title": title,
            "count": sum(
                count
                for state, mine, unassigned, count in rows
                if _belongs(code, state, mine=mine, unassigned=unassigned)
            ),
            "current": code == asked.tab,
        }
        for code, title in TABS
    ]


def lines(page: Iterable[Application], at: datetime) -> list[dict[str, Any]]:
    """Return the rows of the queue: case, who works on it, flags, working days left."""
    calendar, cases = work_calendar(), list(page)
    return [
        {
            "case": each,
            "handler": each.assignment.reviewer_name if hasattr(each, "assignment") else "",
            "flags": each.flag_count,  # type: ignore[attr-defined]
            "left": days_left(each, calendar, at),
        }
        for each in cases
    ]


def headings(asked: Asked) -> list[dict[str, Any]]:
    """Return the columns with where pressing them leads: the other way round when pressed twice."""
    titles = {
        "no": "受理编号",
        "firm": "企业",
        "amount": "申请金额（元）",
        "state": "状态",
        "handler": "经办",
        "flags": "自动核验",
        "submitted": "提交时间",
        "left": "剩余工作日",
    }
    current, down = asked.sort.lstrip(DESCENDING), asked.sort.startswith(DESCENDING)
    return [
        {
            "code": code,
            "title": title,
            "numeric": code in ("amount", "left"),
            "sort": f"-{code}" if code == current and not down else code,
            "order": ("descending" if down else "ascending") if code == current else "",
        }
        for code, title in titles.items()
    ]


def days_left(found: Application, calendar: WorkCalendar, at: datetime) -> int | None:
    """Return the working days left for what the case waits for, below 0 when overdue.

    None when no clock of the bureau runs, or the holidays of the year are not known.
    """
    due, today = found.due_on, day_of(at)
    if due is None:
        return None
    try:
        if due >= today:
            return calendar.working_days_between(today, due)
        return min(-1, -calendar.working_days_between(due, today))
    except Refused:
        return None


def _belongs(tab: str, state: str, *, mine: bool, unassigned: bool) -> bool:
    open_ = state not in OVER
    return {
        "open": open_,
        "mine": open_ and mine,
        "unassigned": open_ and unassigned,
        "supplement": state == "supplement",
        "second": state == "in_second_review",
        "done": not open_,
        "all": True,
    }[tab]


def _in_tab(tab: str, user: Any) -> Q:
    still_open = ~Q(state__in=OVER)
    return {
        "mine": still_open & Q(assignment__reviewer=user),
        "unassigned": still_open & Q(assignment__isnull=True),
        "supplement": Q(state="supplement"),
        "second": Q(state="in_second_review"),
        "done": Q(state__in=OVER),
        "all": Q(),
    }.get(tab, still_open)


def _narrowed(found: ApplicationQuerySet, asked: Asked) -> ApplicationQuerySet:
    plain = {
        "state__in": asked.states,
        "answers__enterprise__street": asked.street,
        "requested_fen__gte": asked.least_fen,
        "requested_fen__lte": asked.most_fen,
        "assignment__reviewer_id": asked.handler,
        "submitted_at__gte": asked.since and end_of(asked.since - timedelta(days=1)),
        "submitted_at__lt": asked.until and end_of(asked.until),
    }
    found = found.filter(
        **{name: value for name, value in plain.items() if value not in ("", (), None)}
    )
    if asked.sector:
        found = found.filter(answers__enterprise__industry__in=_industries(asked.sector))
    if asked.words:
        found = found.filter(
            Q(application_no__icontains=asked.words)
            | Q(enterprise__name__icontains=asked.words)
            | Q(enterprise__uscc__icontains=asked.words)
        )
    return found


def _industries(sector: str) -> list[str]:
    """Return the industry codes in use that belong to a sector of the size standard."""
    used = (
        Application.objects.handed_in()
        .order_by()
        .values_list("answers__enterprise__industry", flat=True)
        .distinct()
    )
    return [code for code in used if code and _is_of(code, sector)]


def _is_of(code: str, sector: str) -> bool:
    try:
        found = sector_of(code)
    except ValueError:
        return False
    return found is not None and found.code == sector


def _within(left: str, at: datetime) -> Q:
    """Return the condition "overdue", or "at most so many working days left"."""
    today = day_of(at)
    if left == "over":
        return Q(due_on__lt=today)
    try:
        return Q(due_on__lte=work_calendar().add_working_days(today, int(left)))
    except Refused:
        return Q(due_on__lte=today)


def _order(asked: Asked) -> list[Any]:
    code, down = asked.sort.lstrip(DESCENDING), asked.sort.startswith(DESCENDING)
    if code not in SORTS:
        newest_first = asked.tab in ("done", "all")
        return ["-submitted_at" if newest_first else "submitted_at", "id"]
    columns = [F(each) for each in SORTS[code]]
    return [
        each.desc(nulls_last=True) if down else each.asc(nulls_last=True) for each in columns
    ] + ["id"]


def _flag(condition: Q) -> Case:
    return Case(
        When(condition, then=Value(True)), default=Value(False), output_field=BooleanField()
    )

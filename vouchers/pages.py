"""What the pages of this room show, computed once for all doors: plain values, no markup."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django.db.models import F, Sum

from ledger.amounts import yuan_text
from ledger.balances import balance, statement_page
from ledger.chart import TransferCode, expired
from ledger.periods import day_of
from ledger.refusals import Refused
from vouchers.calendars import work_calendar
from vouchers.models import (
    Application,
    BudgetGrant,
    Hold,
    Programme,
    PublicNotice,
    Redemption,
    StateRow,
    Voucher,
)
from vouchers.models.application import PublicNoticeQuerySet
from vouchers.pools import set_aside
from vouchers.positions import vouchers_of_scheme
from vouchers.questions import STEPS, Step, show
from vouchers.rulebook import Edition

WEEKDAYS = "一二三四五六日"
MOST_LINES = 50
WINDOW_WORDS = {
    "open": ("申报期内", "green"),
    "before": ("未开始", "grey"),
    "between": ("本窗口已截止", "grey"),
    "after": ("已截止", "grey"),
    "paused": ("暂停受理", "red"),
}
BUYS = {
    "COMPUTE": ("算力券", "租用加速卡"),
    "MODEL": ("模型券", "购买模型服务"),
    "CORPUS": ("语料券", "购买语料"),
}
MOVES = {
    TransferCode.ISSUE: "发券",
    TransferCode.REVOKE: "撤销退回预算",
    TransferCode.RESERVE: "订单占用",
    TransferCode.POST_RESERVED: "核销",
    TransferCode.VOID_RESERVED: "占用释放",
    TransferCode.EXPIRE_RESERVED: "占用到期释放",
    TransferCode.LAPSE: "过期失效",
    TransferCode.CORRECT: "更正",
}
#: How many steps of the plan lie behind an application in each state; others have none to come.
PLAN_BEHIND = {
    "submitted": 0,
    "accepted": 1,
    "supplement": 1,
    "in_second_review": 1,
    "joint_check": 1,
    "reconsider": 1,
    "proposed": 2,
    "in_notice": 2,
    "objection": 2,
    "notice_done": 3,
    "approved": 3,
    "waitlisted": 3,
}
ENTERPRISE_ROLES = ("enterprise_admin", "enterprise_clerk")

INTERNAL = "内部"  # before a note that the enterprise does not read


def guide(programme: Programme, at: datetime) -> dict[str, Any]:
    """Return what the start page says, all of it from the edition."""
    edition = programme.edition
    state = programme.window_state(at)
    window, later = edition.windows.at(at), edition.windows.next_after(at)
    days = edition.review
    promised = (
        days.accept_working_days + days.review_working_days + days.notice_working_days
        + days.issue_working_days
    )  # fmt: skip
    left = balance(programme.account).available
    spent = state == "open" and left <= 0
    state_words = ("预算已用尽", "red") if spent else WINDOW_WORDS[state]
    return {
        "programme": programme,
        "edition": edition,
        "state": state,
        "state_text": state_words[0],
        "state_colour": state_words[1],
        "closes_at": window.closes_at if window else None,
        "opens_at": later.opens_at if later else None,
        "promised_days": promised,
        "buys": BUYS[programme.kind],
        "budget": budget_figures(programme),
    }


def chosen_programme(asked: str) -> Programme | None:
    """Return the edition asked for, if it takes applications; else the current one."""
    taking = Programme.objects.taking()
    chosen = next((each for each in taking if str(each.pk) == asked), None) if asked else None
    return chosen or Programme.objects.current()


def other_schemes(programme: Programme | None, at: datetime) -> list[dict[str, Any]]:
    """Return the other schemes that take applications, with how their windows stand."""
    found = []
    for each in Programme.objects.taking():
        if programme is None or each.slug != programme.slug:
            state = each.window_state(at)
            found.append({"programme": each, "state": state, "word": WINDOW_WORDS[state]})
    return found


def budget_figures(programme: Programme) -> dict[str, int]:
    """Return the money of a scheme from the ledger, and whether rows and ledger agree."""
    slug = programme.slug
    granted = BudgetGrant.objects.filter(programme__slug=slug)
    mine = Voucher.objects.filter(programme__slug=slug)
    issued = int(mine.aggregate(total=Sum(F("face_fen") - F("returned_fen")))["total"] or 0)
    there, lapsed = vouchers_of_scheme(slug), balance(expired(slug))
    figures = {
        "granted_fen": int(granted.aggregate(total=Sum("amount_fen"))["total"] or 0),
        "free_fen": balance(programme.account).available,
        "reserved_fen": set_aside(slug).fen,
        "issued_fen": issued,
        "available_fen": there.posted - there.debits_pending,
        "held_fen": there.debits_pending,
        "redeemed_fen": issued - there.posted - lapsed.credits_posted,
        "expired_fen": lapsed.posted,
    }
    approved = Application.objects.filter(programme__slug=slug, state="approved")
    figures["approved_fen"] = int(approved.aggregate(total=Sum("approved_fen"))["total"] or 0)
    inside = figures["available_fen"] + figures["held_fen"]
    figures["difference_fen"] = (
        figures["granted_fen"] - figures["free_fen"] - inside
        - figures["redeemed_fen"] - figures["expired_fen"]
    )  # fmt: skip
    return figures


def answers_of(application: Application, step: Step) -> list[dict[str, str]]:
    """Return the answers of one page the way people read them."""
    answers = application.answers.get(step.code) or {}
    return shown_answers(step, answers, application.programme.edition)


def shown_answers(step: Step, answers: dict[str, Any], edition: Edition) -> list[dict[str, str]]:
    """Return answers as rows of words, saved or not."""
    return [
        {"key": each.label, "value": show(each, answers.get(each.name), edition)}
        for each in step.asked_for(edition.kind).questions
    ]


def timeline(rows: Iterable[StateRow], *, inside: bool) -> list[dict[str, Any]]:
    """Return moves as a timeline; inside the bureau with names and internal notes."""
    items = []
    for row in rows:
        ours = row.actor_role in ENTERPRISE_ROLES
        text = row.reason
        if inside and row.internal:
            inner = f"{INTERNAL}：{row.internal}"
            text = f"{text}；{inner}" if text else inner
        items.append(
            {
                "title": row.event_label,
                "by": row.actor_name if inside or ours else "普陀区数据局",
                "at": row.at,
                "text": text,
            }
        )
    return items


def next_dates(application: Application) -> list[dict[str, Any]]:
    """Return the steps still to come with their expected days, counted from submission.

    A day that would fall into a year without announced holidays is said to be open.
    """
    review = application.programme.edition.review
    plan = (
        ("受理", review.accept_working_days),
        ("审核", review.review_working_days),
        ("公示", review.notice_working_days),
        ("发券", review.issue_working_days),
    )
    behind = PLAN_BEHIND.get(application.state, len(plan))
    start = day_of(application.submitted_at) if application.submitted_at else None
    calendar, days, steps = work_calendar(), 0, []
    for title, count in plan:
        days += count
        steps.append({"title": title, "days": count, "by": _day_or_none(calendar, start, days)})
    return steps[behind:]


def expected_day(day: date | None) -> str:
    """Return a day with its weekday, or say that it cannot be told yet."""
    if day is None:
        return "待节假日安排公布后确定"
    return f"{day.year}年{day.month}月{day.day}日（周{WEEKDAYS[day.weekday()]}）前"


def movement_lines(voucher: Voucher, before: str = "") -> dict[str, Any]:
    """Return a page of the account statement of a voucher from the ledger, the newest first."""
    page = statement_page(voucher.account, before)
    lines = [
        {
            "at": each.at,
            "title": MOVES.get(each.code, str(each.code)),
            "amount_fen": each.amount,
            "held": each.phase in ("pending", "void"),
            "order": each.refs.get("order", ""),
            "entry_index": each.entry_index,
        }
        for each in page.lines
    ]
    return {"movements": lines, "older": page.older, "begun": page.begun}


def hold_lines(voucher: Voucher) -> list[Hold]:
    """Return the newest holds of a voucher."""
    return list(voucher.holds.order_by("-held_at", "-id")[:MOST_LINES])


def redemption_lines(voucher: Voucher) -> list[Redemption]:
    """Return what was redeemed from a voucher last."""
    return list(voucher.redemptions.order_by("-redeemed_at", "-id")[:MOST_LINES])


def days_left(voucher: Voucher, at: datetime) -> int:
    """Return how many days a voucher is still good for, 0 when it is over."""
    return max(0, (voucher.last_day - day_of(at)).days + 1)


def all_notices() -> PublicNoticeQuerySet:
    """Return all public notices, the newest first."""
    return PublicNotice.objects.newest_first().select_related("programme")


def step_titles() -> list[str]:
    """Return the stages of the whole job, for the bar of steps."""
    return ["申请", "审核", "公示", "发券", "用券", "结算"]


def stage_of(application: Application) -> int:
    """Return at which stage an application stands, from 1."""
    if application.state in ("draft", "withdrawn", "lapsed", "supplement"):
        return 1
    if application.state in ("in_notice", "objection", "notice_done"):
        return 3
    if application.state in ("approved", "waitlisted"):
        return 4
    return 5 if application.state == "issued" else 2


def page_titles() -> dict[str, str]:
    """Return the titles of the pages by step code."""
    return {each.code: each.title for each in STEPS}


def _percent(bp: int) -> str:
    whole, rest = divmod(bp, 100)
    return f"{whole}.{rest:02d}%" if rest else f"{whole}%"


def _yuan(fen: int) -> str:
    return f"{yuan_text(fen)} 元"


def _day_or_none(calendar: Any, start: date | None, count: int) -> date | None:
    if start is None:
        return None
    try:
        return calendar.add_working_days(start, count)  # type: ignore[no-any-return]
    except Refused:
        return None

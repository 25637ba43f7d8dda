"""What the bureau's pages show: queue, case, notice, issue, budget; plain values, no markup."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied

from ledger.amounts import share_floor, yuan_text
from ledger.balances import balance, statement_page
from ledger.identifiers import new_id
from ledger.periods import day_of
from ledger.refusals import Refused
from vouchers import pages
from vouchers.calendars import work_calendar
from vouchers.models import (
    Application,
    EnterpriseFact,
    Programme,
    PublicNotice,
    StateRow,
    Voucher,
)
from vouchers.models.application import ApplicationQuerySet
from vouchers.models.programme import ProgrammeQuerySet
from vouchers.pages_queue import days_left
from vouchers.pages_verdict import verdict_lines, verdict_word
from vouchers.questions import ENTERPRISE, STEPS, show

OTHER_MOVES = {100: "财政下达", 109: "退回财政", 200: "发券", 220: "撤销退回", 510: "失效转回"}
RECENT = 20


def visible_cases() -> ApplicationQuerySet:
    """Return the cases the bureau may see: everything handed in, never a draft."""
    return Application.objects.handed_in().with_parties()


def case_context(found: Application, at: datetime) -> dict[str, Any]:
    """Return everything a case page shows."""
    rows = list(StateRow.objects.of(found))
    return {
        "cards": [{"step": each, "rows": pages.answers_of(found, each)} for each in STEPS],
        "facts": fact_lines(found, at),
        "files": found.attachments.standing(),
        "slots": {each.code: each.title for each in found.programme.edition.evidence},
        "verdict": verdict_lines(found.verdict or {}, found.programme.edition),
        "verdict_word": verdict_word(found.verdict),
        "timeline": pages.timeline(rows, inside=True),
        "left": days_left(found, work_calendar(), at),
        "voucher": Voucher.objects.filter(application=found).first(),
        "others": list(
            found.enterprise.applications.handed_in().exclude(pk=found.pk).order_by("-submitted_at")
        ),
    }


def fact_lines(found: Application, at: datetime) -> list[dict[str, Any]]:
    """Return the facts known of the enterprise with words, source and date."""
    facts = found.enterprise.facts_at(at)
    sources = dict(EnterpriseFact.Source.choices)
    return [
        {
            "label": question.label,
            "value": show(question, facts[question.name].value, found.programme.edition),
            "source": sources.get(facts[question.name].source, ""),
            "as_of": facts[question.name].as_of,
        }
        for question in ENTERPRISE.questions
        if question.name in facts
    ]


def actions(found: Application, user: Any, person: str) -> dict[str, bool]:
    """Return what this person may do with the case now."""
    may_review = user.has_perm("vouchers.review_application")
    may_decide = user.has_perm("vouchers.decide_application")
    other = person != found.first_reviewer_person
    state = found.state
    waits = found.enterprise.state == "registered"
    return {
        "verify": may_review and waits,
        "accept": may_review and state == "submitted" and not waits,
        "first": may_review and state == "accepted",
        "second": may_decide and state == "in_second_review" and other,
        "approve": may_decide and state == "notice_done" and other,
        "blocked": may_decide and state in ("in_second_review", "notice_done") and not other,
    }


def plain_diff(found: Application) -> str:
    """Tell in one sentence what the first reviewer changed."""
    if not found.recommendation:
        return ""
    who, asked, now = found.first_reviewer_name, found.requested_fen, found.proposed_fen
    if found.recommendation == Application.Recommendation.REFUSE:
        return f"{who}建议不予支持，依据：{found.clause}。"
    if now == asked:
        return f"{who}建议按申请金额 {yuan_text(asked)} 元支持。"
    return f"{who}把金额从 {yuan_text(asked)} 元改为 {yuan_text(now or 0)} 元。"


def proposed(chosen: Sequence[str] | None) -> list[Application]:
    """Return the cases ready for a notice; of those chosen, or all."""
    waiting = visible_cases().waiting_for("proposed")
    if chosen is None:
        return list(waiting)
    keys = [key for key in map(uuid_or_none, chosen) if key]
    return list(visible_cases().filter(pk__in=keys))


def notice_preview(at: datetime) -> dict[str, Any]:
    """Return when a notice published now would end, or why that cannot be told."""
    programme = Programme.objects.current()
    if programme is None:
        return {"last_day": None, "problem": "没有已发布的方案。"}
    days = programme.edition.review.notice_working_days
    try:
        last = work_calendar().add_working_days(day_of(at), days)
    except Refused as refused:
        return {"last_day": None, "problem": refused.message}
    return {"last_day": last, "problem": "", "days": days}


def notice_lines(at: datetime) -> list[dict[str, Any]]:
    """Return the notices with how many cases they name and whether they may be ended."""
    notices = PublicNotice.objects.newest_first().prefetch_related("items__objections")
    return [
        {
            "notice": each,
            "count": len(each.items.all()),
            "objections": sum(len(item.objections.all()) for item in each.items.all()),
            "may_close": each.state == "published" and at >= each.ends_at,
        }
        for each in notices[:RECENT]
    ]


def approved() -> ApplicationQuerySet:
    """Return the cases that only wait for their voucher (or just got it)."""
    return visible_cases().filter(state__in=["approved", "issued"])


def issue_lines() -> list[dict[str, Any]]:
    """Return the approved cases with the budget before and after each, in order of approval."""
    left: dict[str, int] = {}
    lines = []
    waiting = visible_cases().filter(state="approved").order_by("approved_at", "id")
    for each in waiting:
        slug = each.programme.slug
        before = left.setdefault(slug, balance(each.programme.account).available)
        after = before - (each.approved_fen or 0)
        line = {"case": each, "before_fen": before, "after_fen": after}
        lines.append(line | {"fits": after >= 0, "key": new_id()})
        left[slug] = after
    return lines


def recent_vouchers() -> list[Voucher]:
    """Return the vouchers issued last."""
    return list(Voucher.objects.with_parties().order_by("-issued_at", "-id")[:RECENT])


def all_programmes() -> ProgrammeQuerySet:
    """Return all editions, the newest first."""
    return Programme.objects.order_by("slug", "-edition_no")


def kind_total_fen(programme: Programme) -> int:
    """Return what the edition sets aside for its kind of voucher."""
    budget = programme.edition.budget
    return share_floor(budget.total_fen, budget.shares_bp[programme.kind])


def waiting_grants(programme: Programme, person: str) -> list[dict[str, Any]]:
    """Return the grants that wait for a second person, and whether this one may be it."""
    return [
        {"request": each, "may_approve": each.prepared_by["person"] != person}
        for each in programme.grant_requests.waiting()
    ]


def budget_movements(programme: Programme, before: str = "") -> dict[str, Any]:
    """Return a page of the account statement of the budget from the ledger, the newest first."""
    page = statement_page(programme.account, before)
    lines = [
        {
            "at": each.at,
            "title": OTHER_MOVES.get(int(each.code), pages.MOVES.get(each.code, str(each.code))),
            "amount_fen": each.amount,
            "entry_index": each.entry_index,
        }
        for each in page.lines
    ]
    return {"movements": lines, "older": page.older, "begun": page.begun}


def plain_yuan(fen: int) -> str:
    """Return an amount the way it is typed."""
    return yuan_text(fen).replace(",", "")


def uuid_or_none(text: str | None) -> UUID | None:
    """Read an id from a form; None for anything else."""
    try:
        return UUID(str(text))
    except ValueError:
        return None


def need(user: Any, permission: str) -> None:
    """Refuse a change to somebody who may only look.

    Raises:
        PermissionDenied: the right is missing.
    """
    if not user.has_perm(permission):
        raise PermissionDenied

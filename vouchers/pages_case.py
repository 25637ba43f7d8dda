"""What the pages of a case show: clocks as dates, what changed, what may be asked for."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django.urls import reverse

from ledger.amounts import yuan_text
from ledger.periods import SHANGHAI, day_of
from ledger.refusals import Refused
from vouchers import clocks, gates, pages, timing
from vouchers.calendars import work_calendar
from vouchers.joint_checking import round_of, waiting_for
from vouchers.models import Application, HandedIn, StateRow
from vouchers.questions import BY_CODE, STEPS, show, typed_form
from vouchers.reconsidering import last_day_to_ask
from vouchers.reviewing import hard_failures, reason_of
from vouchers.rulebook import Edition

OWES = {
    clocks.BUREAU: "区数据局",
    clocks.ENTERPRISE: "申请企业",
    clocks.DEPARTMENTS: "联审部门",
    clocks.PUBLIC: "社会公众",
}
CLOCK_STATES = {"running": "计时中", "paused": "计时已暂停", "ended": "已完成"}
RUNNING_WORDS = {
    "accept": "待受理", "review": "审核中", "supplement": "等待补正", "joint": "联审中",
    "list": "等待列入公示", "notice": "公示中", "objection": "异议核查中", "approve": "待审定",
    "issue": "待发券", "reconsider": "复核中",
}  # fmt: skip
PAUSED_WORDS = {"review": "审核计时已暂停（等待您补正）", "notice": "公示计时已暂停（异议核查中）"}
RECONSIDERATION_DAYS, LAWSUIT_MONTHS = 60, 6  # Administrative Reconsideration Law 20, Litigation 46


# Clocks -----------------------------------------------------------------------------------------


def clock_lines(found: Application, at: datetime) -> list[dict[str, Any]]:
    """Return every run of every step as a row of words."""
    return [
        {
            "title": each.step.title,
            "owner": OWES[each.step.owes],
            "used": each.used_days,
            "limit": each.limit_days,
            "left": each.left_days,
            "by": pages.expected_day(each.due_on) if each.limit_days else "",
            "state": "超期"
            if each.overdue and each.state == "running"
            else CLOCK_STATES[each.state],
            "colour": _colour(each),
            "started_on": each.started_on,
        }
        for each in timing.clocks_of(found, at)
    ]


def clock_sentences(found: Application, at: datetime) -> list[str]:
    """Return what the clocks say now, each a sentence with its date."""
    told = timing.clocks_of(found, at)
    paused = [PAUSED_WORDS[each.step.code] for each in told if each.state == "paused"]
    running = clocks.running_clock(told)
    return ([_sentence(running)] if running else []) + [f"{each}。" for each in paused]


def _sentence(clock: clocks.Clock) -> str:
    word = RUNNING_WORDS[clock.step.code]
    if not clock.limit_days:
        return f"{word}，已 {clock.used_days} 个工作日。"
    if clock.used_days is None or clock.due_on is None:
        return f"{word}；期限日期待节假日安排公布后确定。"
    if clock.overdue:
        late = clock.used_days - clock.limit_days
        return (
            f"{word}，已超过期限 {late} 个工作日（期限为{pages.expected_day(clock.due_on)[:-1]}）。"
        )
    return (
        f"{word}，已用 {clock.used_days} 个工作日，剩余 {clock.left_days} 个；"
        f"预计{pages.expected_day(clock.due_on)}。"
    )


def _state_word(clock: clocks.Clock) -> str:
    late = clock.overdue and clock.state == "running"
    return "超期" if late else CLOCK_STATES[clock.state]


def _colour(clock: clocks.Clock) -> str:
    if clock.overdue and clock.state == "running":
        return "red"
    return {"running": "blue", "paused": "yellow", "ended": "plain"}[clock.state]


def due_day(found: Application, at: datetime) -> tuple[str, date] | None:
    """Return title and day of the step that runs now, for the calendar."""
    running = timing.running_clock(found, at)
    if running is None or running.due_on is None:
        return None
    return running.step.title, running.due_on


# What changed -----------------------------------------------------------------------------------


def since_submission(found: Application) -> list[dict[str, str]]:
    """Return what differs from the version handed in first, place by place."""
    first = found.versions.first()
    return _changes(first, found.versions.last(), found.programme.edition) if first else []


def since_supplement(found: Application) -> list[dict[str, str]]:
    """Return what the last supplement changed."""
    told = list(found.versions.all())
    return _changes(told[-2], told[-1], found.programme.edition) if len(told) > 1 else []


def since_seen(found: Application, person: str) -> dict[str, Any] | None:
    """Return what is new to one person: moves and answers; None if never seen before."""
    mark = found.seen_marks.filter(person=person).first()
    if mark is None:
        return None
    before = found.versions.filter(at__lte=mark.seen_at).last()
    now = found.versions.last()
    rows = StateRow.objects.of(found).filter(at__gt=mark.seen_at)
    return {
        "at": mark.seen_at,
        "moves": pages.timeline(rows, inside=True),
        "answers": _changes(before, now, found.programme.edition) if before and now else [],
    }


def _changes(before: HandedIn, after: HandedIn | None, edition: Edition) -> list[dict[str, str]]:
    if after is None or before.pk == after.pk:
        return []
    rows = [
        {
            "label": f"{step.title}：{question.label}",
            "before": show(question, (before.answers.get(step.code) or {}).get(name), edition),
            "after": show(question, (after.answers.get(step.code) or {}).get(name), edition),
        }
        for step in STEPS
        for question in step.asked_for(edition.kind).questions
        if (name := question.name)
        and (before.answers.get(step.code) or {}).get(name)
        != (after.answers.get(step.code) or {}).get(name)
    ]
    return rows + _file_changes(before.files, after.files, edition)


def _file_changes(
    before: list[dict[str, str]], after: list[dict[str, str]], edition: Edition
) -> list[dict[str, str]]:
    old = {each["slot"]: each for each in before}
    new = {each["slot"]: each for each in after}
    return [
        {
            "label": f"材料：{slot.title}",
            "before": _file_words(old.get(slot.code)),
            "after": _file_words(new.get(slot.code)),
        }
        for slot in edition.evidence
        if (old.get(slot.code) or {}).get("sha256") != (new.get(slot.code) or {}).get("sha256")
    ]


def _file_words(file: dict[str, str] | None) -> str:
    return f"{file['name']}（{file['sha256'][:8]}…）" if file else "没有"


def case_extras(found: Application, person: str, at: datetime) -> dict[str, Any]:
    """Return what the case page shows beside facts and files."""
    return {
        "clock_lines": clock_lines(found, at),
        "sentences": clock_sentences(found, at),
        "joint": joint_lines(found),
        "new_to_me": since_seen(found, person),
        "supplemented": since_supplement(found),
        "items": supplement_lines(found) if found.state == Application.State.SUPPLEMENT else [],
        "objections": found.objections.order_by("received_at"),
        "second_look": getattr(found, "reconsideration", None),
        "failed": hard_failures(found) if found.state == Application.State.SUBMITTED else [],
    }


# Supplement -------------------------------------------------------------------------------------


def supplement_places(found: Application) -> list[dict[str, Any]]:
    """Return everything that can be asked for, by group, with what stands there."""
    edition = found.programme.edition
    there = {each.slot: each.file_name for each in found.attachments.standing()}
    groups = [
        {
            "title": step.title,
            "places": [
                {
                    "kind": "answer",
                    "place": f"{step.code}.{each.name}",
                    "title": each.label,
                    "now": show(each, (found.answers.get(step.code) or {}).get(each.name), edition),
                }
                for each in step.asked_for(edition.kind).questions
            ],
        }
        for step in STEPS
    ]
    files = [
        {"kind": "file", "place": s.code, "title": s.title, "now": there.get(s.code, "没有")}
        for s in edition.evidence
    ]
    return [{"title": "材料", "places": files}, *groups]


def supplement_lines(found: Application) -> list[dict[str, Any]]:
    """Return what the enterprise is asked to mend now, each with where to do it."""
    items = found.supplement_items.filter(round_no=found.supplement_rounds)
    edition = found.programme.edition
    there = {each.slot: each for each in found.attachments.standing()}
    asked = StateRow.objects.of(found).filter(event="ask_supplement").last()
    lines = []
    for item in items.order_by("id"):
        step, _, name = item.place.partition(".")
        if item.kind == "file":
            file = there.get(item.place)
            now = file.file_name if file else "没有"
            done = bool(file and asked and file.attached_at > asked.at)
            url = reverse("application_files", args=[found.pk])
        else:
            question = next(each for each in BY_CODE[step].questions if each.name == name)
            now = show(question, (found.answers.get(step) or {}).get(name), edition)
            done = now != item.original
            url = reverse("application_step", args=[found.pk, step]) + f"#id_{name}"
        lines.append({"item": item, "now": now, "done": done, "url": url})
    return lines


def closed_answers(found: Application, code: str) -> dict[str, str]:
    """Return what stands in the fields of a page that a supplement did not open, as typed."""
    places = gates.opened(found)
    if places is None:
        return {}
    saved = found.answers.get(code) or {}
    return {
        each.name: typed_form(each, saved.get(each.name))
        for each in BY_CODE[code].asked_for(found.programme.edition.kind).questions
        if f"{code}.{each.name}" not in places
    }


def open_slots(found: Application) -> set[str]:
    """Return the slots whose files may be changed now."""
    places = gates.opened(found)
    slots = {each.code for each in found.programme.edition.evidence}
    return slots if places is None else slots & places


# Joint check, decision, dates -------------------------------------------------------------------


def joint_lines(found: Application) -> dict[str, Any]:
    """Return which departments answered in this round and which have not."""
    round_no = round_of(found)
    replies = found.joint_replies.filter(round_no=round_no).order_by("recorded_at")
    earlier = found.joint_replies.filter(round_no__lt=round_no).order_by("recorded_at")
    waiting = waiting_for(found) if found.state == Application.State.JOINT_CHECK else []
    return {"replies": replies, "waiting": waiting, "earlier": earlier}


def decision(found: Application, at: datetime) -> dict[str, Any] | None:
    """Return the decision as the enterprise reads it: reason, clause, remedies with their days."""
    if found.state not in (Application.State.REJECTED, Application.State.RECONSIDER):
        return None
    row = StateRow.objects.of(found).filter(to_state="rejected").last()
    if row is None:
        return None
    last_day = last_day_to_ask(found)
    asked = getattr(found, "reconsideration", None)
    on = day_of(row.at)
    return {
        "on": on,
        "event": row.event_label,
        "reason": row.reason or reason_of(found),
        "clause": found.clause,
        "last_day": last_day,
        "may_ask": asked is None and last_day is not None and day_of(at) <= last_day,
        "asked": asked,
        "review_until": on + timedelta(days=RECONSIDERATION_DAYS),
        "lawsuit_until": _months_later(on, LAWSUIT_MONTHS),
    }


def first_opinion(found: Application) -> StateRow | None:
    """Return the first reviewer's move with reason and internal opinion."""
    return StateRow.objects.of(found).filter(event="recommend").last()


def _months_later(day: date, months: int) -> date:
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month, last)
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")


def saved_words(found: Application, at: datetime) -> str:
    """Return when it was saved last, the way people say it: today 14:32."""
    saved, now = found.saved_at.astimezone(SHANGHAI), at.astimezone(SHANGHAI)
    days = (now.date() - saved.date()).days
    word = {0: "今天", 1: "昨天"}.get(days, f"{saved.year}年{saved.month}月{saved.day}日")
    return f"{word} {saved:%H:%M}"


def clauses_of(edition: Edition) -> list[str]:
    """Return every clause of an edition that a decision may rest on."""
    told: Iterable[str] = [
        *(each.clause for each in edition.criteria),
        edition.caps.clause, edition.ratio.clause, edition.stacking.clause, edition.review.clause,
    ]  # fmt: skip
    return list(dict.fromkeys(told))


def notice_preview(found: Application, at: datetime) -> dict[str, Any]:
    """Return the line as it would stand on a public notice, with the days of its period."""
    days = found.programme.edition.review.notice_working_days
    try:
        last = work_calendar().add_working_days(day_of(at), days)
    except Refused:
        last = None
    return {
        "enterprise": found.enterprise.name,
        "amount": yuan_text(found.proposed_fen or found.requested_fen),
        "days": days,
        "last_day": last,
    }

"""What the pages about editions show: where an edition stands, what may be done, who said what."""

from datetime import datetime
from typing import Any

from vouchers import pages
from vouchers.edition_diff import Change, edition_diff
from vouchers.edition_words import show
from vouchers.models import Consultation, Programme, StateRow
from vouchers.pages_office import uuid_or_none
from vouchers.parameters import CHAPTERS, CLAUSE, Chapter

#: Which steps a state offers, in the order of the page.
STEPS: dict[str, tuple[str, ...]] = {
    "draft": ("propose",),
    "in_review": ("opinion", "consult", "return"),
    "consulting": ("answer", "publish", "return"),
    "published": ("pause", "close"),
    "paused": ("resume", "close"),
    "closed": ("settle",),
    "settling": ("evaluate",),
    "evaluated": ("archive",),
    "archived": (),
}
TITLES = {
    "propose": "送合法性与公平竞争审查",
    "opinion": "登记审查意见",
    "consult": "公开征求意见",
    "return": "退回修改",
    "answer": "公布意见采纳情况",
    "publish": "发布方案",
    "pause": "暂停受理",
    "resume": "恢复受理",
    "close": "停止申领",
    "settle": "进入清算",
    "evaluate": "登记绩效评价",
    "archive": "归档",
}
TEXTS = {
    "propose": "送审后规则不能再改；需要修改时先退回。送审人不能登记审查意见，也不能发布。",
    "publish": "发布后规则锁定，不能再改；需要修改时另起一版。",
    "close": "停止后不再接受新申请，已发的券继续有效。",
}
DONE = {
    "propose": "已送审，规则已停止修改。",
    "opinion": "审查意见已登记。",
    "consult": "已开始公开征求意见。",
    "return": "已退回修改。",
    "answer": "意见采纳情况已公布。",
    "publish": "方案已发布，规则已锁定。",
    "pause": "已暂停受理。",
    "resume": "已恢复受理。",
    "close": "已停止申领。",
    "settle": "已进入清算。",
    "evaluate": "绩效评价已登记。",
    "archive": "已归档。",
}


def programme_context(found: Programme, at: datetime) -> dict[str, Any]:
    """Return what the page of an edition shows besides its forms."""
    edition = found.edition
    return {
        "programme": found,
        "edition": edition,
        "chapters": rule_chapters(found.rules),
        "window_word": pages.WINDOW_WORDS[found.window_state(at)],
        "opinions": found.opinions.order_by("-given_at", "-id"),
        "consultations": [
            {"consultation": each, "open": each.is_open(at), "count": each.comments.count()}
            for each in found.consultations.order_by("-opens_at")
        ],
        "timeline": pages.timeline(list(StateRow.objects.of(found)), inside=True),
    }


def offered(found: Programme, at: datetime, person: str) -> list[dict[str, Any]]:
    """Return the steps of the state, each with why it cannot be done by this person now, if so."""
    lines = []
    for step in STEPS[found.state]:
        blocked = ""
        own = person == found.proposed_person
        if step in ("opinion", "publish") and own:
            blocked = f"方案由{found.proposed_by}（您）送审，这一步须由另一人办理。"
        elif step in ("answer", "publish"):
            blocked = _not_yet(step, last_consultation(found), at)
        lines.append(
            {"step": step, "title": TITLES[step], "text": TEXTS.get(step, ""), "blocked": blocked}
        )
    return [each for each in lines if each["blocked"] != "done"]


def last_consultation(found: Programme) -> Consultation | None:
    """Return the newest consultation of an edition."""
    return found.consultations.order_by("-opens_at").first()


def compared_with(found: Programme, asked: str) -> Programme | None:
    """Return the edition to compare with: the one asked for, or the edition before this one."""
    if key := uuid_or_none(asked):
        return Programme.objects.exclude(pk=found.pk).filter(pk=key).first()
    before = Programme.objects.filter(slug=found.slug, edition_no__lt=found.edition_no)
    return before.order_by("-edition_no").first()


def changes(old: Programme | None, new: Programme) -> tuple[Change, ...]:
    """Return what changes from one edition to another, in words."""
    return edition_diff(old.rules, new.rules) if old else ()


def rule_chapters(rules: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all rules of an edition in words, chapter by chapter with its clause.

    Criteria and papers have tables of their own on the page.
    """
    told = []
    for each in CHAPTERS:
        table = rules.get(each.code)
        if not table or each.code in ("edition", "criterion", "evidence"):
            continue
        clause = "" if each.listed else table.get("clause", "")
        rows = [row for row in chapter_rows(each, rules) if row["key"] != CLAUSE.title]
        told.append({"title": each.title, "clause": clause, "rows": rows})
    return told


def chapter_rows(chapter: Chapter, rules: dict[str, Any]) -> list[dict[str, str]]:
    """Return a chapter of an edition as rows of words."""
    table = rules.get(chapter.code, [] if chapter.listed else {})
    rows = []
    if not chapter.listed:
        below = table.get(chapter.below[0], {}) if chapter.below else {}
        rows = [
            {"key": each.title, "value": show(each, (table | below).get(each.name))}
            for each in chapter.flat()
        ]
    if chapter.items:
        items = table if chapter.listed else table.get(chapter.items.name, [])
        for no, item in enumerate(items, start=1):
            told = [
                f"{each.title}：{show(each, item[each.name])}"
                for each in chapter.items.parameters
                if each.name in item
            ]
            rows.append({"key": f"{chapter.items.title} {no}", "value": "；".join(told)})
    return rows


def public_programmes() -> dict[str, Any]:
    """Return what everybody may see: published editions, and drafts in consultation."""
    return {
        "consulting": [
            {"programme": each, "consultation": last_consultation(each)}
            for each in Programme.objects.in_consultation()
        ],
        "published": Programme.objects.published(),
    }


def public_programme(found: Programme, at: datetime) -> dict[str, Any]:
    """Return one edition for everybody: rules, reasons of pauses, consultations and answers."""
    halted = StateRow.objects.of(found).filter(event__in=["pause", "resume", "close"])
    consultations = found.consultations.order_by("-opens_at")
    return {
        "programme": found,
        "edition": found.edition,
        "chapters": rule_chapters(found.rules),
        "window_word": pages.WINDOW_WORDS[found.window_state(at)],
        "halts": pages.timeline(list(halted), inside=False),
        "consultations": [
            {"consultation": each, "open": each.is_open(at), "count": each.comments.count()}
            for each in consultations
        ],
    }


def visible_programmes() -> Any:
    """Return the editions anybody may look at."""
    early = [Programme.State.DRAFT, Programme.State.IN_REVIEW]
    return Programme.objects.exclude(state__in=early)


def _not_yet(step: str, last: Consultation | None, at: datetime) -> str:
    if last is None:
        return "还没有公开征求意见。"
    if last.answered_at:
        return "done" if step == "answer" else ""
    if at < last.ends_at:
        return f"征求意见到 {last.last_day} 24:00 截止，期满后办理。"
    return "" if step == "answer" else "请先公布意见采纳情况。"

"""Which cases may be dealt with many at a time, and why the others may not.

Pure: a case as it was seen, and as it is now.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

MOST_CASES = 500  # reliability.md 2.2 B6
#: Kind of list -> state a case must be in; others say for themselves.
STATES = {"accept": "submitted", "agree": "in_second_review", "notice": "proposed"}
WORDS = {"submitted": "已提交", "in_second_review": "复审中", "proposed": "拟支持"}


@dataclass(frozen=True)
class Seen:
    """What a person was shown of a case before pressing.

    Units: ``requested_fen``, ``proposed_fen`` in fen.
    """

    case: str
    state: str
    version: int
    requested_fen: int
    proposed_fen: int | None = None
    reviewer: str = ""


@dataclass(frozen=True)
class Standing:
    """What else decides about a second review in bulk."""

    flags: int = 0
    supported: bool = False
    first_person: str = ""


def without_repeats(cases: Iterable[str]) -> list[str]:
    """Return each case once, in the order it came first."""
    return list(dict.fromkeys(cases))


def digest_of(kind: str, cases: Sequence[Seen], told: dict[str, Any]) -> str:
    """Return the digest of everything a person was shown."""
    shown = [kind, [asdict(each) for each in cases], told]
    text = json.dumps(shown, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def objection(kind: str, now: Seen, standing: Standing, person: str) -> str:
    """Return why a case of a list cannot be dealt with, or nothing."""
    wanted = STATES.get(kind)
    if wanted and now.state != wanted:
        return f"不在“{WORDS[wanted]}”状态，不能{TITLES[kind]}。请打开办件按最新状态办理。"
    if kind == "spread" and not now.reviewer:
        return "可分派的人员都须回避这家企业，请单独处理。"
    if kind == "agree":
        return _not_in_bulk(now, standing, person)
    return ""


def changed(seen: Seen, now: Seen) -> str:
    """Return what changed since a case was looked at, or nothing."""
    if seen.state != now.state:
        return "预览之后状态已变化，请打开办件按最新状态办理。"
    if (seen.version, seen.requested_fen, seen.proposed_fen) != (
        now.version,
        now.requested_fen,
        now.proposed_fen,
    ):
        return "预览之后内容或金额已变化，请打开办件重新核对。"
    return ""


TITLES = {
    "accept": "受理",
    "assign": "分派",
    "spread": "分派",
    "agree": "复审同意",
    "notice": "列入公示",
}


def _not_in_bulk(now: Seen, standing: Standing, person: str) -> str:
    """Second reviews are taken together only where there is nothing to weigh."""
    if not person or standing.first_person == person:
        return "您是本件的初审人，须由他人复核。"
    if not standing.supported:
        return "初审建议不予支持，须逐件复审。"
    if now.proposed_fen != now.requested_fen:
        return "初审调整了金额，须逐件复审。"
    if standing.flags:
        return f"自动核验有 {standing.flags} 项须留意，须逐件复审。"
    return ""

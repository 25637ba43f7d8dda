"""Say what an enterprise may do where it stands: apply, be accepted, get a voucher, hold, be paid.

Pure. One table for every gate: applying, accepting, issuing, holding, settling and paying ask here,
so that a state means the same everywhere. Settling tells what was really used and is never refused;
whether public money leaves for it is the question of paying.

Source: the district's rules on eligibility (资格), items 关注, 暂停, 取消, 迁出, 注销.
"""

from dataclasses import dataclass
from datetime import date

ACTIONS = ("apply", "accept", "issue", "hold", "pay")

#: What each state allows. A case of an enterprise under watch is always looked at by a person.
ALLOWED: dict[str, tuple[str, ...]] = {
    "registered": ("apply", "pay"),
    "active": ACTIONS,
    "watch": ACTIONS,
    "suspended": (),
    "barred": (),
    "moved_out": ("settle", "pay"),
    "deregistered": (),
}
WHY = {
    "registered": "企业尚未核验，请先在办件页核验企业",
    "suspended": "企业资格已暂停",
    "barred": "企业资格已取消",
    "moved_out": "企业已迁出本区",
    "deregistered": "企业已注销",
}
DOING = {
    "apply": "暂不能申请",
    "accept": "再受理",
    "issue": "不能发券",
    "hold": "暂不能用券",
    "pay": "款项暂缓拨付，由人工核查",
}
CONTACT = "如有疑问请联系区数据局。"


@dataclass(frozen=True)
class Answer:
    """Whether an action is allowed; when not, a word for machines and a sentence for people."""

    allowed: bool
    code: str = ""
    message: str = ""


def may(state: str, action: str, *, until: date | None = None) -> Answer:
    """Say whether an enterprise in ``state`` may do ``action``.

    Args:
        state: a state of the enterprise's life cycle.
        action: one of ``ACTIONS``.
        until: the last day of a bar, named in the sentence.

    Raises:
        KeyError: no such state or action.
    """
    allowed, doing = ALLOWED[state], DOING[action]
    if action in allowed:
        return Answer(True)
    why = WHY[state]
    if state == "barred" and until:
        why = f"{why}（至 {until}）"
    return Answer(False, f"enterprise_{state}", f"{why}，{doing}。{CONTACT}")


def needs_a_person(state: str) -> bool:
    """Tell whether every case of such an enterprise is looked at by a person."""
    return state != "active"


def settles(state: str, used_on: date, since: date | None) -> bool:
    """Tell whether public money may pay for a day's use.

    An enterprise that left the district is settled for what began before the day it left; where
    nothing forbids it, every day is.
    """
    return state != "moved_out" or since is None or used_on < since

"""What the page of a replay shows: words for outcomes, sums by size, lines and the CSV."""

from collections.abc import Iterator
from typing import Any

from ledger.amounts import share_floor, yuan_text
from vouchers.models import Programme
from vouchers.replaying import Replay, outcomes
from vouchers.replays import Outcome, Totals

BEFORE = {"supported": "已支持", "refused": "未支持", "open": "未办结"}
AFTER = {"eligible": "符合条件", "manual": "待人工认定", "failed": "不符合"}
CHANGES = {
    "gain": "新获支持",
    "loss": "不再支持",
    "more": "金额增加",
    "less": "金额减少",
    "same": "不变",
    "undecided": "当时未办结",
}
SIZES = {
    "large": "大型",
    "medium": "中型",
    "small": "小型",
    "micro": "微型",
    "unrated_new": "新设未划型",
    "out_of_scope": "不在划型范围",
    "unknown": "未知",
}
HEAD = ("受理编号", "企业", "规模", "当时结果", "当时金额（元）", "测算结果", "测算金额（元）",
        "差额（元）", "变化", "不符合的条件")  # fmt: skip


def replay_context(programme: Programme, told: Replay) -> dict[str, Any]:
    """Return the sums of a replay in words."""
    edition = programme.edition
    budget = edition.budget
    room_fen = share_floor(budget.total_fen, budget.shares_bp[programme.kind])
    cost_fen = told.totals.after_fen
    return {
        "totals": told.totals,
        "difference_fen": cost_fen - told.totals.before_fen,
        "budget_fen": room_fen,
        "short_fen": max(0, cost_fen - room_fen),
        "changes": [
            {"code": code, "title": title, "count": told.totals.changes.get(code, 0)}
            for code, title in CHANGES.items()
        ],
        "sizes": [
            {"title": title, "totals": told.sizes[code], **_counts(told.sizes[code])}
            for code, title in SIZES.items()
            if code in told.sizes
        ],
        "lines": [line(each) for each in told.lines],
    }


def line(outcome: Outcome) -> dict[str, Any]:
    """Return one case in words."""
    return {
        "outcome": outcome,
        "size": SIZES.get(outcome.size_class, outcome.size_class),
        "before": BEFORE[outcome.case.before],
        "after": AFTER[outcome.after],
        "change": CHANGES[outcome.change],
        "reasons": "；".join(outcome.reasons),
    }


def csv_rows(programme: Programme, slug: str) -> Iterator[tuple[str, ...]]:
    """Yield the rows of the CSV, the head first."""
    yield HEAD
    for outcome in outcomes(programme.edition, slug):
        told = line(outcome)
        yield (
            _plain(outcome.case.number),
            _plain(outcome.case.name),
            told["size"],
            told["before"],
            yuan_text(outcome.case.before_fen).replace(",", ""),
            told["after"],
            yuan_text(outcome.after_fen).replace(",", ""),
            yuan_text(outcome.difference_fen).replace(",", ""),
            told["change"],
            _plain(told["reasons"]),
        )


def _plain(text: str) -> str:
    """Return a text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" and text else text


def _counts(totals: Totals) -> dict[str, int]:
    return {
        "gains": totals.changes.get("gain", 0),
        "losses": totals.changes.get("loss", 0),
        "eligible": totals.after.get("eligible", 0),
        "manual": totals.after.get("manual", 0),
        "failed": totals.after.get("failed", 0),
    }

"""What the demonstration wrote down, told to a person at the terminal."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def summary(folder: Path) -> dict[str, Any]:
    """Return the demonstration's summary, empty when it has not run to its end."""
    try:
        told = json.loads((folder / "demo" / "summary.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def story(told: dict[str, Any]) -> Iterator[str]:
    """Yield the month in lines: vouchers, statements, reports, log, and what waits for whom."""
    for each in told.get("vouchers", []):
        yield (
            f"算力券 {each['voucher_no']} {each['enterprise']} 面额 {_yuan(each['face_fen'])} 元，"
            f"余额 {_yuan(each['balance_fen'])} 元"
        )
    for each in told.get("statements", []):
        yield (
            f"对账单 {each['statement_no']} {each['pflops_hours']} PFLOPS·h，"
            f"总价 {_yuan(each['gross_fen'])} 元，券抵扣 {_yuan(each['public_fen'])} 元，"
            f"{each['state_label']}"
        )
    for each in told.get("claims", []):
        yield (
            f"核销申请 {each['claim_no']} {each['enterprise']} "
            f"申请 {_yuan(each['expected_fen'])} 元，{each['state_label']}"
        )
    for each in told.get("reports", []):
        yield f"报告 {each['report_no']} 校验码 {each['check_code']} {each['path']}"
    if "checkpoint" in told:
        yield f"日志 {told['checkpoint']['size']} 条，树根 {told['checkpoint']['root']}"
    for each in told.get("cases", []):
        yield f"{each['name']}：{each['next']}"


def logins(told: dict[str, Any]) -> Iterator[str]:
    """Yield one line for each person who may sign in."""
    for each in told.get("logins", []):
        yield f"{each['username']:<12} {each['password']}   {each['role']}"


def _yuan(fen: int) -> str:
    return f"{fen // 100:,}.{fen % 100:02d}"

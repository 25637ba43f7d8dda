"""What the printed redemption certificate (核销凭证) says, from the certificate's own data.

Source: domain 7.3.
"""

from datetime import datetime
from typing import Any

from billing.models import MonthClose, Statement
from billing.report_parts import frame, log_parts
from billing.statements import moment_text
from ledger.actors import Actor


def certificate_content(
    close: MonthClose, statement: Statement, data: dict[str, Any], *, actor: Actor, at: datetime
) -> dict[str, Any]:
    """Return what the certificate of a statement says.

    Args:
        data: the certificate as told by whoever issues it: numbers, parties, formula, amounts in
            fen beside their text, balance, reviewers, invoices, receipts, log and status.
    """
    parts = log_parts([statement])
    return {
        **frame("certificate", close, at),
        **certificate_parts(data),
        "trial": False,
        "signers": [{"role": "文件生成", "name": actor.name, "at": moment_text(at)}],
        "log": parts["log"] | {"index": data["log"]["index"]},
        "proof": parts["proof"] | {"certificate": _plain(data["log"])},
    }


def certificate_parts(data: dict[str, Any]) -> dict[str, Any]:
    """Return what of a certificate's content comes from its data alone."""
    told = _plain({name: value for name, value in data.items() if name != "log"})
    return {
        "title": "算力券核销凭证",
        "short_title": "算力券核销凭证",
        "audience": data["enterprise"]["name"],
        "document_no": data["certificate_no"],
        "summary": {"payable_fen": data["amount_fen"], "capital": data["capital"]},
        "certificate": told,
        "table": None,
    }


def _plain(value: Any) -> Any:
    """Return values as JSON has them; moments as people read them, whole numbers as they are."""
    if isinstance(value, datetime):
        return moment_text(value)
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value

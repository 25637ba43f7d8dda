"""What the papers on money that moved otherwise say: a note on a paid month, an annual closing.

Plain values, from what was kept when the note was issued or the closing was approved.

Source: domain 7.6; decisions 0202, 0203.
"""

from datetime import datetime
from typing import Any

from django.conf import settings

from billing.models import MonthClose, SettlementNote, YearEnd
from billing.report_parts import frame, log_parts
from billing.statements import moment_text
from ledger.actors import Actor
from ledger.amounts import yuan_text
from ledger.capitals import capital_amount
from ledger.periods import day_of
from ledger.refusals import Refused

NOTE_COLUMNS = ("行", "型号", "服务总价（元）", "券抵扣（元）", "企业自付（元）")
SUMS = ("gross_fen", "public_fen", "self_fen")
#: Figure of an annual closing -> its title, and where in the books it stands.
FIGURES = {
    "granted_fen": ("财政下达", "预算下达累计"),
    "issued_fen": ("已发券（面额）", "历次发放面额之和"),
    "paid_fen": ("已核销并拨付", "已付各收款方"),
    "in_vouchers_fen": ("券内余额", "尚未用出、也未失效"),
    "lapsed_fen": ("失效", "到期未用累计"),
    "returned_fen": ("此前已退回财政", "本次决算以前"),
    "unused_fen": ("未安排预算", "可退回"),
    "lapsed_left_fen": ("失效未退回", "可退回"),
    "recovered_left_fen": ("追回款未退回", "可退回"),
    "left_fen": ("本次退回或结转合计", "以上三项可退回之和"),
}


def note_content(
    close: MonthClose, note: SettlementNote, *, actor: Actor, at: datetime
) -> dict[str, Any]:
    """Return what a credit or debit note (红冲单、补差单) says.

    Sums are positive and ``direction`` says which way; lines keep their sign.
    """
    statement, paid = note.statement, note.corrects
    word = f"{note.get_direction_display()}单"
    lines = [
        {"ordinal": int(row["ordinal"]), "model": row["model"]}
        | {name: int(row[name]) for name in SUMS}
        for row in note.lines
    ]
    return {
        **frame("note", close, at),
        "trial": False,
        "title": f"{settings.PAPERS.district}算力券结算{word}",
        "short_title": word,
        "audience": f"{statement.enterprise.name}　{statement.provider.name}",
        "document_no": note.note_no,
        "summary": {"payable_fen": note.public_fen, "capital": capital_amount(note.public_fen)}
        | {name: getattr(note, name) for name in SUMS},
        "note": {
            "direction": str(note.direction),
            "word": word,
            "effect": "冲减" if note.direction == SettlementNote.Direction.CREDIT else "增加",
            "statement_no": statement.statement_no,
            "corrects_no": paid.statement_no,
            "corrects_month": paid.close.period.title,
            "enterprise": statement.enterprise.name,
            "enterprise_uscc": statement.enterprise.uscc,
            "provider": statement.provider.name,
            "provider_uscc": statement.provider.uscc,
            "order_no": statement.order.order_no,
            "voucher_no": statement.voucher.voucher_no,
            "issued_at": moment_text(note.issued_at),
            "digest": note.digest,
        },
        "lines": lines,
        "signers": [_signer("文件生成", actor.name, at)],
        "table": {
            "title": f"{word}明细",
            "columns": list(NOTE_COLUMNS),
            "rows": [dict(zip(NOTE_COLUMNS, _cells(line), strict=True)) for line in lines],
            "xlsx": False,
        },
        **log_parts([statement, paid]),
    }


def _cells(line: dict[str, Any]) -> list[Any]:
    return [line["ordinal"], line["model"], *(yuan_text(line[name]) for name in SUMS)]


def annual_content(
    close: MonthClose, closing: YearEnd, *, actor: Actor, at: datetime
) -> dict[str, Any]:
    """Return what the annual statement (年度决算表) of a programme says, as it was approved.

    Raises:
        Refused: nobody approved it yet.
    """
    if closing.approved_at is None:
        raise Refused("not_approved", "决算尚未审批，审批以后才能打印决算表。")
    programme = closing.programme
    rows: list[dict[str, Any]] = [
        {"name": name, "title": title, "how": how, "fen": int(closing.figures[name])}
        for name, (title, how) in FIGURES.items()
    ]
    successor = closing.successor
    return {
        **frame("annual", close, at),
        "trial": False,
        "title": f"{programme.title}年度决算表（第 {closing.no} 次）",
        "short_title": "年度决算表",
        "audience": "区财政局",
        "document_no": closing.document_no,
        "summary": {
            "payable_fen": closing.returned_fen,
            "capital": capital_amount(closing.returned_fen),
        },
        "annual": {
            "programme": programme.title,
            "edition_no": programme.edition_no,
            "no": closing.no,
            "use": closing.get_use_display(),
            "successor": successor.title if successor else "",
            "approved_on": day_of(closing.approved_at).isoformat(),
            "digest": closing.digest,
        },
        "rows": rows,
        "signers": [
            _signer("编制", closing.prepared_by.get("name", ""), closing.prepared_at),
            _signer("审批", closing.approved_name, closing.approved_at),
            _signer("打印", actor.name, at),
        ],
        "table": {
            "title": "年度决算",
            "columns": ["项目", "金额（元）", "说明"],
            "rows": [
                {"项目": row["title"], "金额（元）": yuan_text(row["fen"]), "说明": row["how"]}
                for row in rows
            ],
            "xlsx": True,
        },
        **log_parts([]),
    }


def _signer(role: str, name: str, at: datetime | None) -> dict[str, str]:
    return {"role": role, "name": name or "—", "at": moment_text(at)}

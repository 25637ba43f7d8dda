"""The files between the house and the bank: what is to be paid, and what became of it.

Pure. A payment file lists payments by reference and ends with its own digest; the answers (回单)
name that digest and repeat reference, payee and amount, so that a file somebody edited shows.

Source: docs/bank-files.md.
"""

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from billing.sheets import csv_bytes, safe_cell
from ledger.amounts import parse_yuan, yuan_text
from ledger.refusals import Refused

MARK = b"\xef\xbb\xbf"
PAY_COLUMNS = (
    "付款编号", "收款户名", "统一社会信用代码", "开户行", "账号后四位", "金额（元）", "用途",
)  # fmt: skip
RESULT_COLUMNS = (
    "付款编号", "收款户名", "账号后四位", "金额（元）", "结果", "银行流水号", "交易日期", "原因",
)  # fmt: skip
NAMES_FILE = "付款文件摘要"
TOTAL = "合计"
#: What the bank says of a payment -> the word of the house.
WORDS = {"成功": "paid", "退汇": "returned", "失败": "failed", "处理中": "pending"}
MOST_BYTES = 1_048_576
MOST_ROWS = 5_000
LONGEST_REFERENCE = 64
LONGEST_REASON = 200
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Payment:
    """One payment as it stands in a payment file; amounts in fen."""

    reference: str
    payee: str
    uscc: str
    bank: str
    tail: str
    amount_fen: int
    purpose: str


@dataclass(frozen=True)
class Answer:
    """What the bank says became of one payment; ``word`` is one of the values of ``WORDS``."""

    reference: str
    word: str
    serial: str
    on: str
    reason: str

    def as_row(self) -> dict[str, str]:
        """Return the answer as plain data."""
        return {
            "reference": self.reference,
            "word": self.word,
            "serial": self.serial,
            "on": self.on,
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Difference:
    """One cell of an uploaded file that is not as it should be."""

    row: int
    reference: str
    what: str
    ours: str
    theirs: str


def payment_file(payments: Sequence[Payment]) -> bytes:
    """Return the file for the bank: a row per payment, then count, total and digest."""
    rows = [
        dict(
            zip(
                PAY_COLUMNS,
                (
                    each.reference, each.payee, each.uscc, each.bank, each.tail,
                    yuan_text(each.amount_fen), each.purpose,
                ),
                strict=True,
            )
        )
        for each in payments
    ]  # fmt: skip
    body = csv_bytes(PAY_COLUMNS, rows)
    total = yuan_text(sum(each.amount_fen for each in payments))
    digest = hashlib.sha256(body).hexdigest()
    last = io.StringIO()
    writer = csv.writer(last, lineterminator="\r\n")
    writer.writerow([TOTAL, f"{len(payments)} 笔", "", "", "", total, digest])
    return body + last.getvalue().encode()


def answer_form(payments: Sequence[Payment], digest: str) -> bytes:
    """Return a results file with everything but the bank's answers filled in."""
    rows = [
        {
            **dict.fromkeys(RESULT_COLUMNS, ""),
            "付款编号": each.reference,
            "收款户名": each.payee,
            "账号后四位": each.tail,
            "金额（元）": yuan_text(each.amount_fen),
        }
        for each in payments
    ]
    head = f"{NAMES_FILE},{digest}\r\n".encode()
    return MARK + head + csv_bytes(RESULT_COLUMNS, rows).removeprefix(MARK)


def read_answers(
    content: bytes, payments: Sequence[Payment], digest: str, today: date
) -> tuple[list[Answer], list[Difference]]:
    """Read a results file against the payments it answers.

    Returns:
        The answers in the order of the file, and everything that differs; with differences the
        answers are not to be used.

    Raises:
        Refused: no such file at all: too large, not text, other columns, or no row.
    """
    table = _table(content)
    if table[0] and _plain(table[0][0]) == PAY_COLUMNS[0] and tuple(table[0]) == PAY_COLUMNS:
        return [], _edited(content, table, payments)
    named = table[0][1].strip() if len(table[0]) > 1 and table[0][0] == NAMES_FILE else ""
    if not _DIGEST.fullmatch(named) or len(table) < 3 or tuple(table[1]) != RESULT_COLUMNS:
        raise Refused(
            "result_layout",
            f"这不是回单文件：第一行须为“{NAMES_FILE},摘要”，第二行须为"
            f"“{'、'.join(RESULT_COLUMNS)}”，其后至少一行。请下载回单模板填写。",
            field="file",
        )
    differences = []
    if named != digest:
        differences.append(Difference(1, "", NAMES_FILE, digest, named))
    known = {each.reference: each for each in payments}
    answers: list[Answer] = []
    seen: set[str] = set()
    for row, cells in enumerate(table[2:], start=3):
        found = _compare(row, cells, known, seen, today)
        differences += found if isinstance(found, list) else []
        if isinstance(found, Answer):
            answers.append(found)
    return answers, differences


def _table(content: bytes) -> list[list[str]]:
    """Return the cells of a file that is not empty, too large or no text."""
    if not content.strip() or len(content) > MOST_BYTES:
        raise Refused("result_size", "回单文件为空，或超过 1 MB，请核对后重新上传。", field="file")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        try:
            text = content.decode("gb18030")
        except UnicodeDecodeError:
            raise Refused(
                "result_encoding", "回单文件不是 UTF-8 或 GBK 编码的文本。", field="file"
            ) from None
    if "\x00" in text:
        raise Refused("result_encoding", "回单文件含有不能识别的字符。", field="file")
    try:
        rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
        table = [row for row in rows if any(row)]
    except csv.Error:
        raise Refused(
            "result_layout", "回单文件的引号或分隔符不完整，请另存为 CSV 后重新上传。", field="file"
        ) from None
    if not table or len(table) > MOST_ROWS:
        raise Refused("result_size", f"回单文件须有 1 至 {MOST_ROWS} 行。", field="file")
    return table


def _plain(cell: str) -> str:
    """Return a cell without the sign that keeps a spreadsheet from running it."""
    text = cell.strip()
    return text[1:] if text.startswith("'") and safe_cell(text[1:]) == text else text


def _compare(
    row: int, cells: list[str], known: dict[str, Payment], seen: set[str], today: date
) -> Answer | list[Difference]:
    """Return what a row answers, or where it differs."""
    if len(cells) != len(RESULT_COLUMNS):
        return [Difference(row, "", "列数", str(len(RESULT_COLUMNS)), str(len(cells)))]
    reference, payee, tail, amount, word, serial, on, reason = (_plain(each) for each in cells)
    ours = known.get(reference)
    if ours is None:
        return [Difference(row, reference, "付款编号", "不在这份付款文件中", reference)]
    faults = [
        *_same(row, ours, payee, tail, amount),
        *_said(row, Answer(reference, word, serial, on, reason), today),
    ]
    if reference in seen:
        faults.append(Difference(row, reference, "付款编号", "每笔一行", "重复"))
    if serial and serial in seen:
        faults.append(Difference(row, reference, "银行流水号", "每笔不同", f"{serial} 重复"))
    seen |= {reference, serial} - {""}
    return faults or Answer(reference, WORDS[word], serial, on, reason)


def _same(row: int, ours: Payment, payee: str, tail: str, amount: str) -> list[Difference]:
    money = yuan_text(ours.amount_fen)
    found = []
    if payee != ours.payee:
        found.append(Difference(row, ours.reference, "收款户名", ours.payee, payee))
    if tail.zfill(4) != ours.tail.zfill(4):
        found.append(Difference(row, ours.reference, "账号后四位", ours.tail, tail))
    if _fen(amount) != ours.amount_fen:
        found.append(Difference(row, ours.reference, "金额（元）", money, amount))
    return found


def _fen(amount: str) -> int | None:
    try:
        return parse_yuan(amount)
    except ValueError:
        return None


def _said(row: int, said: Answer, today: date) -> Iterable[Difference]:
    reference, word, serial = said.reference, said.word, said.serial
    if word not in WORDS:
        yield Difference(row, reference, "结果", "、".join(WORDS), word or "空")
        return
    if WORDS[word] in ("paid", "returned"):
        if not serial or len(serial) > LONGEST_REFERENCE:
            yield Difference(
                row, reference, "银行流水号", "必填，最多 64 个字", serial[:64] or "空"
            )
        if not _is_past(said.on, today):
            told = "如 2026-11-16，不晚于今天"
            yield Difference(row, reference, "交易日期", told, said.on or "空")
    if WORDS[word] in ("returned", "failed") and not (0 < len(said.reason) <= LONGEST_REASON):
        told = "必填，最多 200 个字"
        yield Difference(row, reference, "原因", told, said.reason[:50] or "空")


def _is_past(text: str, today: date) -> bool:
    try:
        return len(text) == len("2026-11-16") and date.fromisoformat(text) <= today
    except ValueError:
        return False


def _edited(
    content: bytes, table: list[list[str]], payments: Sequence[Payment]
) -> list[Difference]:
    """Return where an uploaded payment file differs from the one that was sent."""
    ours = payment_file(payments)
    if content == ours:
        raise Refused(
            "result_is_payment_file",
            "这是付款文件本身，没有银行的处理结果。请上传回单文件。",
            field="file",
        )
    expected = list(csv.reader(io.StringIO(ours.decode("utf-8-sig"))))
    found = []
    for no in range(max(len(expected), len(table))):
        left = expected[no] if no < len(expected) else []
        right = table[no] if no < len(table) else []
        if left != right:
            reference = (left or right)[0]
            found.append(
                Difference(no + 1, reference, "付款文件被改动", "｜".join(left), "｜".join(right))
            )
    return found or [Difference(0, "", "付款文件被改动", "原文件", "编码或换行不同")]

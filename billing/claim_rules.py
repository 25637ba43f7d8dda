"""What the papers of a claim must say: pure checks, each with its words and its basis.

A check that fails stops nobody by itself: names change, firms merge, a contract may be in another
currency (domain U13, U17). It is shown to who checks and who reviews, and passing it over asks for
a written reason. What must never be - a number that serves twice - the database refuses.

Source: domain.md 2.10 (invoice genuineness, payer, payee, amounts, dates), 1.5 (AF02 to AF08).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from ledger.amounts import yuan_text

INVOICE, RECEIPT = "invoice", "receipt"
OK, FAILED = "ok", "failed"
_CODE = re.compile(r"(?:[0-9]{10}|[0-9]{12})?", re.ASCII)
_NUMBER = re.compile(r"[0-9]{8}|[0-9]{20}", re.ASCII)
_SERIAL = re.compile(r"[0-9A-Za-z-]{6,64}", re.ASCII)
MOST_FEN = 10**13


@dataclass(frozen=True)
class Paper:
    """What one invoice or bank receipt says. Units: fen, tax included."""

    kind: str
    code: str
    number: str
    on: date
    amount_fen: int
    payer_name: str
    payee_name: str
    payer_uscc: str = ""
    payee_uscc: str = ""


@dataclass(frozen=True)
class Subject:
    """What a claim is about: whose use, at whom, when, for how much.

    ``from_on`` is the first day of the order's service; ``until_on`` the last day on which a paper
    may be dated. Units: fen.
    """

    payer_name: str
    payer_uscc: str
    payee_name: str
    payee_uscc: str
    from_on: date
    until_on: date
    gross_fen: int
    today: date
    wants_receipt: bool = True


@dataclass(frozen=True)
class Check:
    """One rule and how it came out."""

    code: str
    title: str
    outcome: str
    text: str

    def as_plain(self) -> dict[str, str]:
        """Return the check as plain text values for storing."""
        return {
            "code": self.code, "title": self.title, "outcome": self.outcome, "text": self.text,
        }  # fmt: skip


def fault_of(paper: Paper) -> tuple[str, str] | None:
    """Return the field and sentence of what cannot be right in one paper; None when all is well."""
    if paper.kind == INVOICE:
        if not _CODE.fullmatch(paper.code):
            return "code", "发票代码为 10 位或 12 位数字；全电发票（数电票）没有代码，请留空。"
        if not _NUMBER.fullmatch(paper.number) or bool(paper.code) != (len(paper.number) == 8):
            return "number", "发票号码为 8 位数字（有代码时），数电票为 20 位数字。请对照发票填写。"
    elif paper.code or not _SERIAL.fullmatch(paper.number):
        return "number", "银行流水号为 6 至 64 位字母、数字或短横线。请对照回单填写。"
    if not 0 < paper.amount_fen <= MOST_FEN:
        return "amount", "金额须大于 0 元，最多两位小数。"
    for name, text in (("payer", paper.payer_name), ("payee", paper.payee_name)):
        if not text.strip() or len(text) > 200:
            return name, "请照凭据填写付款方和收款方的全称。"
    return None


def judge(subject: Subject, papers: Sequence[Paper]) -> list[Check]:
    """Return every rule with how the papers of a claim stand to it."""
    invoices = [each for each in papers if each.kind == INVOICE]
    receipts = [each for each in papers if each.kind == RECEIPT]
    found = [_present("invoice_present", "发票齐全", invoices, "发票")]
    if subject.wants_receipt:
        found.append(_present("receipt_present", "付款凭据齐全", receipts, "银行回单"))
    found += [
        _same("payer", "付款方是企业本身", papers, subject.payer_name, subject.payer_uscc),
        _same("payee", "收款方是服务商", papers, subject.payee_name, subject.payee_uscc),
        _dates(subject, papers),
        _invoiced(subject, invoices),
    ]
    if subject.wants_receipt:
        found.append(_paid(invoices, receipts))
    return found


def failed(checks: Sequence[Check]) -> list[Check]:
    """Return the checks that did not hold."""
    return [each for each in checks if each.outcome == FAILED]


def _check(code: str, title: str, faults: Sequence[str], fine: str) -> Check:
    text = "；".join(faults) if faults else fine
    return Check(code, title, FAILED if faults else OK, text)


def _present(code: str, title: str, papers: Sequence[Paper], word: str) -> Check:
    faults = [] if papers else [f"没有{word}"]
    return _check(code, title, faults, f"{word} {len(papers)} 份")


def _same(code: str, title: str, papers: Sequence[Paper], name: str, uscc: str) -> Check:
    """Compare a party of every paper with who it must be: by credit code, else by name."""
    faults = []
    for each in papers:
        said_name = each.payer_name if code == "payer" else each.payee_name
        said_uscc = each.payer_uscc if code == "payer" else each.payee_uscc
        same = said_uscc == uscc if said_uscc else plain_name(said_name) == plain_name(name)
        if not same:
            faults.append(f"{each.number} 上是“{said_name}”")
    return _check(code, title, faults, f"均为“{name}”")


def plain_name(name: str) -> str:
    """Return a firm's name without what papers write differently: spaces and kinds of brackets."""
    return name.replace("(", "（").replace(")", "）").replace(" ", "").strip()


def _dates(subject: Subject, papers: Sequence[Paper]) -> Check:
    faults = []
    for each in papers:
        if each.on > subject.today:
            faults.append(f"{each.number} 的日期 {each.on.isoformat()} 晚于今天")
        elif not subject.from_on <= each.on <= subject.until_on:
            faults.append(f"{each.number} 的日期 {each.on.isoformat()} 不在服务期和申报期内")
    fine = f"均在 {subject.from_on.isoformat()} 至 {subject.until_on.isoformat()} 之间"
    return _check("dates", "日期在服务期和申报期内", faults, fine)


def _invoiced(subject: Subject, invoices: Sequence[Paper]) -> Check:
    total = sum(each.amount_fen for each in invoices)
    said = f"开票合计 {yuan_text(total)} 元，对账单总价 {yuan_text(subject.gross_fen)} 元"
    faults = [] if total == subject.gross_fen else [said]
    return _check("invoiced", "开票金额与对账单一致", faults, said)


def _paid(invoices: Sequence[Paper], receipts: Sequence[Paper]) -> Check:
    invoiced = sum(each.amount_fen for each in invoices)
    paid = sum(each.amount_fen for each in receipts)
    said = f"付款合计 {yuan_text(paid)} 元，开票合计 {yuan_text(invoiced)} 元"
    faults = [] if paid == invoiced else [said]
    return _check("paid", "付款金额与开票一致", faults, said)

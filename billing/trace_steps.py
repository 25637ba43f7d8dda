"""The links of a trace: each a thing with its facts, and the checks that tie it to the next.

Facts are plain texts for a page, a file or the terminal. Who asks sees their own part only: a
provider nobody else's enterprises, an enterprise no bank details of its provider.

Units: fen in the rows, yuan in the texts.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from billing.models import PaymentItem, PaymentLine, Statement, StatementLine
from billing.rating import PricingUnit, gross_fen
from billing.redeeming import statement_digest
from billing.trace_proofs import Proofs, Says, same, says_amount, says_the_same
from ledger.amounts import pflops_hours_text, yuan_text
from ledger.balances import movements
from ledger.chart import TransferCode
from ledger.periods import SHANGHAI
from providers.models import UsageBatch
from providers.rechecking import Checked, check_kept
from vouchers.models import Redemption, Voucher

MOST_MOVES = 20
MOVES = {
    TransferCode.SETTLE: "签发入结算",
    TransferCode.DISPUTE: "异议暂扣",
    TransferCode.UNDISPUTE: "暂扣解除",
    TransferCode.PAY: "付款",
    TransferCode.BOUNCE: "退汇",
    TransferCode.CORRECT: "冲减",
    TransferCode.CLAWBACK_OFFSET: "抵扣追回款",
}


@dataclass(frozen=True)
class Step:
    """One link: what it is, what it says, what was checked, and what to ask for to go on."""

    kind: str
    title: str
    name: str
    facts: list[tuple[str, str]]
    checks: list[Checked] = field(default_factory=list)
    ref: str = ""
    level: int = 0
    log_index: int | None = None

    def as_plain(self) -> dict[str, Any]:
        """Return the link for a machine."""
        return {
            "kind": self.kind,
            "title": self.title,
            "name": self.name,
            "facts": [{"key": key, "value": value} for key, value in self.facts],
            "checks": [
                {"title": each.title, "outcome": each.outcome, "text": each.text}
                for each in self.checks
            ],
            "log_index": self.log_index,
            "next": self.ref,
        }


@dataclass(frozen=True)
class Used:
    """What the stored records of an order come to at one rate in one month of use."""

    rate: str
    usage_month: str
    device_milli_seconds: int
    records: int


def moment(at: datetime | None) -> str:
    """Return a moment in Shanghai, or a dash."""
    return at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S") if at else "—"


def payment_step(line: PaymentLine, proofs: Proofs) -> Step:
    """Return a payment: its list as exported, its bank reference, its entry in the log."""
    batch = line.batch
    parts = sum(each.amount_fen for each in line.items.all())
    digest = hashlib.sha256(batch.content.encode()).hexdigest()
    listed = proofs.about(
        "导出清单日志", "payment.listed", batch.pk,
        says_the_same([("sha256", digest), ("total_fen", batch.total_fen)]),
    )  # fmt: skip
    checks = [
        same("构成之和（分）", line.amount_fen + getattr(line, "offset_fen", 0), parts),
        same("清单摘要", batch.sha256, digest),
        listed.check,
    ]
    index = listed.index
    if line.bank_reference:
        reference = hashlib.sha256(line.bank_reference.encode()).hexdigest()
        recorded = proofs.about(
            "付款登记日志", "payment.recorded", line.pk,
            says_the_same([("reference_sha256", reference), ("amount_fen", line.amount_fen)]),
        )  # fmt: skip
        checks.append(recorded.check)
        index = recorded.index if recorded.index is not None else index
    facts = [
        ("收款单位", line.payee_name),
        ("金额（元）", yuan_text(line.amount_fen)),
        ("状态", line.get_state_display()),
        ("付款日期", str(line.paid_on or "—")),
        ("银行流水号", line.bank_reference or "—"),
        ("清单摘要", batch.sha256),
    ]
    return Step(
        "payment", "付款", payment_no(line), facts, checks, payment_no(line), log_index=index
    )


def payment_no(line: PaymentLine) -> str:
    """Return the number by which a payment is asked for: its list and its place in it."""
    return f"{line.batch.batch_no}/{line.ordinal}"


def item_step(item: PaymentItem, *, whole: bool) -> Step:
    """Return the part of a payment that belongs to one statement.

    Args:
        whole: also name the payment and its bank reference, which an enterprise does not see.
    """
    line = item.line
    facts = [
        ("金额（元）", yuan_text(item.amount_fen)),
        ("状态", line.get_state_display() if item.active else "已退汇，另行付款"),
        ("付款日期", str(line.paid_on or "—")),
    ]
    if whole:
        facts.append(("银行流水号", line.bank_reference or "—"))
    name = payment_no(line) if whole else line.batch.batch_no
    ref = payment_no(line) if whole else ""
    return Step("item", "付款构成", name, facts, ref=ref, level=1)


def statement_step(statement: Statement, proofs: Proofs, *, level: int = 0) -> Step:
    """Return a statement: its digest over its rows, its sums, its entry in the log."""
    lines = list(statement.lines.all())
    digest = statement_digest(statement, lines)
    pairs: list[tuple[str, object]] = [("digest", digest)]
    if statement.version == 1:
        pairs += [("public_fen", statement.public_fen), ("gross_fen", statement.gross_fen)]
        logged = proofs.entry("出单日志", statement.entry_id, says_the_same(pairs))
    else:
        logged = proofs.about(
            f"第 {statement.version} 版日志", "objection.decided", statement.pk,
            says_the_same(pairs),
        )  # fmt: skip
    checks = [
        same("对账单摘要", statement.digest, digest),
        same("各行券抵扣之和（分）", statement.public_fen, sum(x.public_fen for x in lines)),
        same("各行服务总价之和（分）", statement.gross_fen, sum(x.gross_fen for x in lines)),
        logged.check,
    ]
    facts = [
        ("结算月份", statement.month),
        ("服务商", statement.provider.name),
        ("企业", statement.enterprise.name),
        ("订单", statement.order.order_no),
        ("算力券", statement.voucher.voucher_no),
        ("服务总价（元）", yuan_text(statement.gross_fen)),
        ("券抵扣（元）", yuan_text(statement.public_fen)),
        ("企业自付（元）", yuan_text(statement.self_fen)),
        ("版本与摘要", f"第 {statement.version} 版 {statement.digest}"),
        ("状态", statement.get_state_display()),
    ]
    name = statement.statement_no
    return Step("statement", "对账单", name, facts, checks, name, level, logged.index)


def line_step(line: StatementLine, used: dict[tuple[str, str], Used], every: Sequence[Any]) -> Step:
    """Return a priced line: its quantity held against the records, its price worked out again.

    Args:
        used: what the records come to, by rate and month of use.
        every: all lines of the statement, as more than one may share the same records.
    """
    facts = [
        ("型号", line.model_name),
        ("用量月份", line.usage_month),
        ("记录数", f"{line.records:,}"),
        ("卡毫秒", f"{line.device_milli_seconds:,}"),
        ("折算系数", f"{line.gflops:,} GFLOPS，{line.rate_label}"),
        ("算力（PFLOPS·h）", pflops_hours_text(line.device_milli_seconds * line.gflops)),
        ("备案单价（元）", yuan_text(line.price_fen)),
        ("政策限价（元）", "—" if line.cap_price_fen is None else yuan_text(line.cap_price_fen)),
        ("服务总价（元）", yuan_text(line.gross_fen)),
        ("券抵扣（元）", yuan_text(line.public_fen)),
    ]
    checks = []
    if line.reverses_id is None:
        key = (line.rate_ref, line.usage_month)
        sharing = [x for x in every if x.reverses_id is None and (x.rate_ref, x.usage_month) == key]
        found = used.get(key)
        stated = sum(x.device_milli_seconds for x in sharing)
        checks.append(same("记录卡毫秒之和", stated, found.device_milli_seconds if found else 0))
        if line.device_milli_seconds >= 0:
            unit = PricingUnit(line.pricing_unit)
            gross = gross_fen(
                line.device_milli_seconds,
                gflops=line.gflops, price_fen=line.price_fen, unit=unit,
            )  # fmt: skip
            checks.append(same("服务总价（分）", line.gross_fen, gross))
    title = "冲减行" if line.reverses_id else "明细行"
    return Step("line", title, str(line.ordinal), facts, checks, level=1)


def terms_step(statement: Statement) -> Step:
    """Return how the public share came about, step by step, as the statement keeps it."""
    facts = [
        (each["title"], f"{each['amount']}　{each['how']}　{each.get('clause', '')}".strip())
        for each in statement.terms
    ]
    return Step("terms", "计算过程", statement.rating_version, facts, level=1)


def redemption_step(statement: Statement, proofs: Proofs) -> Step | None:
    """Return what was taken from the voucher, with the journal that moved it."""
    if statement.redemption_id is None:
        return None
    redemption = Redemption.objects.get(pk=statement.redemption_id)
    says: Says = says_amount(int(TransferCode.POST_RESERVED), redemption.amount_fen)
    logged = proofs.entry("核销分录", redemption.journal_id, says)
    checks = [logged.check]
    if statement.version == 1:
        checks.insert(0, same("核销金额（分）", redemption.amount_fen, statement.public_fen))
    facts = [
        ("核销金额（元）", yuan_text(redemption.amount_fen)),
        ("算力券", statement.voucher.voucher_no),
        ("核销时间", moment(redemption.redeemed_at)),
        ("分录", str(redemption.journal_id)),
    ]
    name = statement.voucher.voucher_no
    return Step("redemption", "核销", name, facts, checks, name, 1, logged.index)


def ledger_steps(statement: Statement, proofs: Proofs) -> list[Step]:
    """Return what moved the statement's account in the ledger, each with its entry in the log."""
    steps, paid = [], 0
    for each in movements(statement.settlement_account, limit=MOST_MOVES):
        paid -= each.amount if each.code in (TransferCode.PAY, TransferCode.BOUNCE) else 0
        says = says_amount(int(each.code), abs(each.amount))
        logged = proofs.entry("分录日志", each.journal_id, says)
        facts = [
            ("金额（元）", yuan_text(each.amount)),
            ("记账时间", moment(each.recorded_at)),
            ("分录", str(each.journal_id)),
        ]
        title = MOVES.get(each.code, str(int(each.code)))
        steps.append(Step("journal", "总账分录", title, facts, [logged.check], "", 1, logged.index))
    if steps and len(steps) < MOST_MOVES:
        tie = same("已付（分）与总账", statement.paid_fen, paid)
        steps[-1].checks.append(tie)
    return steps


def batch_step(batch: UsageBatch, proofs: Proofs, *, mine: str = "") -> Step:
    """Return an upload: its bytes, its signature, its key and its place in the log.

    Args:
        mine: what of it belongs to this trace, in words; its other rows are nobody's business.
    """
    pairs = [("body_sha256", batch.body_sha256), ("batch", batch.pk)]
    logged = proofs.entry("批次日志", batch.log_entry_id, says_the_same(pairs))
    key = batch.key
    facts = [
        ("接收时间", moment(batch.received_at)),
        ("正文摘要（SHA-256）", batch.body_sha256),
        ("正文字节数", f"{batch.body_size:,}"),
        ("签名", batch.signature[:80] or "—"),
        ("密钥", f"{key.key_id}（{key.get_algorithm_display()}）" if key else "—"),
    ]
    if mine:
        facts.insert(1, ("本次涉及", mine))
    checks = [*check_kept(batch), logged.check]
    return Step("batch", "上报批次", str(batch.pk), facts, checks, level=2, log_index=logged.index)


def voucher_step(voucher: Voucher, redeemed_fen: int, proofs: Proofs) -> Step:
    """Return a voucher: its issue in the ledger, and that its redemptions tie to its account."""
    moves = movements(voucher.account)
    issued = [each for each in moves if each.code == TransferCode.ISSUE]
    spent = -sum(
        each.amount for each in moves
        if each.moves_posted
        and each.code in (TransferCode.POST_RESERVED, TransferCode.REDEEM)
    )  # fmt: skip
    journal: UUID | None = issued[0].journal_id if issued else None
    logged = proofs.entry("发券分录", journal, says_issue(voucher))
    facts = [
        ("企业", voucher.enterprise.name),
        ("方案", str(voucher.programme)),
        ("券面（元）", yuan_text(voucher.face_fen)),
        ("发放时间", moment(voucher.issued_at)),
        ("已核销（元）", yuan_text(redeemed_fen)),
        ("状态", voucher.get_state_display()),
    ]
    checks = [
        same("券面与总账（分）", voucher.face_fen, sum(each.amount for each in issued)),
        same("核销与总账（分）", redeemed_fen, spent),
        logged.check,
    ]
    name = voucher.voucher_no
    return Step("voucher", "算力券", name, facts, checks, name, log_index=logged.index)


def says_issue(voucher: Voucher) -> Says:
    """Return whether a journal issued this voucher with its face value."""

    def differs(body: dict[str, Any]) -> str:
        given = sum(
            int(each["amount"])
            for each in body["transfers"]
            if each["code"] == str(int(TransferCode.ISSUE)) and each["credit"][2] == str(voucher.pk)
        )
        if given != voucher.face_fen:
            return f"日志分录记载 {given:,} 分，数据库登记为 {voucher.face_fen:,} 分。"
        return ""

    return differs

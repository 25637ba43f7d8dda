"""What people are told of objections, silence, approval, claims and claw-back.

Part of ``notice_texts``.
"""

from vouchers.message_form import ENTERPRISE, PROVIDER, STAFF, Text


def _both_sides(kind: str, subject: str, body: str, page: str = "statement") -> dict[str, Text]:
    """Return one message in two rows: for an enterprise and for a provider."""
    return {
        kind: Text(ENTERPRISE, subject, body, f"portal_{page}", statutory=True),
        f"provider_{kind}": Text(PROVIDER, subject, body, f"console_{page}", statutory=True),
    }


def _account(kind: str, subject: str, body: str) -> dict[str, Text]:
    """Return a message about an account of its payee, for both kinds of payee."""
    return {
        kind: Text(ENTERPRISE, subject, body, "portal_payee", False, statutory=True),
        f"provider_{kind}": Text(PROVIDER, subject, body, "console_payee", False, statutory=True),
    }


def _desk(subject: str, body: str, link: str) -> Text:
    return Text(STAFF, subject, body, link)


SETTLEMENT_TEXTS: dict[str, Text] = {
    **_both_sides(
        "statement_line_disputed",
        "{statement_no} 收到对账异议",
        "{party} 对第 {line} 行提出异议，暂扣 {amount_fen} 元，其余照常结算。数据局将在 "
        "{due_on} 前处理。",
    ),
    **_both_sides(
        "statement_deemed",
        "{statement_no}：{side}视为确认",
        "{side}在期限内未答复。送达：{served_at}，{how}。依规定视为确认；有错误的，可在以后月份调整。",
    ),
    **_both_sides(
        "clawback_facts",
        "{case_no} 事实告知书",
        "拟追回 {amount_fen} 元。请在 {hear_until} 前阅读告知书，可以陈述、申辩。",
        "clawback",
    ),
    **_both_sides(
        "clawback_decided",
        "{case_no} 追回决定",
        "决定追回合计 {amount_fen} 元，请在 {due_on} 前缴回，汇款附言注明案号。",
        "clawback",
    ),
    **_account(
        "payee_confirmed",
        "收款账户已核对",
        "账户 {account} 已核对，以后的款项付到这个账户。如非贵单位登记，请立即联系数据局。",
    ),
    **_account(
        "payee_declined",
        "收款账户未通过核对",
        "账户 {account} 未通过核对：{reason}。请重新登记，此前的账户不变。",
    ),
    **_both_sides("clawback_dropped", "{case_no} 不予追回", "经核查，本案不予追回。", "clawback"),
    **_both_sides(
        "clawback_offset",
        "{case_no} 已抵扣追回款",
        "已从应付款项中抵扣追回款，尚余 {left_fen} 元。",
        "clawback",
    ),
    "settlement_approved": Text(
        ENTERPRISE,
        "{month} 结算已签发",
        "{count} 份对账单已签发，算力券支持 {public_fen} 元，其中异议暂扣 {held_fen} 元。",
        "portal_statements",
        False,
    ),
    "claim_decided": Text(
        ENTERPRISE,
        "核销申请 {claim_no}：{outcome}",
        "对账单 {statement_no}，核销 {granted_fen} 元。{reason}",
        "portal_claim",
        statutory=True,
    ),
    "claim_supplement": Text(
        ENTERPRISE,
        "核销申请 {claim_no} 需要补正",
        "请一次补齐：{reason}补正后在 {until} 前重新提交。",
        "portal_claim",
        statutory=True,
    ),
    "claim_lapsing": Text(
        ENTERPRISE,
        "{statement_no} 的核销申请期限还剩 {days} 天",
        "可申请 {amount_fen} 元，须在 {until} 前凭发票和付款凭据提交；逾期未申请的券额失效。",
        "portal_claim",
        statutory=True,
    ),
    "claim_lapsed": Text(
        ENTERPRISE,
        "{statement_no} 逾期未申请核销",
        "申报期限已过，可申请的 {amount_fen} 元已失效。不同意的，可以向数据局书面提出。",
        "portal_claim",
        statutory=True,
    ),
    "claim_suspended": Text(
        ENTERPRISE,
        "核销申请 {claim_no}：{outcome}",
        "{reason}",
        "portal_claim",
        statutory=True,
    ),
    "provider_settlement_approved": Text(
        PROVIDER,
        "{month} 结算已签发",
        "{count} 份对账单已签发，应付 {public_fen} 元，其中异议暂扣 {held_fen} 元。",
        "console_statements",
        False,
    ),
    "statement_objection_withdrawn": _desk(
        "{month} 对账单的异议已撤回", "{party} 撤回了异议。", "office_statement"
    ),
    "claim_waits": _desk(
        "核销申请 {claim_no} 待{step}", "{enterprise} 的核销申请等待{step}。", "office_claim"
    ),
}

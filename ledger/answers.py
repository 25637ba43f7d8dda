"""What the books may answer about a journal that is not booked, and the sentence for each.

Pure: codes and sentences only. The judging is done by the database under its locks
(``ledger_judge``), one transfer after the other; the order in which answers take precedence
stands in docs/ledger.md.
"""

#: Refusals that rest on the state of the books; an id refused for one of these stays refused.
STATE_CODES = frozenset(
    {
        "pending_not_found",
        "pending_other_accounts",
        "pending_already_resolved",
        "exceeds_pending",
        "void_not_whole",
        "not_expired_yet",
        "insufficient_funds",
    }
)

#: The sentence shown to people; ``exists`` is no refusal and has none.
SENTENCES = {
    "id_reused": "该业务编号已用于内容不同的凭证，请刷新页面后重新提交。",
    "id_already_refused": "该业务编号先前已被拒绝，请刷新页面后重新提交。",
    "safe_mode": (
        "账簿核对发现异常，系统处于安全模式，暂停核销、结算与付款；请稍后再试或联系数据局。"
    ),
    "transfer_id_taken": "分录编号已被其他凭证使用。",
    "pending_not_found": "找不到要处理的冻结。",
    "pending_other_accounts": "冻结与本次业务的账户不一致。",
    "pending_already_resolved": "该冻结已经处理过，不能再次处理。",
    "exceeds_pending": "金额超过冻结金额。",
    "void_not_whole": "释放冻结时金额必须等于原冻结金额。",
    "not_expired_yet": "冻结尚未到期，不能按到期处理。",
    "insufficient_funds": "账户可用余额不足。",
}

"""One log entry in words: who did what, why, and what it changed."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from ledger.chart import POOLS, Code, TransferCode, Unit
from ledger.entries import JOURNAL_TYPE

CODES = {
    TransferCode.GRANT: "预算下达",
    TransferCode.RETURN: "预算退回",
    TransferCode.ISSUE: "发放算力券",
    TransferCode.REVOKE: "收回未用",
    TransferCode.RESERVE: "冻结",
    TransferCode.POST_RESERVED: "核销（从冻结）",
    TransferCode.VOID_RESERVED: "释放冻结",
    TransferCode.EXPIRE_RESERVED: "冻结到期",
    TransferCode.REDEEM: "核销",
    TransferCode.SETTLE: "列入结算单",
    TransferCode.DISPUTE: "异议暂扣",
    TransferCode.UNDISPUTE: "解除暂扣",
    TransferCode.PAY: "付款",
    TransferCode.BOUNCE: "付款退回",
    TransferCode.LAPSE: "失效",
    TransferCode.REBUDGET_LAPSED: "失效额度收回",
    TransferCode.METER: "用量上报",
    TransferCode.MATCH_VOUCHER: "用量匹配到券",
    TransferCode.MATCH_SELF: "用量自付",
    TransferCode.REJECT: "用量不予认可",
    TransferCode.OWN_SHARE: "企业自付",
    TransferCode.CORRECT: "更正",
}
KINDS = {"user": "工作人员或企业用户", "provider_key": "服务商密钥", "system": "系统"}
ROLES = {
    "reviewer": "初审",
    "approver": "复审审定",
    "finance": "财务",
    "auditor": "审计",
    "platform": "平台管理",
    "system": "系统任务",
    "enterprise_admin": "企业管理员",
    "provider": "服务商",
    "provider_admin": "服务商管理员",
}
#: Fields that say why something was done.
WHY = {"reason": "理由", "clause": "依据条款", "document_no": "文号", "resolution": "处理意见"}
FIELDS = {
    "accepted": "已接受行数",
    "after": "之后",
    "again": "改派",
    "agreed": "是否同意",
    "algorithm": "算法",
    "alias": "别名",
    "amount_fen": "金额",
    "application": "申请",
    "application_no": "受理编号",
    "applications": "申请",
    "approved_fen": "核定券额",
    "as_of": "数据截至",
    "attachment": "材料",
    "attachments": "材料",
    "batch": "批次",
    "batch_no": "清单编号",
    "before": "之前",
    "binding": "起限制作用的规则",
    "body_sha256": "文件摘要（SHA-256）",
    "capacity": "算力规模",
    "carried": "结转数",
    "cases": "办件",
    "change": "变更事项",
    "charge": "计费",
    "chosen": "抽中复核的办件",
    "code": "条件代号",
    "comment": "公众意见",
    "comment_no": "意见编号",
    "comments": "公众意见数",
    "commitment": "种子承诺值",
    "compute_gflops_s": "用量（GFLOPS·秒）",
    "conflict": "冲突行数",
    "consultation": "公开征求意见",
    "content_sha256": "内容摘要（SHA-256）",
    "count": "笔数",
    "counts": "行数",
    "criteria": "条件",
    "day": "日期",
    "decision": "决定",
    "declaration": "承诺书摘要",
    "department": "会审部门",
    "device_count": "设备数",
    "device_milli_seconds": "设备时间（毫秒）",
    "digest": "内容摘要",
    "document_sha256": "文件摘要（SHA-256）",
    "draw": "摇号",
    "due_on": "期限",
    "discount": "优惠",
    "duplicate": "重复行数",
    "edition": "方案版本",
    "edition_digest": "方案文本摘要",
    "effective_on": "生效日期",
    "enterprise": "企业",
    "entries": "条目数",
    "estimated_gross_fen": "预计总价",
    "event": "步骤",
    "face_fen": "券面金额",
    "facts": "登记事项",
    "field": "查看的栏目",
    "filing": "能效申报",
    "finding": "核查结论",
    "findings": "不一致处数",
    "first": "首个次序号",
    "first_wrong": "首个不一致条目",
    "flag": "提示",
    "free_fen": "可用预算",
    "gflops": "峰值（GFLOPS）",
    "grant": "预算下达",
    "granted_fen": "已下达预算",
    "from_month": "起始月份",
    "green_bp": "绿电占比（万分之一）",
    "gross_fen": "总价",
    "held": "待定行数",
    "held_back_fen": "暂扣金额",
    "held_fen": "冻结金额",
    "hold": "冻结凭证",
    "id": "编号",
    "inquiry": "核查事项",
    "key": "密钥",
    "key_id": "密钥号",
    "kind": "种类",
    "latency_us": "网络时延（微秒）",
    "last": "末个次序号",
    "last_day": "公示截止日",
    "left_on": "迁出日期",
    "level": "提醒档次",
    "line": "行号",
    "lines": "行数",
    "lines_sha256": "明细摘要（SHA-256）",
    "clawback": "追回案件",
    "case_no": "案号",
    "cause": "立案原因",
    "interest_fen": "利息",
    "length": "字数",
    "file": "付款文件",
    "result": "银行回单",
    "year_end": "年度决算",
    "note": "红冲补差单",
    "note_no": "单号",
    "corrects": "更正的对账单",
    "livemode": "正式数据",
    "model": "型号",
    "month": "月份",
    "name": "名称",
    "notice": "公示",
    "notice_no": "公示编号",
    "number": "编号",
    "number_format": "数值格式",
    "objection": "异议",
    "objections_until": "异议截止",
    "offering": "服务产品",
    "open": "未结束行数",
    "order": "订单",
    "order_no": "订单号",
    "orders": "订单",
    "outcome": "结论",
    "pages": "页数",
    "paid_on": "付款日期",
    "payment": "付款",
    "pending": "冻结分录",
    "pflops_hours": "用量（PFLOPS·小时）",
    "position": "次序号",
    "price_fen": "单价",
    "pricing_unit": "计价单位",
    "pue_milli": "PUE（千分之一）",
    "programme": "方案",
    "promised_fen": "已承诺金额",
    "proposed_fen": "建议券额",
    "provider": "服务商",
    "public_fen": "公共负担",
    "public_key": "公钥",
    "public_source": "公开随机数来源",
    "public_word": "公开随机数",
    "rate": "折算系数",
    "recommendation": "初审意见",
    "records": "记录数",
    "redemption": "核销",
    "ref": "关联编号",
    "reference_sha256": "银行回单号摘要（SHA-256）",
    "rejected": "拒收行数",
    "released": "释放笔数",
    "report": "报告",
    "report_no": "报告编号",
    "request": "申请单",
    "requested_fen": "申请券额",
    "returned_fen": "退回金额",
    "reviewer": "初审人账号",
    "role": "角色",
    "root": "树根",
    "rows": "总行数",
    "run": "分配结果",
    "run_no": "分配编号",
    "scanner": "检查方式",
    "score": "得分",
    "seed": "随机种子",
    "seed_digest": "种子摘要",
    "self_fen": "企业自付",
    "sha256": "文件摘要（SHA-256）",
    "share_bp": "抽查比例（万分比）",
    "side": "提出方",
    "size": "字节数",
    "slot": "材料种类",
    "slug": "方案代号",
    "source": "来源",
    "state": "状态",
    "statement": "结算单",
    "statement_no": "结算单编号",
    "statements": "结算单",
    "status": "结果",
    "step": "步骤",
    "succession": "承继事项",
    "successor": "承继企业",
    "tiers": "阶梯",
    "total_fen": "合计",
    "until": "截止",
    "upto": "处理至次序号",
    "uscc": "统一社会信用代码",
    "user": "账号",
    "valid_from": "有效期起",
    "valid_until": "有效期止",
    "value": "数值",
    "verdict": "资格核定",
    "verdict_digest": "资格核定摘要",
    "version": "版本",
    "vkey": "验证密钥",
    "voucher": "算力券",
    "voucher_no": "券号",
    "window": "批次窗口",
    "zero": "零用量行数",
}
_HIDDEN = {"transfers", "journal", "kind", "seq", "refs", "approvals", "effective_at"}
_FEN_IN_YUAN = 100
_MOST_ROWS = 40


@dataclass(frozen=True)
class Story:
    """What an entry says, in rows of a page.

    Args:
        who: who did it; opaque ids, the log knows no names.
        approvals: who else stands for it.
        why: label and text.
        facts: label and text, what it is about and what was decided.
        changes: value before and after, where the entry states both.
        transfers: for a journal, what moved from where to where.
    """

    who: str
    approvals: list[str]
    why: list[tuple[str, str]]
    facts: list[tuple[str, str]]
    changes: list[tuple[str, str]]
    transfers: list[dict[str, Any]]


def tell(entry: dict[str, Any]) -> Story:
    """Return an entry in words; what has no word of ours is shown as it stands."""
    body = entry.get("body")
    stated = body if isinstance(body, dict) else {}
    legs = stated.get("transfers") if entry.get("type") == JOURNAL_TYPE else None
    refs = stated.get("refs")
    why = [(WHY[name], str(stated[name])) for name in WHY if stated.get(name)]
    why += [("理由", reason) for reason in _reasons(legs)]
    facts = {name: each for name, each in stated.items() if name not in {*_HIDDEN, *WHY}}
    for name in ("before", "after"):
        facts.pop(name, None)
    rows = [*_flat(refs if isinstance(refs, dict) else {}), *_flat(facts)]
    return Story(
        who=_actor(entry.get("actor")),
        approvals=_approvals(entry, stated),
        why=why,
        facts=rows[:_MOST_ROWS],
        changes=_changes(stated),
        transfers=transfers_of(legs or []),
    )


def _actor(actor: Any) -> str:
    if not isinstance(actor, dict):
        return "—"
    kind, role = str(actor.get("kind", "")), str(actor.get("role", ""))
    parts = (KINDS.get(kind, kind), ROLES.get(role, role), str(actor.get("id", "")))
    return " · ".join(dict.fromkeys(each for each in parts if each))


def _approvals(entry: dict[str, Any], body: dict[str, Any]) -> list[str]:
    auth = entry.get("auth")
    named = auth.get("approvals") if isinstance(auth, dict) else None
    found = [*(named or []), *(body.get("approvals") or [])]
    approved = body.get("approved_by")
    return [_actor(each) for each in [*found, *([approved] if approved else [])]]


def _reasons(legs: Any) -> list[str]:
    found = [leg.get("reason") for leg in legs or [] if isinstance(leg, dict)]
    return list(dict.fromkeys(str(each) for each in found if each))


def _changes(body: dict[str, Any]) -> list[tuple[str, str]]:
    return [(FIELDS[name], shown(name, body[name])) for name in ("before", "after") if name in body]


def _flat(body: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, each in body.items():
        if name == "approved_by":
            continue
        yield FIELDS.get(name, name), shown(name, each)


def shown(name: str, value: Any) -> str:
    """Return one field as people read it: fen as yuan, lists and objects in a line."""
    if value is None or value == "":
        return "—"
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, dict):
        inner = [f"{FIELDS.get(key, key)} {shown(key, each)}" for key, each in value.items()]
        return "；".join(inner)
    if isinstance(value, list):
        return "、".join(shown(name, each) for each in value)
    if name.endswith("_fen") and str(value).lstrip("-").isdigit():
        return f"{Decimal(value) / _FEN_IN_YUAN:,.2f} 元"
    return str(value)


def transfers_of(legs: list[Any]) -> list[dict[str, Any]]:
    """Return the transfers of a journal with the names of what they do and where they go."""
    found = []
    for each in legs:
        code = TransferCode(int(each["code"]))
        found.append(
            {
                "code": CODES.get(code, f"追回（{int(code)}）"),
                "phase": {"pending": "冻结中", "void": "取消冻结"}.get(each["phase"], ""),
                "debit": _pool(each["debit"]),
                "credit": _pool(each["credit"]),
                "amount": int(each["amount"]),
                "money": each["unit"] != Unit.COMPUTE.value,
            }
        )
    return found


def _pool(account: list[str]) -> dict[str, str]:
    return {"title": POOLS[Code(account[0])].title, "subject": account[2] or account[1]}


def linked_ids(entry: dict[str, Any]) -> list[UUID]:
    """Return the earlier entries that an entry says it rests on."""
    found = []
    links = entry.get("links")
    for each in links if isinstance(links, list) else []:
        try:
            found.append(UUID(each))
        except (ValueError, AttributeError, TypeError):
            continue
    return found

"""What people are told: one table of kinds, each with its words and where it leads.

Pure. Whoever tells something hands in the facts; the words stand here, so that the same thing is
said the same way in the inbox, in the mail and in the delivery log.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ledger.amounts import yuan_text
from ledger.periods import SHANGHAI
from vouchers.message_form import ENTERPRISE, PERSON, PROVIDER, STAFF, Text
from vouchers.settlement_texts import SETTLEMENT_TEXTS

NOT_TOLD = "—"
LONGEST_SUBJECT = 120


@dataclass(frozen=True)
class Told:
    """The finished words."""

    subject: str
    body: str


def _case(subject: str, body: str, *, statutory: bool = False) -> Text:
    return Text(ENTERPRISE, subject, body, "application", statutory=statutory)


def _voucher(subject: str, body: str, *, statutory: bool = False) -> Text:
    return Text(ENTERPRISE, subject, body, "voucher", statutory=statutory)


def _desk(subject: str, body: str, link: str = "office_case") -> Text:
    return Text(STAFF, subject, body, link)


TEXTS: dict[str, Text] = {
    # The course of an application -------------------------------------------------------------
    "application_submitted": _case(
        "申请 {application_no} 已提交",
        "您的申请已提交，受理编号 {application_no}，申请金额 {requested_fen} 元。"
        "受理回执可在办件页下载；有新的进展会再通知您。",
    ),
    "entitlement_offered": Text(
        ENTERPRISE,
        "您已列入免申即享名单，请确认",
        "依据 {document}，贵单位可获支持 {amount_fen} 元，不需要填写申请，登录确认即可。",
        "application_entitlement",
        statutory=True,
    ),
    "application_accepted": _case(
        "申请 {application_no} 已受理",
        "您的申请已于 {on} 受理，进入审核。受理通知书可在办件页下载。",
    ),
    "supplement_asked": _case(
        "申请 {application_no} 需要补正，请于 {due_on} 前办理",
        "请在 {due_on} 24:00 前补正以下内容，补正期间审核计时暂停；逾期未补正视为放弃申请。\n"
        "{reason}",
        statutory=True,
    ),
    "supplement_due": _case(
        "申请 {application_no} 的补正还剩 {days} 天",
        "补正期限为 {due_on} 24:00，逾期未补正视为放弃申请。",
        statutory=True,
    ),
    "application_resubmitted": _case(
        "申请 {application_no} 的补正已收到", "补正材料已收到，审核计时从今天起继续。"
    ),
    "application_lapsed": _case(
        "申请 {application_no} 逾期未补正，视为放弃",
        "补正期限 {due_on} 已过，未收到补正材料，本次申请按放弃处理。申报期内可以重新申请。",
        statutory=True,
    ),
    "application_proposed": _case(
        "申请 {application_no} 复审通过，拟予支持",
        "拟支持金额 {proposed_fen} 元，接下来将列入公示名单。",
    ),
    "application_rejected": _case(
        "申请 {application_no} 未获支持",
        "经审核，本次申请不予支持。理由：{reason}依据：{clause}。"
        "您可以在告知书所写期限内申请复核，告知书可在办件页下载。",
        statutory=True,
    ),
    "notice_begun": _case(
        "申请 {application_no} 已开始公示",
        "您的申请已列入公示 {notice_no}，公示到 {last_day} 24:00 止。",
    ),
    "notice_ended": _case(
        "申请 {application_no} 公示期满", "公示 {notice_no} 已期满，接下来由审批人审定。"
    ),
    "application_approved": _case(
        "申请 {application_no} 已审定",
        "审定支持金额 {approved_fen} 元，算力券将在数个工作日内发放。审定通知书可在办件页下载。",
        statutory=True,
    ),
    "application_waitlisted": _case(
        "申请 {application_no} 已审定，进入候补",
        "本期额度已用完，您的申请按顺序候补；有额度退回时自动发放并通知您。",
    ),
    "application_withdrawn": _case(
        "申请 {application_no} 已撤回", "本次申请已按贵单位的要求撤回。"
    ),
    "objection_received": _case(
        "对申请 {application_no} 的公示提出了异议",
        "公示期内收到实名书面异议，正在核查；核查期间请留意来电或补充材料的要求。",
    ),
    "objection_decided": _case(
        "对申请 {application_no} 的异议已有处理意见",
        "处理结果：{outcome}。理由：{reason}答复文书可在办件页下载。",
        statutory=True,
    ),
    "reconsideration_asked": _case(
        "已收到对申请 {application_no} 的复核申请", "复核由原经办人以外的人员办理，期限 {due_on}。"
    ),
    "reconsideration_decided": _case(
        "申请 {application_no} 的复核决定",
        "复核结果：{outcome}。理由：{reason}复核决定书可在办件页下载。",
        statutory=True,
    ),
    "file_refused": _case(
        "申请 {application_no} 的材料未通过安全检查",
        "材料“{file_name}”未通过安全检查，已停止使用，请更换后重新上传。",
        statutory=True,
    ),
    # The enterprise ---------------------------------------------------------------------------
    "enterprise_verified": Text(
        ENTERPRISE, "企业信息已核验", "{name} 的企业信息已核验，可以办理申请。", "desk", False
    ),
    "enterprise_suspended": Text(
        ENTERPRISE,
        "企业资格已暂停",
        "{name} 的资格已暂停。理由：{reason}如有异议，请联系受理窗口。",
        "desk",
        False,
        statutory=True,
    ),
    "enterprise_reinstated": Text(
        ENTERPRISE, "企业资格已恢复", "{name} 的资格已恢复，可以继续办理。", "desk", False
    ),
    "enterprise_barred": Text(
        ENTERPRISE,
        "企业申请资格已取消",
        "{name} 的申请资格已取消，至 {until}。期间不能申请和使用算力券，已发的算力券已冻结。"
        "如有异议，请联系受理窗口。",
        "desk",
        False,
        statutory=True,
    ),
    # Vouchers ---------------------------------------------------------------------------------
    "voucher_issued": _voucher(
        "算力券 {voucher_no} 已发放",
        "面额 {face_fen} 元，可用到 {last_day}（含当日）。现在可以在服务目录中下单用券。",
        statutory=True,
    ),
    "voucher_frozen": _voucher(
        "算力券 {voucher_no} 已冻结",
        "冻结期间不能下单用券。理由：{reason}如有异议，请联系受理窗口。",
        statutory=True,
    ),
    "voucher_unfrozen": _voucher("算力券 {voucher_no} 已解冻", "可以继续用券。理由：{reason}"),
    "voucher_revoked": _voucher(
        "算力券 {voucher_no} 已撤销",
        "未使用的部分已退回预算。理由：{reason}如不服，可依法申请行政复议或者提起行政诉讼。",
        statutory=True,
    ),
    "voucher_expiring": _voucher(
        "算力券 {voucher_no} 还有 {days} 天到期",
        "可用余额 {available_fen} 元，最后可用日为 {last_day}。到期未用的部分自动退回预算。",
    ),
    "voucher_expired": _voucher(
        "算力券 {voucher_no} 已到期", "到期未用的 {expired_fen} 元已退回预算。"
    ),
    "voucher_low": _voucher(
        "算力券 {voucher_no} 余额不足 {share}", "可用余额 {available_fen} 元，请安排后续用算。"
    ),
    # Use and settlement -----------------------------------------------------------------------
    "statements_to_confirm": Text(
        ENTERPRISE,
        "{month} 有 {count} 份对账单待确认",
        "{month} 的对账单已出，共 {count} 份，算力券抵扣 {public_fen} 元、自付 {self_fen} 元。"
        "请在 {due_on} 24:00 前确认或提出异议，逾期未提出视为确认。",
        "portal_statements",
        False,
        statutory=True,
    ),
    "objection_on_statement_decided": Text(
        ENTERPRISE,
        "{month} 对账单的异议：{outcome}",
        "{statement_no}。处理意见：{reason}形成新版本的，请核对后重新确认；"
        "期限内未答复的，视为确认。",
        "portal_statement",
        statutory=True,
    ),
    "provider_statements_to_confirm": Text(
        PROVIDER,
        "{month} 有 {count} 份对账单待确认",
        "{month} 的对账单已出，共 {count} 份，应付 {public_fen} 元。"
        "请在 {due_on} 24:00 前确认或提出异议，逾期未提出视为确认。",
        "console_statements",
        False,
        statutory=True,
    ),
    "provider_objection_decided": Text(
        PROVIDER,
        "{month} 对账单的异议：{outcome}",
        "{statement_no}。处理意见：{reason}形成新版本的，请核对后重新确认；"
        "期限内未答复的，视为确认。",
        "console_statement",
        statutory=True,
    ),
    "provider_paid": Text(
        PROVIDER,
        "{month} 结算款已拨付",
        "已拨付 {amount_fen} 元，银行流水号 {reference}。",
        "console_statements",
        False,
    ),
    "payment_made": Text(
        ENTERPRISE,
        "核销款已拨付",
        "{paid_on} 已向贵企业尾号账户 {account} 拨付 {amount_fen} 元。",
        "portal_statements",
        False,
    ),
    # The bureau -------------------------------------------------------------------------------
    "case_resubmitted": _desk("{application_no} 已补正", "{enterprise} 已提交补正，请继续审核。"),
    "case_withdrawn": _desk("{application_no} 已撤回", "{enterprise} 撤回了申请。理由：{reason}"),
    "case_objected": _desk(
        "{application_no} 收到公示异议", "请在 {due_on} 前核查并答复。异议内容：{reason}"
    ),
    "case_reconsider": _desk(
        "{application_no} 申请复核", "请在 {due_on} 前由原经办人以外的人员办理。"
    ),
    "file_infected": _desk(
        "{application_no} 的材料未通过安全检查",
        "{enterprise} 的材料“{file_name}”未通过安全检查，已隔离。",
    ),
    "statement_objected": _desk(
        "{month} 对账单收到异议",
        "{party} 提出异议：{reason}请在 {due_on} 前处理。",
        "office_statement",
    ),
    "payment_to_sign": _desk(
        "付款清单 {batch_no} 待{step}",
        "合计 {total} 元。请核对清单后签署，各环节须由不同的人办理。",
        "office_pay_batch",
    ),
    "budget_level": _desk(
        "{programme} 预算已用 {share}",
        "已承诺 {committed_fen} 元，剩余 {free_fen} 元。请安排追加预算或调整窗口。",
        "office_programme",
    ),
    "budget_short": _desk(
        "{programme} 预算不足", "剩余 {free_fen} 元，已有申请进入候补。", "office_programme"
    ),
    "inquiry_opened": _desk("有事项须核查：{enterprise}", "{title}", "office_inquiry"),
    "payee_filed": _desk(
        "{payee} 登记了收款账户，请核对",
        "{by} 登记了新的收款账户。请对照开户凭证核对，核对前不会向新账户付款。",
        "office_payee",
    ),
    "standing_proposed": _desk(
        "{enterprise} 状态变更待审批",
        "{by} 提请：{event}。须由另一人审批。",
        "office_firm",
    ),
    "mail_dead_end": Text(
        STAFF,
        "有邮件无法送达：{name}",
        "发往 {address} 的“{subject}”未能送达：{why}。请另行通知，并请对方更新邮箱。",
        "office_mail",
        False,
    ),
    "export_asked": Text(
        STAFF,
        "{export_no} 等待同意导出",
        "{by}申请导出 {rows} 行办件，用途：{reason}。须由申请人以外的人同意。",
        "office_exports",
        False,
    ),
    # One person -------------------------------------------------------------------------------
    "own_mail_dead": Text(
        PERSON,
        "发往您邮箱的邮件无法送达",
        "发往 {address} 的“{subject}”未能送达：{why}。请核对邮箱，或联系管理员更新。"
        "消息仍可在这里查看。",
    ),
    "case_assigned": Text(
        PERSON,
        "{application_no} 分派给您办理",
        "{enterprise} 的申请由{by}分派给您。{reason}",
        "office_case",
    ),
    "export_decided": Text(
        PERSON, "{export_no} {outcome}", "审批人：{by}。", "office_exports", False
    ),
    "seat_given": Text(
        PERSON,
        "您已加入 {name}",
        "您在 {name} 的角色为{role}，现在可以办理业务。",
        "entrance",
        False,
    ),
    **SETTLEMENT_TEXTS,
}


def told(kind: str, facts: Mapping[str, Any]) -> Told:
    """Return the words of a kind with the facts in their gaps.

    A fact that is missing is shown as a dash: a message is never a reason to fail an act.

    Raises:
        KeyError: nobody wrote words for this kind.
    """
    text = TEXTS[kind]
    shown = _Facts({name: _shown(name, value) for name, value in facts.items()})
    subject = one_line(text.subject.format_map(shown))
    return Told(subject[:LONGEST_SUBJECT], text.body.format_map(shown).strip())


def one_line(text: str) -> str:
    """Return a text fit for a header: no line ends, no control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


class _Facts(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return NOT_TOLD


def _shown(name: str, value: Any) -> str:
    if value is None or value == "":
        return NOT_TOLD
    if name.endswith("_fen"):
        return yuan_text(int(value))
    if isinstance(value, datetime):
        local = value.astimezone(SHANGHAI)
        return f"{_day(local)} {local:%H:%M}"
    if isinstance(value, date):
        return _day(value)
    text = str(value)
    return _sentence(text) if name == "reason" else text


def _sentence(text: str) -> str:
    return text if text.endswith(("。", "！", "？", ".", "；")) else f"{text}。"


def _day(value: date) -> str:
    return f"{value.year}年{value.month}月{value.day}日"

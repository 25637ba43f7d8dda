"""The bureau's desk: what waits, in every room, for the person who looks."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import NoReverseMatch, reverse

from billing import figures
from billing.models import (
    Clawback,
    MonthClose,
    Objection,
    PaymentBatch,
    PaymentLine,
    Report,
    Statement,
)
from billing.strips import strips
from ledger import inspections
from ledger.chart import Code, budget
from providers.models import (
    DeskRequest,
    Finding,
    Provider,
    ProviderKey,
    UsageConflict,
    UsageRecord,
)
from vouchers import pages_queue
from vouchers.models import Programme, PublicNotice, Reservation, Voucher
from vouchers.pages_money import unused
from vouchers.pools import set_aside
from vouchers.watching import level_of, promised

ANY_RIGHT = (
    "vouchers.view_cases",
    "vouchers.review_application",
    "vouchers.decide_application",
    "vouchers.issue_voucher",
    "providers.view_providers",
    "providers.confirm_key",
    "billing.view_settlement",
    "billing.view_reports",
    "ledger.inspect_log",
)


@dataclass(frozen=True)
class Counter:
    """One count on the desk: what it counts, where its list is, who may see it."""

    title: str
    hint: str
    right: str
    address: str
    count: Callable[[Any, datetime], int]
    query: str = ""


def _cases(**asked: Any) -> Callable[[Any, datetime], int]:
    """Count what the queue shows for the same choice, so that number and list are one."""
    wanted = pages_queue.Asked(**({"tab": "all"} | asked))
    return lambda user, now: int(pages_queue.select(wanted, user, now).count())


def _in_review() -> Any:
    """Return the months whose statements are out and not yet approved."""
    return MonthClose.objects.filter(state="review")


def _answered_months() -> int:
    """Count the months that finance could put forward now."""
    waiting = Statement.objects.filter(state="in_review").values("close_id")
    return int(_in_review().filter(prepared_person="").exclude(pk__in=waiting).count())


COUNTERS = (
    Counter("我的办件", "由我经办、尚未办结", "vouchers.review_application", "office_queue",
            _cases(tab="mine"), "?tab=mine"),
    Counter("待分派", "还没有经办人", "vouchers.assign_case", "office_queue",
            _cases(tab="unassigned"), "?tab=unassigned"),
    Counter("已超期", "超过办理时限", "vouchers.view_cases", "office_queue",
            _cases(left="over"), "?left=over"),
    Counter("待受理", "已提交的申请", "vouchers.review_application", "office_queue",
            _cases(states=("submitted",)), "?state=submitted"),
    Counter("待初审", "已受理的申请", "vouchers.review_application", "office_queue",
            _cases(states=("accepted",)), "?state=accepted"),
    Counter("待复审", "初审后须由他人复审", "vouchers.decide_application", "office_queue",
            _cases(states=("in_second_review",)), "?state=in_second_review"),
    Counter("待公示", "拟支持，尚未公示", "vouchers.publish_notice", "office_queue",
            _cases(states=("proposed",)), "?state=proposed"),
    Counter("公示期满", "可以结束公示", "vouchers.publish_notice", "office_notices",
            lambda _, now: PublicNotice.objects.run_out(now).count()),
    Counter("待审定", "公示期满无异议", "vouchers.decide_application", "office_queue",
            _cases(states=("notice_done",)), "?state=notice_done"),
    Counter("联审中", "等相关部门答复", "vouchers.review_application", "office_queue",
            _cases(states=("joint_check",)), "?state=joint_check"),
    Counter("异议核查", "公示期间收到异议", "vouchers.decide_application", "office_queue",
            _cases(states=("objection",)), "?state=objection"),
    Counter("复核中", "企业对不予支持申请复核", "vouchers.decide_application", "office_queue",
            _cases(states=("reconsider",)), "?state=reconsider"),
    Counter("候补", "预算不足，等待额度", "vouchers.issue_voucher", "office_queue",
            _cases(states=("waitlisted",)), "?state=waitlisted"),
    Counter("待发券", "已审定的申请", "vouchers.issue_voucher", "office_queue",
            _cases(states=("approved",)), "?state=approved"),
    Counter("服务商待审", "申请入库", "providers.admit_provider", "office_providers",
            lambda *_: Provider.objects.filter(state="applied").count()),
    Counter("密钥待确认", "服务商提出的正式密钥", "providers.confirm_key", "office_providers",
            lambda *_: ProviderKey.objects.filter(state="proposed").count()),
    Counter("计量事项待批准", "更正、不予入账、缺口说明，须由另一人", "providers.decide_usage",
            "office_desk", lambda *_: DeskRequest.objects.waiting().count()),
    Counter("计量疑点", "看起来不寻常的用量", "providers.propose_usage", "office_findings",
            lambda *_: Finding.objects.undecided().count()),
    Counter("计量挂起", "等型号、系数或算力规模", "providers.view_providers", "office_held",
            lambda *_: UsageRecord.objects.filter(livemode=True, state="held").count()),
    Counter("计量冲突", "编号相同而内容不同", "providers.view_providers", "office_held",
            lambda *_: UsageConflict.objects.unresolved().count()),
    Counter("对账单待答复", "等企业或服务商确认", "billing.view_settlement", "office_settlement",
            lambda *_: Statement.objects.filter(state__in=["in_review", "disputed"]).count()),
    Counter("对账异议", "须在复核前处理", "billing.approve_settlement", "office_settlement",
            lambda *_: Objection.objects.filter(state="open").count()),
    Counter("可提请签发", "双方都已答复的月份", "billing.prepare_settlement", "office_settlement",
            lambda *_: _answered_months()),
    Counter("待签发结算", "财务已提请", "billing.approve_settlement", "office_settlement",
            lambda *_: _in_review().exclude(prepared_person="").count()),
    Counter("待登记付款", "已导出、银行未回单", "billing.release_payment", "office_settlement",
            lambda *_: PaymentLine.objects.filter(state="sent").count()),
    Counter("付款清单待审批", "数据局两人签署", "billing.approve_settlement", "office_settlement",
            lambda *_: PaymentBatch.objects.filter(state="draft").count()),
    Counter("付款清单待财政签署", "复核、批准或送国库", "billing.release_payment",
            "office_settlement", lambda *_: PaymentBatch.objects.filter(
                state__in=["approved", "finance_review", "finance_approved"]).count()),
    Counter("追回待办", "尚未结案", "billing.approve_settlement", "office_clawbacks",
            lambda *_: Clawback.objects.exclude(state__in=["closed", "dropped"]).count()),
)  # fmt: skip


def workbench(user: Any, now: datetime) -> dict[str, Any]:
    """Return what the desk shows to one person: counts as links, what waits first, the money."""
    counters = []
    for each in COUNTERS:
        if not user.has_perm(each.right):
            continue
        counters.append(
            {
                "label": each.title,
                "value": each.count(user, now),
                "hint": each.hint,
                "url": _address(each.address, each.query),
            }
        )
    may_see_money = user.has_perm("billing.view_settlement")
    return {
        "counters": counters,
        "todo": [each for each in counters if each["value"]],
        "strips": strips(now) if user.has_perm("providers.view_providers") else [],
        "checked": inspections.last_done(),
        "programmes": funnels() if may_see_money else [],
        "reports": list(Report.objects.finished().newest_first()[:3]) if may_see_money else [],
    }


def _address(name: str, query: str) -> str:
    """Return the address of a list, or nothing while its page does not exist."""
    try:
        return reverse(name) + query
    except NoReverseMatch:
        return ""


def funnels() -> list[dict[str, Any]]:
    """Return where the money of each programme lies, and whether it ties to the ledger."""
    found = []
    for slug, title in _programmes().items():
        steps, ties = figures.funnel(slug)
        granted = figures.granted_fen(slug)
        found.append(
            {
                "slug": slug,
                "title": title,
                "granted_fen": granted,
                "steps": steps,
                "ties": ties,
                "unused": unused(slug),
                **_watched(slug),
            }
        )
    return found


def _watched(slug: str) -> dict[str, Any]:
    """Return how far the money is promised, and which mark is reached."""
    programme = Programme.objects.filter(slug=slug).order_by("-edition_no")[0]
    now = promised(programme)
    return {"promised": now, "level": level_of(programme, now)}


def _programmes() -> dict[str, str]:
    editions = Programme.objects.order_by("slug", "edition_no")
    return {each.slug: each.title for each in editions}


STAGES = {
    "budget": "未承诺预算",
    "reserved": "已承诺（已预留待发券）",
    "vouchers": "券内可用",
    "holds": "已被订单占用",
    "redeemed": "已核销待结算",
    "settlement": "结算单待付",
    "disputed": "异议暂扣",
    "paid": "已付服务商",
    "expired": "已失效",
}


def funnel_items(slug: str, detail: str) -> dict[str, Any] | None:
    """Return the accounts behind one figure of the funnel, named, with their amounts and sum."""
    title = _programmes().get(slug)
    if title is None or detail not in STAGES:
        return None
    rows = _reserved(slug) if detail == "reserved" else []
    for key, balance in figures.items_of(slug, detail):
        amount = balance.posted
        if detail == "budget":
            amount -= set_aside(slug).fen
        if detail == "vouchers":
            amount = balance.available
        elif detail == "holds":
            amount = balance.debits_pending
        if amount:
            rows.append({"key": key, "amount_fen": amount, **_name(key.code, key.subject)})
    return {
        "programme": title,
        "slug": slug,
        "title": STAGES[detail],
        "items": rows,
        "total_fen": sum(each["amount_fen"] for each in rows),
    }


def _reserved(slug: str) -> list[dict[str, Any]]:
    """Return the applications for which money is set aside, in the order of the line."""
    held = Reservation.objects.open().filter(slug=slug)
    return [
        {
            "key": budget(slug),
            "amount_fen": each.amount_fen,
            "name": f"{each.intake.application.application_no} "
            f"{each.intake.application.enterprise.name}",
            "url": reverse("office_case", args=[each.intake.application_id]),
        }
        for each in held.select_related("intake__application__enterprise")
    ]


def _name(code: Code, subject: str) -> dict[str, str]:
    """Return what an account is about and where its page is."""
    if code is Code.VOUCHER:
        voucher = Voucher.objects.select_related("enterprise").get(pk=subject)
        return {
            "name": f"{voucher.voucher_no}　{voucher.enterprise.name}",
            "url": reverse("office_voucher", args=[voucher.pk]),
        }
    if code in (Code.SETTLEMENT, Code.DISPUTED):
        statement = Statement.objects.select_related("enterprise").get(pk=subject)
        return {
            "name": f"{statement.statement_no}　{statement.enterprise.name}",
            "url": reverse("office_statement", args=[statement.pk]),
        }
    if code in (Code.REDEEMED, Code.PAID):
        return {"name": Provider.objects.get(pk=subject).name, "url": ""}
    return {"name": STAGES["budget" if code is Code.BUDGET else "expired"], "url": ""}

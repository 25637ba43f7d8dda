"""What the papers on one thing of a month say: a statement, a payment list, a programme.

Plain values, like the monthly report's; ``table`` is what is attached as CSV (and XLSX).

Source: domain 7.2 to 7.6.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Count, Q, Sum

from billing import figures, statements
from billing.models import Confirmation, MonthClose, PaymentBatch, Statement
from billing.models.statement import MADE_STATES
from billing.report_parts import frame, log_parts
from billing.statements import CSV_COLUMNS, day_text, moment_text
from ledger.actors import Actor
from ledger.amounts import divide_half_up, yuan_text
from ledger.balances import balances
from ledger.capitals import capital_amount
from vouchers.models import Programme, Voucher

VOUCHER_KINDS = {"COMPUTE": "算力券", "MODEL": "模型券", "CORPUS": "语料券"}
PAYMENT_COLUMNS = (
    "序号", "收款单位", "统一社会信用代码", "开户行", "账号（脱敏）", "对账单号", "企业",
    "券号", "期间", "金额（元）", "状态", "付款日期", "银行流水号", "备注",
)  # fmt: skip


def statement_content(
    close: MonthClose, statement: Statement, *, actor: Actor, at: datetime
) -> dict[str, Any]:
    """Return what the printed statement (对账单) says."""
    full = statements.full(Statement.objects.filter(pk=statement.pk))[0]
    month = close.period
    lines = [statements.line_data(full, line) for line in full.lines.all()]
    programme = full.voucher.programme
    parties = {"provider": full.provider.name, "provider_uscc": full.provider.uscc}
    sums = statements.sums_of([full])
    return {
        **frame("statement", close, at),
        "title": f"{settings.PAPERS.district}算力券月度对账单（{month.title}）",
        "short_title": "算力券月度对账单",
        "audience": f"{full.enterprise.name}　{full.provider.name}",
        "document_no": full.statement_no,
        "summary": {**sums, "capital": capital_amount(sums["payable_fen"])},
        "statement": {
            "statement_no": full.statement_no,
            "version": full.version,
            "state": full.get_state_display(),
            "period": f"{moment_text(month.start_at)} 至 {moment_text(month.end_at)}",
            "programme": programme.title,
            "edition": f"第 {programme.edition_no} 版（摘要 {programme.digest[:16]}…）",
            "enterprise": full.enterprise.name,
            "enterprise_uscc": full.enterprise.uscc,
            "provider": full.provider.name,
            "provider_uscc": full.provider.uscc,
            "order_no": full.order.order_no,
            "voucher_no": full.voucher.voucher_no,
            "digest": full.digest,
            "rating_version": full.rating_version,
            "binding": statements.binding_title(full),
            "objections_until": day_text(close.objections_until),
        },
        "lines": lines,
        "formulas": [
            statements.line_formula(each) for each in full.lines.all() if not each.reverses_id
        ],
        "terms": [
            {name: term[name] for name in ("title", "amount", "how", "clause")}
            for term in full.terms
        ],
        "adjustments": statements.adjustment_data([full]),
        "objections": statements.objection_data([full]),
        "answers": statements.confirmation_data(full),
        "balances": _balances(full, at),
        "signers": [_signer("文件生成", actor.name, at)],
        "table": {
            "title": "对账单明细",
            "columns": list(CSV_COLUMNS),
            "rows": [{**line, **parties} for line in lines],
            "xlsx": False,
        },
        **log_parts([full]),
    }


def _balances(statement: Statement, at: datetime) -> dict[str, Any]:
    """Return what lies on the voucher at the moment of printing."""
    account = statement.voucher.account
    found = balances([account], as_of=at)[account]
    return {"left_fen": found.posted, "held_fen": found.debits_pending, "at": moment_text(at)}


def payments_content(
    close: MonthClose, batch: PaymentBatch, *, actor: Actor, at: datetime
) -> dict[str, Any]:
    """Return what the appropriation list (资金拨付明细表) says, with what the bank did so far."""
    payees: list[dict[str, Any]] = []
    lines = batch.lines.select_related("provider", "enterprise").prefetch_related(
        "items__statement__enterprise", "items__statement__voucher__programme"
    )
    for line in lines.order_by("ordinal"):
        items = sorted(line.items.all(), key=lambda item: item.statement.statement_no)
        payees.append(
            {
                "ordinal": line.ordinal,
                "payee": line.payee_name,
                "uscc": line.payee.uscc,
                "bank": line.bank_name,
                "account": line.account_masked,
                "amount_fen": line.amount_fen,
                "offset_fen": line.offset_fen,
                "state": line.get_state_display(),
                "paid_on": line.paid_on.isoformat() if line.paid_on else "",
                "bank_reference": line.bank_reference,
                "returned": line.returned_reason,
                "items": [_item(item) for item in items],
            }
        )
    count = sum(len(each["items"]) for each in payees)
    month = close.period
    serial = int(batch.batch_no.rpartition("-")[2])
    return {
        **frame("payments", close, at),
        "trial": False,
        "title": f"{settings.PAPERS.district}算力券资金拨付明细表"
        f"（{month.year}年{month.month}月第{serial}批）",
        "short_title": "算力券资金拨付明细表",
        "audience": "区财政局",
        "document_no": batch.batch_no,
        "summary": {
            "payable_fen": batch.total_fen,
            "offset_fen": batch.offset_fen,
            "capital": capital_amount(batch.total_fen),
            "count": batch.count,
            "items": count,
        },
        "batch": {
            "batch_no": batch.batch_no,
            "exported_at": moment_text(batch.exported_at),
            "sha256": batch.sha256,
        },
        "payees": payees,
        "kinds": _per_kind(payees),
        "signers": _payment_signers(close, batch, actor, at),
        "table": {
            "title": "资金拨付明细",
            "columns": list(PAYMENT_COLUMNS),
            "rows": _payment_rows(payees, month.title),
            "xlsx": True,
        },
        **log_parts([]),
    }


def _payment_signers(
    close: MonthClose, batch: PaymentBatch, actor: Actor, at: datetime
) -> list[dict[str, str]]:
    return [
        _signer("制表（提请）", close.prepared_name, close.prepared_at),
        _signer("复核（签发）", close.approved_name, close.approved_at),
        *(
            _signer(each.get_step_display(), each.name, each.signed_at)
            for each in batch.signs.all()
        ),
        _signer("打印", actor.name, at),
    ]


def _signer(role: str, name: str, at: datetime | None) -> dict[str, str]:
    return {"role": role, "name": name or "—", "at": moment_text(at)}


def _item(item: Any) -> dict[str, Any]:
    statement = item.statement
    return {
        "statement_no": statement.statement_no,
        "enterprise": statement.enterprise.name,
        "uscc": statement.enterprise.uscc,
        "voucher_no": statement.voucher.voucher_no,
        "kind": VOUCHER_KINDS.get(statement.voucher.programme.kind, "算力券"),
        "amount_fen": item.amount_fen,
    }


def _per_kind(payees: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the subtotals per kind of voucher."""
    sums: dict[str, list[int]] = {}
    for payee in payees:
        for item in payee["items"]:
            sums.setdefault(item["kind"], []).append(item["amount_fen"])
    return [
        {"kind": kind, "count": len(found), "amount_fen": sum(found)}
        for kind, found in sorted(sums.items())
    ]


def _payment_rows(payees: Sequence[dict[str, Any]], period: str) -> list[dict[str, Any]]:
    return [
        dict(
            zip(
                PAYMENT_COLUMNS,
                (
                    payee["ordinal"], payee["payee"], payee["uscc"], payee["bank"],
                    payee["account"], item["statement_no"], item["enterprise"],
                    item["voucher_no"], period, yuan_text(item["amount_fen"]), payee["state"],
                    payee["paid_on"], payee["bank_reference"], payee["returned"],
                ),
                strict=True,
            )
        )
        for payee in payees
        for item in payee["items"]
    ]  # fmt: skip


def performance_content(
    close: MonthClose, programme: Programme, *, actor: Actor, at: datetime
) -> dict[str, Any]:
    """Return the performance self-evaluation (绩效自评表) of a programme as of a month.

    Every indicator is computed from the books and the statements up to the month; what only people
    can judge is left open for them.
    """
    slug = programme.slug
    listed = Statement.objects.filter(
        voucher__programme__slug=slug, month__lte=close.month, state__in=MADE_STATES
    )
    steps, ties = figures.funnel(slug)
    granted = figures.granted_fen(slug)
    groups: list[dict[str, Any]] = [
        {"title": "投入", "rows": _money_rows(steps, granted)},
        {"title": "产出", "rows": _output_rows(listed, slug)},
        {"title": "过程与时效", "rows": _process_rows(listed)},
        {"title": "效益", "rows": _effect_rows(listed)},
    ]
    month = close.period
    return {
        **frame("performance", close, at),
        "title": f"{programme.title}绩效自评表（截至{month.title}）",
        "short_title": "项目支出绩效自评表",
        "audience": "区财政局",
        "summary": {"payable_fen": granted, "ties": ties},
        "programme": {"title": programme.title, "edition_no": programme.edition_no},
        "groups": groups,
        "signers": [_signer("填表", actor.name, at)],
        "table": {
            "title": "绩效自评指标",
            "columns": ["类别", "指标", "值", "单位", "口径"],
            "rows": [
                {"类别": group["title"], "指标": row["name"], "值": row["value"],
                 "单位": row["unit"], "口径": row["how"]}
                for group in groups
                for row in group["rows"]
            ],
            "xlsx": True,
        },
        **log_parts([]),
    }  # fmt: skip


def _row(name: str, value: str, unit: str, how: str) -> dict[str, str]:
    return {"name": name, "value": value, "unit": unit, "how": how}


def _percent(part: int, whole: int) -> str:
    if not whole:
        return "—"
    points = divide_half_up(part * 10_000, whole)
    return f"{points // 100}.{points % 100:02d}"


def _money_rows(steps: Sequence[figures.Step], granted: int) -> list[dict[str, str]]:
    found = [_row("下达预算", yuan_text(granted), "元", "总账：预算下达净额")]
    found += [
        _row(step.title, yuan_text(step.amount_fen), "元", f"总账科目 {step.code} 余额")
        for step in steps
    ]
    spent = sum(step.amount_fen for step in steps if step.code in ("3000", "3100", "3200", "3300"))
    paid = sum(step.amount_fen for step in steps if step.code == "3300")
    return [
        *found,
        _row("预算执行率（已核销）", _percent(spent, granted), "%", "已核销至已付 ÷ 下达预算"),
        _row("资金支付率", _percent(paid, granted), "%", "已付服务商 ÷ 下达预算"),
    ]


def _output_rows(listed: Any, slug: str) -> list[dict[str, str]]:
    sums = listed.aggregate(
        pfh=Sum("pflops_hours"),
        enterprises=Count("enterprise", distinct=True),
        providers=Count("provider", distinct=True),
        count=Count("id"),
    )
    issued = Voucher.objects.filter(programme__slug=slug).aggregate(
        count=Count("id"), face=Sum("face_fen", default=0), firms=Count("enterprise", distinct=True)
    )
    return [
        _row("发放算力券", f"{issued['count']:,}", "张", "历次发放，含已失效"),
        _row("发放面额", yuan_text(issued["face"]), "元", "发放时面额之和"),
        _row("受益企业", f"{issued['firms']:,}", "家", "领到算力券的企业"),
        _row("实际用券企业", f"{sums['enterprises']:,}", "家", "对账单所涉企业"),
        _row("参与服务商", f"{sums['providers']:,}", "家", "对账单所涉服务商"),
        _row("核定算力", f"{sums['pfh'] or 0:,.4f}", "PFLOPS·h", "FP16 稠密，各对账单之和"),
        _row("对账单", f"{sums['count']:,}", "份", "已出具"),
    ]


def _process_rows(listed: Any) -> list[dict[str, str]]:
    count = listed.count()
    objected = listed.filter(objections__isnull=False).distinct().count()
    upheld = listed.filter(objections__state="upheld").distinct().count()
    done = listed.filter(state="paid").count()
    both = (
        Confirmation.objects.filter(statement__in=listed)
        .values("statement")
        .annotate(sides=Count("side", distinct=True))
        .filter(sides=2)
        .count()
    )
    return [
        _row("双方确认率", _percent(both, count), "%", "双方均已确认的对账单 ÷ 已出具对账单"),
        _row("异议率", _percent(objected, count), "%", "提出过异议的对账单 ÷ 已出具对账单"),
        _row("异议成立率", _percent(upheld, objected), "%", "异议成立的对账单 ÷ 有异议的对账单"),
        _row("办结率", _percent(done, count), "%", "已付款对账单 ÷ 已出具对账单"),
    ]


def _effect_rows(listed: Any) -> list[dict[str, str]]:
    sums = listed.aggregate(
        gross=Sum("gross_fen", default=0),
        public=Sum("public_fen", default=0),
        own=Sum("self_fen", default=0),
        domestic=Sum("gross_fen", filter=Q(order__offering__model__domestic=True), default=0),
    )
    return [
        _row("服务总价", yuan_text(sums["gross"]), "元", "各对账单之和"),
        _row("券抵扣", yuan_text(sums["public"]), "元", "各对账单之和"),
        _row("企业自付", yuan_text(sums["own"]), "元", "各对账单之和"),
        _row(
            "资金带动倍数", _ratio(sums["gross"], sums["public"]), "倍", "服务总价 ÷ 券抵扣"
        ),
        _row(
            "国产算力占比", _percent(sums["domestic"], sums["gross"]), "%",
            "国产加速卡服务总价 ÷ 服务总价",
        ),
    ]  # fmt: skip


def _ratio(part: int, whole: int) -> str:
    if not whole:
        return "—"
    points = divide_half_up(part * 100, whole)
    return f"{points // 100}.{points % 100:02d}"

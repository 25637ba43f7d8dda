"""What the pages of one month show: its eight tasks, how far a run is, what a trial found."""

from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse

from billing.anomalies import anomalies
from billing.models import MonthClose, Objection, StateRow, Trial
from billing.settling import changes_between, trial_job
from ledger import work
from ledger.periods import Month

LATEST_NEWS = 8
TRIALS_SHOWN = 20
#: What a step of closing leaves behind when it fails, by the state of the month.
UNDONE = {
    "open": "截止一步没有办成：冻结、计价和对账单草稿已全部撤回，本月仍可继续上报。",
    "closing": "截止已完成并保留；没有出具的对账单仍是草稿，已出具的不受影响。重试会接着办。",
}


def close_job(month: Month) -> work.Work | None:
    """Return the work that closes a month, if it was asked for."""
    return work.find("billing.close_month", str(month))


def run_page(job: work.Work, at: datetime) -> dict[str, Any]:
    """Return how far a piece of work is: time spent, time left, what was done last."""
    spent = max((job.finished_at or at) - job.requested_at, timedelta(0))
    left = None
    if not job.is_over and 0 < job.done < job.total:
        left = spent * (job.total - job.done) / job.done
    return {
        "job": job,
        "spent": _time_text(spent),
        "left": _time_text(left) if left is not None else "",
        "attempts": job.attempts,
    }


def _time_text(length: timedelta) -> str:
    minutes, seconds = divmod(int(length.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} 小时 {minutes} 分"
    return f"{minutes} 分 {seconds} 秒" if minutes else f"{seconds} 秒"


def news_of(close: MonthClose | None) -> list[dict[str, Any]]:
    """Return the last steps of a month's closing as the database has them, the latest first."""
    if close is None:
        return []
    subjects = {each.pk: each.statement_no for each in close.statements.all()}
    rows = StateRow.objects.filter(subject_id__in=[close.pk, *subjects]).order_by("-id")
    return [
        {"at": row.at, "text": f"{row.event_label} {subjects.get(row.subject_id, '')}".strip()}
        for row in rows[:LATEST_NEWS]
    ]


def undone_text(close: MonthClose | None) -> str:
    """Say what a failed run left as it was."""
    return UNDONE.get(str(close.state) if close else "open", "")


def trial_page(month: Month, at: datetime) -> dict[str, Any]:
    """Return the trials of a month, and how the latest differs from the one before."""
    trials = list(Trial.objects.of_month(month)[:TRIALS_SHOWN])
    latest = trials[0] if trials else None
    before = trials[1] if len(trials) > 1 else None
    job = trial_job(month)
    return {
        "trials": trials,
        "latest": latest,
        "before": before,
        "changes": changes_between(before, latest) if latest and before else [],
        "run": run_page(job, at) if job else None,
    }


def month_tasks(month: Month, close: MonthClose | None, at: datetime) -> list[dict[str, str]]:
    """Return the eight tasks of a month's settlement with where each stands."""
    state = str(close.state) if close else "open"
    trial = _trial_task(month, open_month=state == "open")
    odd = _anomaly_task(month, at)
    if close is None or state in ("open", "closing"):
        return [_close_task(month, close_job(month), at), trial, odd, *_later_tasks()]
    found = _counts(close)
    return [
        _task("1　截止与冻结", "已完成", "plain", "office_progress", month, hint=_checked(close)),
        trial,
        odd,
        _review_task(month, close, found),
        _report_task(month, close),
        _approval_task(month, close, found),
        *_payment_tasks(month, close, found),
    ]


def _task(
    title: str, status: str, colour: str, name: str = "", month: Any = "", hint: str = ""
) -> dict[str, str]:
    url = reverse(name, args=[str(month)]) if name else ""
    return {"title": title, "status": status, "colour": colour, "url": url, "hint": hint}


def _checked(close: MonthClose) -> str:
    if close.recomputed_lines is None:
        return ""
    return f"独立重算差异 {close.recomputed_difference_fen} 分，{close.recomputed_lines} 行"


def _close_task(month: Month, job: work.Work | None, at: datetime) -> dict[str, str]:
    title = "1　截止与冻结"
    hint = "画出上报截止线，计价并出具对账单"
    if at < month.end_at:
        return _task(title, "本月尚未结束", "grey", hint=hint)
    if job is not None and job.state == work.Work.State.DEAD:
        return _task(title, "未办成，可重试", "red", "office_progress", month, hint)
    if job is not None and not job.is_over:
        return _task(title, "正在办理", "blue", "office_progress", month, hint)
    return _task(title, "可以开始", "yellow", "office_close", month, hint)


def _trial_task(month: Month, *, open_month: bool) -> dict[str, str]:
    title, hint = "2　试算", "截止前随时可以试算，不记账"
    count = Trial.objects.of_month(month).count()
    job = trial_job(month) if open_month else None
    if job is not None and not job.is_over:
        return _task(title, "正在试算", "blue", "office_trials", month, hint)
    if count:
        return _task(title, f"已试算 {count} 次", "plain", "office_trials", month, hint)
    if open_month:
        return _task(title, "可以试算", "yellow", "office_trials", month, hint)
    return _task(title, "没有试算", "plain", "office_trials", month, hint)


def _anomaly_task(month: Month, at: datetime) -> dict[str, str]:
    groups = anomalies(month, at=at)
    count = sum(each.count for each in groups)
    colour = "red" if any(each.stops for each in groups) else "yellow" if count else "plain"
    status = f"{count} 项待处理" if count else "没有异常"
    return _task("3　核对异常", status, colour, "office_anomalies", month)


def _later_tasks() -> list[dict[str, str]]:
    titles = ("4　复核", "5　生成报告", "6　签发", "7　推送付款", "8　登记付款结果")
    return [_task(title, "尚不能开始", "grey") for title in titles]


def _counts(close: MonthClose) -> dict[str, int]:
    unanswered = set()
    for side in ("enterprise", "provider"):
        waiting = close.statements.all().waiting_for(side)
        unanswered |= set(waiting.values_list("pk", flat=True))
    lines = [line for batch in close.payments.all() for line in batch.lines.all()]
    return {
        "unanswered": len(unanswered),
        "objections": Objection.objects.filter(statement__close=close, state="open").count(),
        "unpaid": close.statements.exclude(state="paid").count(),
        "owed": sum(each.payable_fen for each in close.statements.filter(state="approved")),
        "waiting": sum(1 for line in lines if line.state == "waiting"),
        "lists": close.payments.count(),
    }


def _review_task(month: Month, close: MonthClose, found: dict[str, int]) -> dict[str, str]:
    title, hint = "4　复核", "双方确认对账单，财务提请签发"
    if close.prepared_person:
        said = f"已由{close.prepared_name}提请"
        return _task(title, said, "plain", "office_approve", month, hint)
    if found["unanswered"]:
        said = f"{found['unanswered']} 份待双方答复"
        return _task(title, said, "blue", "office_statements", month, hint)
    return _task(title, "全部已答复，可以提请", "yellow", "office_approve", month, hint)


def _report_task(month: Month, close: MonthClose) -> dict[str, str]:
    made = close.reports.filter(state="ready").count()
    status, colour = (f"已生成 {made} 份", "plain") if made else ("可以生成", "yellow")
    return {
        **_task("5　生成报告", status, colour, "office_month", month),
        "url": reverse("office_month", args=[str(month)]) + "#reports",
    }


def _approval_task(month: Month, close: MonthClose, found: dict[str, int]) -> dict[str, str]:
    title = "6　签发"
    if close.approved_person:
        return _task(title, f"已由{close.approved_name}签发", "plain", "office_approve", month)
    if close.prepared_person:
        hint = f"{found['objections']} 项异议的金额暂扣" if found["objections"] else ""
        return _task(title, "待签发", "yellow", "office_approve", month, hint)
    return _task(title, "尚不能开始", "grey")


def _payment_tasks(month: Month, close: MonthClose, found: dict[str, int]) -> list[dict[str, str]]:
    listing, paying = "7　推送付款", "8　登记付款结果"
    if close.state == MonthClose.State.PAID:
        sent = "已导出" if found["lists"] else "无应付"
        return [
            _task(listing, sent, "plain", "office_payments", month),
            _task(paying, "已办结", "plain", "office_payments", month),
        ]
    if close.state != MonthClose.State.CLOSED:
        return [_task(title, "尚不能开始", "grey") for title in (listing, paying)]
    to_list = bool(found["owed"]) and not found["waiting"]
    sent = "可以导出" if to_list else "已导出" if found["lists"] else "无应付"
    if found["waiting"]:
        result, colour = f"{found['waiting']} 笔待登记", "yellow"
    elif found["unpaid"]:
        result, colour = "尚有未办结的对账单", "grey"
    else:
        result, colour = "可以办结", "yellow"
    return [
        _task(listing, sent, "yellow" if to_list else "plain", "office_payments", month),
        _task(paying, result, colour, "office_payments", month),
    ]

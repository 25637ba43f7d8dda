"""Door: payment lists from drawing up to the bank's answers."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from billing import lookup, settling
from billing.forms import PaymentForm, ResultsForm
from billing.models import PaymentBatch, PaymentHold, PaymentLine, PaymentSign
from billing.settling.signing import BUREAU
from ledger import clock
from ledger.refusals import Refused
from ledger.rights import actor_of, requires

VIEW = "billing.view_settlement"
APPROVE = "billing.approve_settlement"
PAY = "billing.release_payment"
CONFLICT = 409


def _batch(pk: UUID) -> Any:
    found = lookup.full_batch(pk)
    if found is None:
        raise Http404
    return found


def _line(pk: UUID) -> PaymentLine:
    found = lookup.payment_line(pk)
    if found is None:
        raise Http404
    return found


def _file(pk: UUID) -> Any:
    found = lookup.bank_file(pk)
    if found is None:
        raise Http404
    return found


@require_GET
@requires(VIEW)
def batch(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one payment list: who signed, every payment, the files and the bank's answers."""
    return _page(request, pk)


def _page(
    request: HttpRequest,
    pk: UUID,
    *,
    form: Any = None,
    failed: UUID | None = None,
    refusal: Refused | None = None,
    differences: Any = (),
    status: int = 200,
) -> HttpResponse:
    found = _batch(pk)
    step = settling.next_step(found)
    right = APPROVE if step in BUREAU else PAY
    person = actor_of(request, "staff").person
    signed = {each.person for each in found.signs.all()}
    context = {
        "batch": found,
        "month": found.close.period,
        "signs": lookup.sign_rows(found),
        "step": PaymentSign.Step(step) if step else None,
        "by_bureau": step in BUREAU,
        "may_sign": bool(step) and request.user.has_perm(right),
        "has_signed": bool(person) and person in signed,
        "may_drop": found.state in ("draft", "approved", "finance_review", "finance_approved"),
        "may_pay": request.user.has_perm(PAY),
        "may_send": request.user.has_perm(PAY) and _can_be_sent(found),
        "may_approve": request.user.has_perm(APPROVE),
        "form": form or PaymentForm(),
        "results_form": ResultsForm(),
        "failed_line": failed,
        "refusal": refusal,
        "differences": differences,
        "kinds": PaymentHold.Kind.choices,
        "today": clock.now(),
    }
    return render(request, "office/payment_batch.html", context, status=status)


def _can_be_sent(batch: PaymentBatch) -> bool:
    """Tell whether a list may go out: fully signed, or sent but for what was suspended then."""
    if batch.state == PaymentBatch.State.SENT:
        return any(each.state == "waiting" for each in batch.lines.all())
    return batch.state == PaymentBatch.State.FINANCE_APPROVED


def _sign(request: HttpRequest, pk: UUID, role: str, *, bureau: bool) -> HttpResponse:
    """Give the signature that is due, of the side that was asked."""
    found = _batch(pk)
    step = settling.next_step(found)
    fault = _why_not(request, on_turn=(step in BUREAU) == bureau or not step)
    if fault:
        return _page(request, pk, refusal=fault, status=CONFLICT)
    try:
        settling.sign_batch(
            found,
            step=request.POST.get("step", ""),
            digest=request.POST.get("digest", ""),
            actor=actor_of(request, role),
            at=clock.now(),
        )
    except Refused as refused:
        return _page(request, pk, refusal=refused, status=CONFLICT)
    messages.success(request, "已签署。")
    return redirect("office_pay_batch", pk=pk)


def _why_not(request: HttpRequest, *, on_turn: bool) -> Refused | None:
    if not on_turn:
        return Refused("step_order", "这份清单当前不在这个环节，请刷新页面按顺序办理。")
    if not request.POST.get("seen"):
        return Refused("not_seen", "请先核对清单，再勾选“我已核对”。")
    return None


@require_POST
@requires(APPROVE)
def approve_batch(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Sign a list for the bureau."""
    return _sign(request, pk, "approver", bureau=True)


@require_POST
@requires(PAY)
def review_batch(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Sign a list for finance."""
    return _sign(request, pk, "finance", bureau=False)


def _done(
    request: HttpRequest, pk: UUID, act: Callable[..., Any], success: str, role: str, **said: Any
) -> HttpResponse:
    """Carry out one act on a list or a payment and show its list again."""
    try:
        act(**said, actor=actor_of(request, role), at=clock.now())
    except Refused as refused:
        return _page(request, pk, refusal=refused, status=CONFLICT)
    messages.success(request, success)
    return redirect("office_pay_batch", pk=pk)


def _drop(request: HttpRequest, pk: UUID, role: str) -> HttpResponse:
    return _done(
        request, pk, settling.drop_batch, "清单已退回作废，所列款项可以重新导出。", role,
        batch=_batch(pk), reason=request.POST.get("reason", ""),
    )  # fmt: skip


@require_POST
@requires(APPROVE)
def return_batch(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Send a list back, as an approver."""
    return _drop(request, pk, "approver")


@require_POST
@requires(PAY)
def drop_batch(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Drop a list, as finance."""
    return _drop(request, pk, "finance")


@require_POST
@requires(PAY)
def send_batch(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Send what may be paid to the treasury."""
    found = _batch(pk)
    before = found.files.count()
    try:
        sent = settling.send_batch(found, actor=actor_of(request, "finance"), at=clock.now())
    except Refused as refused:
        return _page(request, pk, refusal=refused, status=CONFLICT)
    if sent.files.count() > before:  # ``found`` keeps the files that it came with
        messages.success(request, "付款文件已生成，请下载后送国库。")
    else:
        messages.warning(request, "没有可以送出的款项：所列款项均已暂停，原因见下。")
    return redirect("office_pay_batch", pk=pk)


@require_GET
@requires(PAY)
def bank_file(_request: HttpRequest, pk: UUID) -> HttpResponse:
    """Give a payment file as it was sent."""
    found = _file(pk)
    return _csv(found.content.encode(), f"{found.batch.batch_no}-{found.no:02d}")


@require_GET
@requires(PAY)
def answer_form(_request: HttpRequest, pk: UUID) -> HttpResponse:
    """Give the results file of a payment file with everything but the answers filled in."""
    found = _file(pk)
    return _csv(settling.answer_form_of(found), f"{found.batch.batch_no}-{found.no:02d}-HD")


def _csv(content: bytes, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


@require_POST
@requires(PAY)
def load_results(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Compare an uploaded results file with what was sent; show it before it is booked."""
    found = _file(pk)
    form = ResultsForm(request.POST, request.FILES)
    now = clock.now()
    if not form.is_valid():
        fault = Refused("file_missing", "请选择要上传的回单文件。", field="file")
        return _page(request, found.batch_id, refusal=fault, status=CONFLICT)
    content = form.cleaned_data["file"].read()
    try:
        result = settling.load_results(found, content, actor=actor_of(request, "finance"), at=now)
    except Refused as refused:
        listed = refused.code == "result_differs"
        rows = settling.differences_of(found, content, now) if listed else ()
        return _page(request, found.batch_id, refusal=refused, differences=rows, status=CONFLICT)
    return redirect("office_result", pk=result.pk)


@require_GET
@requires(VIEW)
def result(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show the bank's answers beside the payments, before or after they are booked."""
    return _result_page(request, pk)


def _result_page(
    request: HttpRequest, pk: UUID, refusal: Refused | None = None, status: int = 200
) -> HttpResponse:
    found = lookup.bank_result(pk)
    if found is None:
        raise Http404
    context = {
        "result": found,
        "rows": lookup.result_rows(found),
        "batch": found.file.batch,
        "month": found.file.batch.close.period,
        "may_pay": request.user.has_perm(PAY),
        "refusal": refusal,
    }
    return render(request, "office/bank_result.html", context, status=status)


@require_POST
@requires(PAY)
def book_results(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Book the answers that were shown."""
    found = lookup.bank_result(pk)
    if found is None:
        raise Http404
    digest = request.POST.get("digest", "")
    try:
        settling.book_results(
            found, digest=digest, actor=actor_of(request, "finance"), at=clock.now()
        )
    except Refused as refused:
        return _result_page(request, pk, refused, CONFLICT)
    messages.success(request, "回单已逐笔入账。")
    return redirect("office_pay_batch", pk=found.file.batch_id)


@require_POST
@requires(PAY)
def pay(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Record that the bank paid."""
    line = _line(pk)
    form = PaymentForm(request.POST)
    if form.is_valid():
        try:
            settling.record_payment(
                line,
                bank_reference=form.cleaned_data["bank_reference"],
                paid_on=form.cleaned_data["paid_on"],
                actor=actor_of(request, "finance"),
                at=clock.now(),
            )
            messages.success(request, f"已登记向{line.payee_name}付款。")
            return redirect("office_pay_batch", pk=line.batch_id)
        except Refused as refused:
            refused.put_on(form)
    return _page(request, line.batch_id, form=form, failed=line.pk, status=CONFLICT)


def _on_line(act: Callable[..., Any], success: str, *named: str) -> Callable[..., HttpResponse]:
    """Return a view that carries out one act on one payment with the named answers."""

    @require_POST
    @requires(PAY)
    def view(request: HttpRequest, pk: UUID) -> HttpResponse:
        line = _line(pk)
        said = {name: request.POST.get(name, "") for name in named}
        return _done(request, line.batch_id, act, success, "finance", line=line, **said)

    return view  # type: ignore[return-value]


bounce = _on_line(settling.record_return, "已登记退汇；重新导出付款清单后可以再付。", "reason")
fail = _on_line(settling.record_failure, "已登记付款失败；重新导出付款清单后可以再付。", "reason")
suspend = _on_line(settling.suspend_payment, "已暂停这笔款项。", "kind", "reason")
release = _on_line(
    settling.release_payment, "已登记。解除暂停须两人办理，第二人同意后才能送出。", "reason"
)
withdraw = _on_line(settling.withdraw_payment, "已撤回这笔款项，可以重新导出清单。", "reason")

_BATCH, _FILE, _LINE = (f"settlement/{each}/<uuid:pk>" for each in ("batches", "files", "payments"))
urlpatterns = [
    path(_BATCH + "/", batch, name="office_pay_batch"),
    path(_BATCH + "/approve/", approve_batch, name="office_pay_batch_approve"),
    path(_BATCH + "/review/", review_batch, name="office_pay_batch_review"),
    path(_BATCH + "/return/", return_batch, name="office_pay_batch_return"),
    path(_BATCH + "/drop/", drop_batch, name="office_pay_batch_drop"),
    path(_BATCH + "/send/", send_batch, name="office_pay_batch_send"),
    path(_FILE + ".csv", bank_file, name="office_bank_file"),
    path(_FILE + "/answers.csv", answer_form, name="office_answer_form"),
    path(_FILE + "/results/", load_results, name="office_load_results"),
    path("settlement/results/<uuid:pk>/", result, name="office_result"),
    path("settlement/results/<uuid:pk>/book/", book_results, name="office_book_results"),
    path(_LINE + "/", pay, name="office_pay"),
    path(_LINE + "/return/", bounce, name="office_bounce"),
    path(_LINE + "/fail/", fail, name="office_pay_failed"),
    path(_LINE + "/suspend/", suspend, name="office_pay_suspend"),
    path(_LINE + "/release/", release, name="office_pay_release"),
    path(_LINE + "/withdraw/", withdraw, name="office_pay_withdraw"),
]

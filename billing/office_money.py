"""Door: put a month forward, approve it, pay it, finish it."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from billing import lookup, pages, settling
from billing.forms import ApproveForm, ReasonForm
from billing.models import MonthClose
from billing.pages import close_named, told
from ledger import clock
from ledger.refusals import Refused
from ledger.rights import actor_of, requires

VIEW = "billing.view_settlement"
PREPARE = "billing.prepare_settlement"
APPROVE = "billing.approve_settlement"
PAY = "billing.release_payment"
CONFLICT = 409


@require_GET
@requires(VIEW)
def approval(request: HttpRequest, month: str) -> HttpResponse:
    """Show the list that is prepared or approved, with its digest."""
    found = close_named(month)
    return _approval_page(request, found, ApproveForm(initial={"digest": found.digest}))


def _approval_page(
    request: HttpRequest, found: MonthClose, form: ApproveForm, status: int = 200
) -> HttpResponse:
    actor = actor_of(request, "approver")
    context = {
        "month": found.period,
        "close": found,
        "statements": lookup.statements_of(found),
        "sums": lookup.sums_of(found),
        "form": form,
        "return_form": ReasonForm(auto_id="return_%s"),
        "is_preparer": pages.same_person(actor, found.prepared_person),
        "may_prepare": request.user.has_perm(PREPARE),
        "may_approve": request.user.has_perm(APPROVE),
    }
    return render(request, "office/settlement_approve.html", context, status=status)


@require_POST
@requires(PREPARE)
def prepare(request: HttpRequest, month: str) -> HttpResponse:
    """Put a month forward for approval."""
    try:
        settling.prepare_settlement(
            close_named(month), actor=actor_of(request, "finance"), at=clock.now()
        )
        messages.success(request, "已提请签发，请另一位负责人核对。")
    except Refused as refused:
        told(request, refused)
    return redirect("office_approve", month=month)


@require_POST
@requires(APPROVE)
def approve(request: HttpRequest, month: str) -> HttpResponse:
    """Approve what was shown."""
    found = close_named(month)
    form = ApproveForm(request.POST)
    if form.is_valid():
        try:
            settling.approve_settlement(
                found,
                digest=form.cleaned_data["digest"],
                actor=actor_of(request, "approver"),
                at=clock.now(),
            )
            messages.success(request, f"{found.period.title}结算已签发。")
            return redirect("office_month", month=month)
        except Refused as refused:
            form.add_error(None, refused.message)
    return _approval_page(request, found, form, CONFLICT)


@require_POST
@requires(APPROVE)
def send_back(request: HttpRequest, month: str) -> HttpResponse:
    """Send a prepared month back with the reason."""
    form = ReasonForm(request.POST)
    try:
        settling.return_settlement(
            close_named(month),
            reason=str(form.data.get("reason", "")),
            actor=actor_of(request, "approver"),
            at=clock.now(),
        )
        messages.success(request, "已退回财务。")
    except Refused as refused:
        told(request, refused)
    return redirect("office_approve", month=month)


@require_GET
@requires(VIEW)
def payments(request: HttpRequest, month: str) -> HttpResponse:
    """Show the payment lists of a month, and until when its money is due."""
    found = close_named(month)
    context = {
        "month": found.period,
        "close": found,
        "batches": lookup.batches_of(found),
        "due": pages.payment_due(found, clock.now()),
        "may_pay": request.user.has_perm(PAY),
    }
    return render(request, "office/payments.html", context)


@require_POST
@requires(PAY)
def export(request: HttpRequest, month: str) -> HttpResponse:
    """Make the payment list."""
    try:
        batch = settling.export_payment_list(
            close_named(month), actor=actor_of(request, "finance"), at=clock.now()
        )
        messages.success(request, f"付款清单 {batch.batch_no} 已生成，等待逐级签署。")
        return redirect("office_pay_batch", pk=batch.pk)
    except Refused as refused:
        told(request, refused)
    return redirect("office_payments", month=month)


@require_GET
@requires(PAY, "billing.approve_settlement")
def payment_file(_request: HttpRequest, pk: UUID) -> HttpResponse:
    """Give a payment list as it was made."""
    batch = lookup.batch(pk)
    if batch is None:
        raise Http404
    response = HttpResponse(batch.content.encode(), content_type="text/csv; charset=utf-8")
    name = f"{batch.batch_no}-{batch.sha256[:12]}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_POST
@requires(PAY, PREPARE)
def finish(request: HttpRequest, month: str) -> HttpResponse:
    """Finish a month that is paid."""
    try:
        settling.finish_month(
            close_named(month), actor=actor_of(request, "finance"), at=clock.now()
        )
        messages.success(request, "本月已办结；服务期满的订单已释放剩余占用。")
    except Refused as refused:
        told(request, refused)
    return redirect("office_month", month=month)


_MONTH = "settlement/<str:month>/"
urlpatterns = [
    path("settlement/lists/<uuid:pk>.csv", payment_file, name="office_payment_file"),
    path(_MONTH + "approval/", approval, name="office_approve"),
    path(_MONTH + "prepare/", prepare, name="office_prepare"),
    path(_MONTH + "approve/", approve, name="office_approve_now"),
    path(_MONTH + "return/", send_back, name="office_send_back"),
    path(_MONTH + "payments/", payments, name="office_payments"),
    path(_MONTH + "export/", export, name="office_export"),
    path(_MONTH + "finish/", finish, name="office_finish"),
]

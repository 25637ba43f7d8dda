"""Door: the bureau's cases of recovering money, from opening to closing."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from billing import settling
from billing.clawback_letters import letter_of, letters_owed
from billing.forms import CashBackForm, ClawbackForm, DecisionForm, RefundForm
from billing.lookup import clawback, clawbacks, moves_of_thing, receipts_of, statement
from billing.pages import page_of
from ledger import clock
from ledger.refusals import Refused
from ledger.rights import actor_of, requires
from vouchers.downloads import file_response
from vouchers.letters import file_of

VIEW = "billing.view_settlement"
APPROVE = "billing.approve_settlement"
PAY = "billing.release_payment"
CONFLICT = 409


def _case(pk: UUID) -> Any:
    found = clawback(pk)
    if found is None:
        raise Http404
    return found


@require_GET
@requires(VIEW)
def cases(request: HttpRequest) -> HttpResponse:
    """List the cases, the newest first."""
    return render(request, "office/clawbacks.html", {"page_obj": page_of(request, clawbacks())})


@require_http_methods(["GET", "POST"])
@requires(APPROVE)
def open_case(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Open a case about one statement."""
    about = statement(pk)
    if about is None:
        raise Http404
    posted = request.method == "POST"
    form = ClawbackForm(request.POST if posted else None)
    status = 200
    if posted:
        status = CONFLICT
        if form.is_valid():
            try:
                case = settling.open_clawback(
                    about,
                    **form.cleaned_data,
                    actor=actor_of(request, "approver"),
                    at=clock.now(),
                )
                return redirect("office_clawback", pk=case.pk)
            except Refused as refused:
                refused.put_on(form)
    most = settling.net_received_fen(about)
    context = {"statement": about, "form": form, "most_fen": most}
    return render(request, "office/clawback_open.html", context, status=status)


@require_http_methods(["GET", "POST"])
@requires(APPROVE)
def refund(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show what of a refund belongs to the public; once that was seen, open the case."""
    about = statement(pk)
    if about is None:
        raise Http404
    posted = request.method == "POST"
    form, share, status = RefundForm(request.POST if posted else None), None, 200
    if posted:
        status = CONFLICT
        if form.is_valid():
            told, person = form.cleaned_data, actor_of(request, "approver")
            try:
                share = settling.refund_share_fen(about, told["refund_fen"])
                if request.POST.get("shown") == str(share):
                    case = settling.open_refund(about, **told, actor=person, at=clock.now())
                    messages.success(request, "已立案。请送达事实告知书，决定由另一人作出。")
                    return redirect("office_clawback", pk=case.pk)
                status = 200
            except Refused as refused:
                share = None
                refused.put_on(form)
    most = settling.net_received_fen(about)
    context = {"statement": about, "form": form, "share_fen": share, "most_fen": most}
    return render(request, "office/clawback_refund.html", context, status=status)


@require_GET
@requires(VIEW)
def case_page(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one case: facts, what the party said, decision, what came back."""
    return _page(request, _case(pk))


def _page(
    request: HttpRequest,
    case: Any,
    *,
    refusal: Refused | None = None,
    decision: Any = None,
    cash: Any = None,
    status: int = 200,
) -> HttpResponse:
    person = actor_of(request, "staff").person
    context = {
        "case": case,
        "letters": letters_owed(case),
        "receipts": receipts_of(case),
        "moves": moves_of_thing(case),
        "refusal": refusal,
        "decision_form": decision or DecisionForm(initial={"amount_fen": case.proposed_fen}),
        "cash_form": cash or CashBackForm(),
        "may_decide": request.user.has_perm(APPROVE),
        "may_pay": request.user.has_perm(PAY),
        "is_asker": bool(person) and person == case.asked_person,
        "runs": case.state in ("recovering", "enforcement", "transferred"),
        "form": decision or cash or forms.Form(),
    }
    return render(request, "office/clawback.html", context, status=status)


def _step(
    act: Callable[..., Any], right: str, success: str, *named: str
) -> Callable[..., HttpResponse]:
    """Return a view that carries out one act on a case with the named answers."""

    @require_POST
    @requires(right)
    def view(request: HttpRequest, pk: UUID) -> HttpResponse:
        said = {name: request.POST.get(name, "") for name in named}
        role = "approver" if right == APPROVE else "finance"
        try:
            act(_case(pk), **said, actor=actor_of(request, role), at=clock.now())
        except Refused as refused:
            return _page(request, _case(pk), refusal=refused, status=CONFLICT)
        messages.success(request, success)
        return redirect("office_clawback", pk=pk)

    return view  # type: ignore[return-value]


notify = _step(settling.notify_facts, APPROVE, "已告知，陈述申辩期限开始计算。")
decide = _step(settling.decide_clawback, APPROVE, "追回决定已作出，应追回款已入账。")
serve = _step(settling.serve_decision, APPROVE, "已登记送达。")
drop = _step(settling.drop_clawback, APPROVE, "已结束，不予追回。", "reason")
enforce = _step(settling.enforce_clawback, APPROVE, "已登记强制执行。", "reason")
refer = _step(settling.refer_clawback, APPROVE, "已登记移送。", "reason")
close = _step(settling.close_clawback, APPROVE, "已结案。")
give_up = _step(settling.write_off_clawback, APPROVE, "已核销剩余债权。")
ask_give_up = _step(settling.ask_write_off, PAY, "已提请核销，须由另一人批准。", "decision_ref")


def _typed(form_class: Any, name: str, act: Any, right: str, role: str, done: str) -> Any:
    """Return the view of a step with a form; a faulty one is shown again under its name."""

    @require_POST
    @requires(right)
    def view(request: HttpRequest, pk: UUID) -> HttpResponse:
        case, form = _case(pk), form_class(request.POST)
        if form.is_valid():
            try:
                act(case, **form.cleaned_data, actor=actor_of(request, role), at=clock.now())
                messages.success(request, done)
                return redirect("office_clawback", pk=pk)
            except Refused as refused:
                refused.put_on(form)
        return _page(request, case, **{name: form}, status=CONFLICT)

    return view


propose = _typed(
    DecisionForm, "decision", settling.propose_decision, APPROVE, "approver",
    "已拟定，须由另一人审批。",
)  # fmt: skip
cash = _typed(CashBackForm, "cash", settling.record_cash_back, PAY, "finance", "已登记到账。")


@require_GET
@requires(VIEW)
def letter(request: HttpRequest, pk: UUID, event: str) -> HttpResponse:
    """Give a letter of a case as PDF; one that is owed is written now."""
    try:
        found = letter_of(_case(pk), event, actor=actor_of(request, "bureau"), at=clock.now())
    except Refused:
        raise Http404 from None
    return file_response(request, file_of(found), f"{found.number}.pdf", "application/pdf")


_CASE = "clawbacks/<uuid:pk>/"
urlpatterns = [
    path("clawbacks/", cases, name="office_clawbacks"),
    path("clawbacks/about/<uuid:pk>/", open_case, name="office_clawback_open"),
    path("clawbacks/refund/<uuid:pk>/", refund, name="office_clawback_refund"),
    path(_CASE, case_page, name="office_clawback"),
    path(_CASE + "notify/", notify, name="office_clawback_notify"),
    path(_CASE + "propose/", propose, name="office_clawback_propose"),
    path(_CASE + "decide/", decide, name="office_clawback_decide"),
    path(_CASE + "serve/", serve, name="office_clawback_serve"),
    path(_CASE + "drop/", drop, name="office_clawback_drop"),
    path(_CASE + "enforce/", enforce, name="office_clawback_enforce"),
    path(_CASE + "refer/", refer, name="office_clawback_refer"),
    path(_CASE + "close/", close, name="office_clawback_close"),
    path(_CASE + "give-up/", give_up, name="office_clawback_give_up"),
    path(_CASE + "ask-give-up/", ask_give_up, name="office_clawback_ask_give_up"),
    path(_CASE + "cash/", cash, name="office_clawback_cash"),
    path(_CASE + "letters/<str:event>.pdf", letter, name="office_clawback_letter"),
]

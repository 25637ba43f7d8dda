"""Door: the bureau compares accounts that enterprises and providers filed."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from billing import pages_payees
from billing.forms_payees import ConfirmAccountForm, DeclineAccountForm
from ledger import clock
from ledger.refusals import Refused
from ledger.rights import actor_of, requires
from vouchers.banking import confirm_account, decline_account

KEEP = "vouchers.keep_registers"
VIEW = "billing.view_settlement"
CONFLICT = 409


@require_GET
@requires(KEEP, VIEW)
def payees(request: HttpRequest) -> HttpResponse:
    """List the accounts that wait, and what was decided last."""
    context = {
        "waiting": pages_payees.waiting_accounts(),
        "decided": pages_payees.decided_accounts(),
    }
    return render(request, "office/payees.html", context)


@require_GET
@requires(KEEP, VIEW)
def payee(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one filing, and all that its payee filed."""
    return _page(request, _account(pk))


@require_POST
@requires(KEEP)
def confirm(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Confirm a filing with the number typed from the paper."""
    return _decide(request, pk, confirm_account, "confirm", "已核对，以后的款项付到这个账户。")


@require_POST
@requires(KEEP)
def decline(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Decline a filing with its reason."""
    return _decide(request, pk, decline_account, "decline", "已退回，登记单位会收到理由。")


FORMS: dict[str, Any] = {"confirm": ConfirmAccountForm, "decline": DeclineAccountForm}


def _decide(request: HttpRequest, pk: UUID, act: Any, name: str, success: str) -> HttpResponse:
    account, form = _account(pk), FORMS[name](request.POST)
    if form.is_valid():
        try:
            act(account, **form.cleaned_data, actor=actor_of(request, "reviewer"), at=clock.now())
            messages.success(request, success)
            return redirect("office_payee", pk=pk)
        except Refused as refused:
            refused.put_on(form)
    return _page(request, _account(pk), status=CONFLICT, **{name: form})


def _account(pk: UUID) -> Any:
    found = pages_payees.account_of(pk)
    if found is None:
        raise Http404
    return found


def _page(request: HttpRequest, account: Any, status: int = 200, **forms: Any) -> HttpResponse:
    person = actor_of(request, "staff").person
    context = {
        "account": account,
        "filed_by_me": bool(person) and person == account.filed_person,
        "may_decide": not account.outcome and request.user.has_perm(KEEP),
        "confirm": ConfirmAccountForm(auto_id="id_confirm_%s"),
        "decline": DeclineAccountForm(auto_id="id_decline_%s"),
        "form": next(iter(forms.values()), None),
        **pages_payees.payee_context(account.payee),
    }
    return render(request, "office/payee.html", context | forms, status=status)


urlpatterns = [
    path("payees/", payees, name="office_payees"),
    path("payees/<uuid:pk>/", payee, name="office_payee"),
    path("payees/<uuid:pk>/confirm/", confirm, name="office_payee_confirm"),
    path("payees/<uuid:pk>/decline/", decline, name="office_payee_decline"),
]

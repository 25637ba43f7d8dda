"""Door for the bureau: who is admitted, with which machines and keys, and the rates registry."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ledger import clock
from ledger.periods import SHANGHAI
from ledger.refusals import Refused
from ledger.rights import actor_of, requires
from providers import admitting, listing, pages, pages_access, pages_office
from providers.carrying import carry_out, decide
from providers.forms import AdmitForm, ReasonForm
from providers.forms_access import AliasForm, ModelForm, RateForm, RevokeForm
from providers.models import Provider

REFUSED = 409
INVALID = 422
READERS = (
    "providers.view_providers",
    "providers.admit_provider",
    "providers.confirm_key",
    "providers.propose_rate",
    "providers.approve_rate",
)


def _need(request: HttpRequest, right: str) -> None:
    """Refuse a step to somebody who may only look."""
    if not request.user.has_perm(right):
        raise PermissionDenied


@requires(*READERS)
@require_GET
def providers(request: HttpRequest) -> HttpResponse:
    """List providers, and first of all what waits."""
    context = {
        "desk": pages_office.desk(),
        "page_obj": pages.page_of(request, pages_office.all_providers()),
    }
    return render(request, "office/providers.html", context)


@requires(*READERS)
@require_GET
def provider(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one provider with everything it has filed."""
    found = get_object_or_404(pages_office.all_providers(), pk=pk)
    return _provider_page(request, found, AdmitForm(), ReasonForm())


def _provider_page(
    request: HttpRequest, found: Provider, admit: AdmitForm, form: ReasonForm, status: int = 200
) -> HttpResponse:
    now = clock.now()
    context = {
        "provider": found,
        "money": pages_office.money_of(found),
        "strip": pages.strip(found, now),
        "keys": found.keys.order_by("-proposed_at"),
        "networks": pages_access.waiting_networks(found),
        "capacities": found.capacities.select_related("model").order_by("-filed_at"),
        "offerings": found.offerings.select_related("model"),
        "batches": found.batches.live().newest_first()[:10],
        "colours": pages.BATCH_COLOURS,
        "history": pages.history(found),
        "admit": admit,
        "form": form,
        "seats": found.seats.select_related("user"),
    }
    return render(request, "office/provider.html", context, status=status)


@requires("providers.admit_provider")
@require_POST
def provider_admit(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Admit a provider."""
    found = get_object_or_404(pages_office.all_providers(), pk=pk)
    form = AdmitForm(request.POST)
    if not form.is_valid():
        return _provider_page(request, found, form, ReasonForm(), INVALID)
    actor, now = actor_of(request, "approver"), clock.now()
    carry_out(
        request,
        lambda: admitting.admit_provider(
            found, batch_no=form.cleaned_data["batch_no"], actor=actor, at=now
        ),
        "已入库。",
    )
    return redirect("office_provider", pk=pk)


@requires("providers.admit_provider")
@require_POST
def provider_move(request: HttpRequest, pk: UUID, move: str) -> HttpResponse:
    """Decline, suspend or readmit a provider, with a reason it will read."""
    found = get_object_or_404(pages_office.all_providers(), pk=pk)
    acts: dict[str, Callable[..., Provider]] = {
        "decline": admitting.decline_provider,
        "suspend": admitting.suspend_provider,
        "readmit": admitting.readmit_provider,
    }
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return _provider_page(request, found, AdmitForm(), form, INVALID)
    actor, now = actor_of(request, "approver"), clock.now()
    carry_out(
        request,
        lambda: acts[move](found, reason=form.cleaned_data["reason"], actor=actor, at=now),
        "已办理，理由已告知供方。",
    )
    return redirect("office_provider", pk=pk)


@requires("providers.confirm_key")
@require_POST
def key_confirm(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Put a proposed key into force."""
    found = get_object_or_404(pages_office.waiting_keys(), pk=pk)
    actor, now = actor_of(request, "approver"), clock.now()
    carry_out(
        request, lambda: admitting.confirm_key(found, actor=actor, at=now), "密钥已确认，立即生效。"
    )
    return redirect("office_provider", pk=found.provider_id)


@requires("providers.confirm_key")
@require_POST
def key_revoke(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Revoke a key at once."""
    found = get_object_or_404(pages_office.waiting_keys(), pk=pk)
    form = RevokeForm(request.POST)
    if not form.is_valid():
        return _provider_page(request, found.provider, AdmitForm(), form, INVALID)
    actor, now, typed = actor_of(request, "approver"), clock.now(), form.cleaned_data
    carry_out(
        request,
        lambda: admitting.revoke_key(
            found,
            reason=typed["reason"],
            compromised_since=typed["compromised_since"],
            actor=actor,
            at=now,
        ),
        "密钥已吊销，立即生效。",
    )
    return redirect("office_provider", pk=found.provider_id)


@requires("providers.confirm_key")
@require_POST
def capacity_confirm(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Confirm filed machines; records that waited for them are judged again."""
    found = get_object_or_404(pages_office.all_capacities(), pk=pk)
    decide(
        request,
        "approver",
        admitting.confirm_capacity,
        "算力规模已确认，等待它的记录已重新判断。",
        found,
    )
    return redirect("office_provider", pk=found.provider_id)


@requires(*READERS)
@require_http_methods(["GET", "POST"])
def rates(request: HttpRequest) -> HttpResponse:
    """Show the registry; propose a rate for another person to approve."""
    form, status = RateForm(request.POST or None), 200
    if request.method == "POST":
        _need(request, "providers.propose_rate")
        status = INVALID
        if form.is_valid():
            typed = form.cleaned_data
            try:
                listing.propose_rate(
                    typed["model"],
                    typed["gflops"],
                    valid_from=datetime.combine(typed["valid_from"], datetime.min.time(), SHANGHAI),
                    source=typed["source"],
                    page=typed["page"],
                    document_sha256=typed["document_sha256"],
                    number_format=typed["number_format"],
                    grade=typed["grade"],
                    actor=actor_of(request, "reviewer"),
                    at=clock.now(),
                )
            except Refused as refused:
                refused.put_on(form)
                status = REFUSED
            else:
                messages.success(request, "已提出，须由另一人批准后生效。")
                return redirect("office_rates")
    context = _rates_context(form, ModelForm())
    return render(request, "office/provider_rates.html", context, status=status)


@requires("providers.propose_rate")
@require_POST
def model_register(request: HttpRequest) -> HttpResponse:
    """Enter a kind of accelerator into the registry."""
    form = ModelForm(request.POST)
    if form.is_valid():
        actor, now = actor_of(request, "reviewer"), clock.now()
        carry_out(
            request,
            lambda: listing.register_model(**form.cleaned_data, actor=actor, at=now),
            "型号已登记，请继续提出折算系数。",
        )
        return redirect("office_rates")
    context = _rates_context(RateForm(), form)
    return render(request, "office/provider_rates.html", context, status=INVALID)


def _rates_context(form: RateForm, model_form: ModelForm) -> dict[str, Any]:
    return {
        "rates": pages_office.all_rates(),
        "aliases": pages_access.all_aliases(),
        "form": form,
        "model_form": model_form,
        "alias_form": AliasForm(),
    }


@requires("providers.approve_rate")
@require_POST
def rate_approve(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Approve a rate that another person proposed; held records are released."""
    found = get_object_or_404(pages_office.all_rates(), pk=pk)
    decide(request, "approver", listing.approve_rate, "折算系数已生效，等待它的记录已入账。", found)
    return redirect("office_rates")


urlpatterns = [
    path("", providers, name="office_providers"),
    path("rates/", rates, name="office_rates"),
    path("rates/models/", model_register, name="office_model_register"),
    path("rates/<uuid:pk>/approve/", rate_approve, name="office_rate_approve"),
    path("keys/<uuid:pk>/confirm/", key_confirm, name="office_key_confirm"),
    path("keys/<uuid:pk>/revoke/", key_revoke, name="office_key_revoke"),
    path("capacities/<uuid:pk>/confirm/", capacity_confirm, name="office_capacity_confirm"),
    path("<uuid:pk>/", provider, name="office_provider"),
    path("<uuid:pk>/admit/", provider_admit, name="office_provider_admit"),
    path("<uuid:pk>/decline/", provider_move, {"move": "decline"}, name="office_provider_decline"),
    path("<uuid:pk>/suspend/", provider_move, {"move": "suspend"}, name="office_provider_suspend"),
    path("<uuid:pk>/readmit/", provider_move, {"move": "readmit"}, name="office_provider_readmit"),
]

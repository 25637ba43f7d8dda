"""Door for the bureau: address lists of keys, flagged batches, rates turned down, other names."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from ledger import clock
from ledger.rights import actor_of, requires
from providers import keying, listing, pages_access, pages_office, restricting
from providers.carrying import carry_out, decide, reason_told
from providers.forms_access import AliasForm

READERS = ("providers.view_providers", "providers.confirm_key")


@requires(*READERS)
@require_GET
def flagged(request: HttpRequest) -> HttpResponse:
    """List batches that came under a compromised key and that nobody has cleared."""
    return render(
        request, "office/provider_flagged.html", {"batches": pages_access.flagged_lines()}
    )


@requires("providers.confirm_key")
@require_POST
def batch_clear(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Declare a flagged batch genuine."""
    found = get_object_or_404(pages_office.all_batches(), pk=pk)
    decide(
        request,
        "approver",
        keying.clear_batch,
        "批次已核实，不再阻止结算。",
        found,
        reason=reason_told(request),
    )
    return redirect("office_flagged")


@requires("providers.confirm_key")
@require_POST
def networks_confirm(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Put an address list of a key into force."""
    found = get_object_or_404(pages_access.all_networks(), pk=pk)
    decide(request, "approver", restricting.confirm_networks, "来源网段已生效。", found)
    return redirect("office_provider", pk=found.key.provider_id)


@requires("providers.confirm_key")
@require_POST
def networks_decline(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Turn an address list of a key down."""
    found = get_object_or_404(pages_access.all_networks(), pk=pk)
    decide(
        request,
        "approver",
        restricting.decline_networks,
        "已不予确认，理由已告知供方。",
        found,
        reason=reason_told(request),
    )
    return redirect("office_provider", pk=found.key.provider_id)


@requires("providers.approve_rate")
@require_POST
def rate_decline(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Turn a proposed rate down."""
    found = get_object_or_404(pages_office.all_rates(), pk=pk)
    decide(
        request,
        "approver",
        listing.decline_rate,
        "已不予批准。",
        found,
        reason=reason_told(request),
    )
    return redirect("office_rates")


@requires("providers.propose_rate")
@require_POST
def alias_propose(request: HttpRequest) -> HttpResponse:
    """Propose another name of a model."""
    form = AliasForm(request.POST)
    if not form.is_valid():
        messages.error(request, "请选择型号并填写别名。")
        return redirect("office_rates")
    typed, actor, now = form.cleaned_data, actor_of(request, "reviewer"), clock.now()
    carry_out(
        request,
        lambda: listing.propose_alias(typed["alias_of"], typed["alias"], actor=actor, at=now),
        "别名已提出，须由另一人批准后生效。",
    )
    return redirect("office_rates")


@requires("providers.approve_rate")
@require_POST
def alias_approve(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Approve a name that another person proposed; held records are released."""
    found = get_object_or_404(pages_access.all_aliases(), pk=pk)
    decide(
        request, "approver", listing.approve_alias, "别名已生效，等待它的记录已重新判断。", found
    )
    return redirect("office_rates")


urlpatterns = [
    path("flagged/", flagged, name="office_flagged"),
    path("batches/<uuid:pk>/clear/", batch_clear, name="office_batch_clear"),
    path("networks/<uuid:pk>/confirm/", networks_confirm, name="office_networks_confirm"),
    path("networks/<uuid:pk>/decline/", networks_decline, name="office_networks_decline"),
    path("rates/<uuid:pk>/decline/", rate_decline, name="office_rate_decline"),
    path("aliases/", alias_propose, name="office_alias_propose"),
    path("aliases/<uuid:pk>/approve/", alias_approve, name="office_alias_approve"),
]

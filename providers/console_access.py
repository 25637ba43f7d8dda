"""Door: from where a provider's keys speak, replacing a key, and who is told by webhook."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from ledger import clock
from ledger.refusals import Refused
from providers import keying, pages, pages_access, restricting, telling
from providers.forms_access import NetworksForm, RotateForm, WebhookForm
from providers.models import Provider, ProviderKey
from providers.seats import actor_at, provider_member

ADMIN = "provider_admin"


@require_GET
@provider_member()
def access(request: HttpRequest) -> HttpResponse:
    """Show keys with their address lists, webhooks, and what was told lately."""
    provider = _provider(request)
    context = {
        "keys": pages_access.keys_with_networks(provider),
        "ending": pages_access.ending_keys(provider, clock.now()),
        "webhooks": pages_access.webhooks_of(provider),
        "page_obj": pages.page_of(request, pages_access.deliveries_of(provider)),
        "webhook_form": WebhookForm(),
    }
    return render(request, "console/access.html", context)


@require_POST
@provider_member(ADMIN)
def networks(request: HttpRequest, pk: UUID) -> HttpResponse:
    """File from which addresses a key may be used."""
    key, form = _key(request, pk), NetworksForm(request.POST)
    typed: dict[str, Any] = form.cleaned_data if form.is_valid() else {"networks": [], "reason": ""}
    return _carry_out(
        request,
        form,
        lambda: restricting.file_networks(
            key,
            typed["networks"],
            reason=typed["reason"],
            actor=actor_at(request),
            at=clock.now(),
        ),
        "来源网段已提出。正式密钥须区数据局确认后生效，测试密钥立即生效。",
    )


@require_POST
@provider_member(ADMIN)
def rotate(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Propose a key that replaces another; its token is shown once."""
    old, form = _key(request, pk), RotateForm(request.POST)
    if not form.is_valid():
        messages.error(request, "请粘贴新的公钥。")
        return redirect("console_access")
    try:
        made = keying.propose_key(
            old.provider,
            old.mode,
            public_key=form.cleaned_data["public_key"],
            title=old.title,
            replaces=old,
            actor=actor_at(request),
            at=clock.now(),
        )
    except Refused as refused:
        messages.error(request, refused.message)
        return redirect("console_access")
    context = {"key": made.key, "token": made.token, "origin": pages_access.public_origin()}
    return render(request, "console/key_new.html", context)


@require_POST
@provider_member(ADMIN)
def webhook_add(request: HttpRequest) -> HttpResponse:
    """Register an address to be told."""
    form = WebhookForm(request.POST)
    typed: dict[str, Any] = form.cleaned_data if form.is_valid() else {"url": "", "events": []}
    return _carry_out(
        request,
        form,
        lambda: telling.add_webhook(
            _provider(request),
            typed["url"],
            typed["events"],
            actor=actor_at(request),
            at=clock.now(),
        ),
        "通知地址已登记。请用页面所示公钥验签。",
    )


@require_POST
@provider_member(ADMIN)
def webhook_remove(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Stop telling an address."""
    found = _provider(request).webhooks.filter(pk=pk).first()
    if found is None:
        raise Http404
    return _carry_out(
        request,
        None,
        lambda: telling.remove_webhook(found, actor=actor_at(request), at=clock.now()),
        "已停用，不再通知这个地址。",
    )


@require_POST
@provider_member(ADMIN, "provider_engineer")
def delivery_replay(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a message once more."""
    found = pages_access.deliveries_of(_provider(request)).filter(pk=pk).first()
    if found is None:
        raise Http404
    return _carry_out(
        request,
        None,
        lambda: telling.replay_delivery(found, actor=actor_at(request), at=clock.now()),
        "已安排重新发送。",
    )


def _carry_out(request: HttpRequest, form: Any, act: Callable[[], Any], done: str) -> HttpResponse:
    """Do one act, or say what is wrong, and go back to the page."""
    if form is not None and not form.is_valid():
        messages.error(
            request, "；".join(each for faults in form.errors.values() for each in faults)
        )
        return redirect("console_access")
    try:
        act()
        messages.success(request, done)
    except Refused as refused:
        messages.error(request, refused.message)
    return redirect("console_access")


def _provider(request: HttpRequest) -> Provider:
    """Return the provider of the seat."""
    provider: Provider = request.seat.provider  # type: ignore[attr-defined]
    return provider


def _key(request: HttpRequest, pk: UUID) -> ProviderKey:
    """Return one of the provider's own keys, or 404."""
    found: ProviderKey | None = _provider(request).keys.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


urlpatterns = [
    path("access/", access, name="console_access"),
    path("access/keys/<uuid:pk>/networks/", networks, name="console_networks"),
    path("access/keys/<uuid:pk>/rotate/", rotate, name="console_key_rotate"),
    path("access/webhooks/", webhook_add, name="console_webhook_add"),
    path("access/webhooks/<uuid:pk>/remove/", webhook_remove, name="console_webhook_remove"),
    path("access/deliveries/<int:pk>/replay/", delivery_replay, name="console_delivery_replay"),
]

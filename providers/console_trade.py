"""Door: a provider's own desk for trade: orders, offerings with prices, machines, keys, guide."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ledger import clock
from ledger.periods import SHANGHAI
from ledger.refusals import Refused
from providers import admitting, discounting, listing, ordering, pages
from providers.forms import (
    CapacityForm,
    KeyForm,
    OfferingForm,
    ProofForm,
    ReasonForm,
    RevokeForm,
)
from providers.forms_trade import DiscountForm, PriceForm
from providers.models import Offering, Order, Provider, ProviderKey
from providers.pages_console import key_life
from providers.seats import actor_at, provider_member

DISCOUNT_IDS = "id_discount_%s"  # another form of the page has a reason too
REFUSED = 409
INVALID = 422
TRADERS = ("provider_admin", "provider_operator")
ENGINEERS = ("provider_admin", "provider_engineer")


def _provider(request: HttpRequest) -> Provider:
    provider: Provider = request.seat.provider  # type: ignore[attr-defined]
    return provider


def _own(rows: Any, pk: UUID) -> Any:
    """Return one of the provider's own things, or 404."""
    found = rows.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def _midnight(day: Any) -> datetime:
    return datetime.combine(day, datetime.min.time(), SHANGHAI)


def _carry_out(request: HttpRequest, form: Any, act: Callable[[], Any], done: str) -> int:
    """Do one act for a form; put a refusal on it. Returns the status, 0 when it is done."""
    if not form.is_valid():
        return INVALID
    try:
        act()
    except Refused as refused:
        refused.put_on(form)
        return REFUSED
    messages.success(request, done)
    return 0


@require_GET
@provider_member()
def orders(request: HttpRequest) -> HttpResponse:
    """List the orders placed at the provider."""
    own = _provider(request).orders.with_parties().newest_first()
    state = request.GET.get("state", "")
    if state in Order.State.values:
        own = own.filter(state=state)
    context = {
        "page_obj": pages.page_of(request, own),
        "tabs": [("", "全部"), *Order.State.choices],
        "here": state,
    }
    return render(request, "console/orders.html", context)


@require_GET
@provider_member()
def order(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one order with its use."""
    found = _own(_provider(request).orders.with_parties(), pk)
    return _order_page(request, found, ReasonForm())


def _order_page(
    request: HttpRequest,
    found: Order,
    form: ReasonForm,
    status: int = 200,
    discount: DiscountForm | None = None,
) -> HttpResponse:
    context = {
        "discount": discount or DiscountForm(auto_id=DISCOUNT_IDS),
        "may_discount": found.state in discounting.OPEN_TO_DISCOUNTS
        and request.seat.role in TRADERS,  # type: ignore[attr-defined]
        "order": found,
        "rows": pages.order_rows(found),
        "use": pages.use_rows(found),
        "history": pages.history(found),
        "form": form,
    }
    return render(request, "console/order.html", context, status=status)


@require_POST
@provider_member(*TRADERS)
def order_accept(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Accept an order."""
    found = _own(_provider(request).orders.all(), pk)
    try:
        ordering.accept_order(found, actor=actor_at(request), at=clock.now())
        messages.success(request, "已接单，可以上报用量了。")
    except Refused as refused:
        messages.error(request, refused.message)
    return redirect("console_order", pk=pk)


@require_POST
@provider_member(*TRADERS)
def order_refuse(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Refuse an order, with the reason the enterprise will read."""
    found = _own(_provider(request).orders.with_parties(), pk)
    form = ReasonForm(request.POST)
    status = _carry_out(
        request,
        form,
        lambda: ordering.refuse_order(
            found, reason=form.cleaned_data["reason"], actor=actor_at(request), at=clock.now()
        ),
        "已拒绝该订单，占用的券额已退回。",
    )
    return _order_page(request, found, form, status) if status else redirect("console_order", pk=pk)


@require_POST
@provider_member(*TRADERS)
def order_discount(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take something off the price of an order."""
    found = _own(_provider(request).orders.with_parties(), pk)
    form = DiscountForm(request.POST, auto_id=DISCOUNT_IDS)
    status = _carry_out(
        request,
        form,
        lambda: discounting.grant_discount(
            found, **form.cleaned_data, actor=actor_at(request), at=clock.now()
        ),
        "优惠已登记，企业在订单页可以看到。",
    )
    if status:
        return _order_page(request, found, ReasonForm(), status, discount=form)
    return redirect("console_order", pk=pk)


@require_http_methods(["GET", "POST"])
@provider_member()
def offerings(request: HttpRequest) -> HttpResponse:
    """List offerings with their prices; draft a new one."""
    provider, form, status = _provider(request), OfferingForm(request.POST or None), 200
    if request.method == "POST":
        _need(request, TRADERS)
        status = _carry_out(
            request,
            form,
            lambda: listing.create_offering(
                provider, **form.cleaned_data, actor=actor_at(request), at=clock.now()
            ),
            "服务项目已草拟。请备案单价后发布。",
        )
        if not status:
            return redirect("console_offerings")
    own = provider.offerings.select_related("model").order_by("title")
    lines = [{"offering": each, "price": each.price_at(clock.now())} for each in own]
    context = {"lines": lines, "form": form}
    return render(request, "console/offerings.html", context, status=status)


@require_http_methods(["GET", "POST"])
@provider_member()
def offering(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one offering with all versions of its price; file a new one."""
    found = _own(_provider(request).offerings.select_related("model"), pk)
    form, status = PriceForm(request.POST or None), 200
    if request.method == "POST":
        _need(request, TRADERS)
        status = _carry_out(request, form, lambda: _file(request, found, form), "单价已备案。")
        if not status:
            return redirect("console_offering", pk=pk)
    context = {
        "offering": found,
        "prices": found.prices.order_by("-version"),
        "form": form,
        "history": pages.history(found),
    }
    return render(request, "console/offering.html", context, status=status)


def _file(request: HttpRequest, found: Offering, form: PriceForm) -> None:
    typed = form.cleaned_data
    listing.file_price(
        found,
        typed["pricing_unit"],
        typed["tiers"] or typed["price"],
        valid_from=_midnight(typed["valid_from"]),
        actor=actor_at(request),
        at=clock.now(),
    )


@require_POST
@provider_member(*TRADERS)
def offering_move(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Publish or withdraw an offering."""
    found = _own(_provider(request).offerings.all(), pk)
    publish = request.POST.get("move") == "publish"
    act = listing.publish_offering if publish else listing.withdraw_offering
    try:
        act(found, actor=actor_at(request), at=clock.now())
        messages.success(request, "服务项目已发布。" if publish else "服务项目已下架。")
    except Refused as refused:
        messages.error(request, refused.message)
    return redirect("console_offering", pk=pk)


@require_http_methods(["GET", "POST"])
@provider_member()
def capacity(request: HttpRequest) -> HttpResponse:
    """List filed machines; file more."""
    provider, form, status = _provider(request), CapacityForm(request.POST or None), 200
    if request.method == "POST":
        _need(request, ENGINEERS)
        status = _carry_out(
            request,
            form,
            lambda: admitting.register_capacity(
                provider,
                form.cleaned_data["model"],
                form.cleaned_data["device_count"],
                valid_from=_midnight(form.cleaned_data["valid_from"]),
                evidence=form.cleaned_data["evidence"],
                actor=actor_at(request),
                at=clock.now(),
            ),
            "算力规模已登记，等待区数据局确认。",
        )
        if not status:
            return redirect("console_capacity")
    own = provider.capacities.select_related("model").order_by("-filed_at")
    return render(request, "console/capacity.html", {"lines": own, "form": form}, status=status)


@require_http_methods(["GET", "POST"])
@provider_member()
def keys(request: HttpRequest) -> HttpResponse:
    """List interface keys; make a new one and show its token once."""
    provider, form, status = _provider(request), KeyForm(request.POST or None), 200
    if request.method == "POST":
        _need(request, ENGINEERS)
        made: list[admitting.NewKey] = []
        status = _carry_out(
            request,
            form,
            lambda: made.append(
                admitting.propose_key(
                    provider, **form.cleaned_data, actor=actor_at(request), at=clock.now()
                )
            ),
            "密钥已生成。令牌只显示这一次，请立即保存。",
        )
        if not status:
            return render(
                request,
                "console/key_new.html",
                {"key": made[0].key, "token": made[0].token, "origin": settings.PUBLIC_ORIGIN},
            )
    own = provider.keys.order_by("-proposed_at")
    lines = [{"key": each, "life": key_life(each, clock.now())} for each in own]
    return render(request, "console/keys.html", {"lines": lines, "form": form}, status=status)


@require_http_methods(["GET", "POST"])
@provider_member()
def key(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one key; take the proof that its private half is held."""
    found = _own(_provider(request).keys.all(), pk)
    return _key_page(request, found, ProofForm(), RevokeForm())


def _key_page(
    request: HttpRequest, found: ProviderKey, proof: ProofForm, form: RevokeForm, status: int = 200
) -> HttpResponse:
    context = {
        "key": found,
        "proof": proof,
        "form": form,
        "history": pages.history(found),
        "life": key_life(found, clock.now()),
        "origin": settings.PUBLIC_ORIGIN,
    }
    return render(request, "console/key.html", context, status=status)


@require_POST
@provider_member(*ENGINEERS)
def key_prove(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take the signature over the challenge."""
    found = _own(_provider(request).keys.all(), pk)
    form = ProofForm(request.POST)
    status = _carry_out(
        request,
        form,
        lambda: admitting.prove_possession(
            found, form.cleaned_data["signature"], actor=actor_at(request), at=clock.now()
        ),
        "已证明持有私钥，等待区数据局确认。",
    )
    return (
        _key_page(request, found, form, RevokeForm(), status)
        if status
        else redirect("console_key", pk=pk)
    )


@require_POST
@provider_member(*ENGINEERS)
def key_revoke(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Revoke a key at once."""
    found = _own(_provider(request).keys.all(), pk)
    form = RevokeForm(request.POST)
    status = _carry_out(
        request,
        form,
        lambda: admitting.revoke_key(
            found,
            reason=form.cleaned_data["reason"],
            compromised_since=form.cleaned_data["since"],
            actor=actor_at(request),
            at=clock.now(),
        ),
        "密钥已吊销，立即生效。",
    )
    return (
        _key_page(request, found, ProofForm(), form, status)
        if status
        else redirect("console_key", pk=pk)
    )


def _need(request: HttpRequest, roles: tuple[str, ...]) -> None:
    """Keep people whose seat only reads from changing anything."""
    if request.seat.role not in roles:  # type: ignore[attr-defined]
        raise Refused("wrong_role", "您的席位只能查看，请由供方管理员办理。")


urlpatterns = [
    path("orders/", orders, name="console_orders"),
    path("orders/<uuid:pk>/", order, name="console_order"),
    path("orders/<uuid:pk>/accept/", order_accept, name="console_order_accept"),
    path("orders/<uuid:pk>/refuse/", order_refuse, name="console_order_refuse"),
    path("orders/<uuid:pk>/discount/", order_discount, name="console_order_discount"),
    path("offerings/", offerings, name="console_offerings"),
    path("offerings/<uuid:pk>/", offering, name="console_offering"),
    path("offerings/<uuid:pk>/move/", offering_move, name="console_offering_move"),
    path("capacity/", capacity, name="console_capacity"),
    path("keys/", keys, name="console_keys"),
    path("keys/<uuid:pk>/", key, name="console_key"),
    path("keys/<uuid:pk>/prove/", key_prove, name="console_key_prove"),
    path("keys/<uuid:pk>/revoke/", key_revoke, name="console_key_revoke"),
]

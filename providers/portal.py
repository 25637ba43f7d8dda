"""Door: an enterprise orders compute, with its voucher or without, and follows the use."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ledger import clock
from ledger.periods import SHANGHAI
from ledger.refusals import Refused
from providers import ordering, pages
from providers.forms import OrderForm, ReasonForm
from providers.models import Offering, Order
from providers.quoting import Quote, quote
from vouchers.seats import actor_at, enterprise_member
from vouchers.spending import voucher_positions

REFUSED = 409
INVALID = 422
HOURS_OF_A_DAY = 24


@require_GET
@enterprise_member()
def orders(request: HttpRequest) -> HttpResponse:
    """List the enterprise's orders."""
    own = _enterprise(request).orders.with_parties().newest_first()
    return render(request, "portal/orders.html", {"page_obj": pages.page_of(request, own)})


@require_GET
@enterprise_member()
def choose(request: HttpRequest) -> HttpResponse:
    """List what can be ordered, with filed prices."""
    lines = pages.offerings_with_price(clock.now())
    return render(request, "portal/order_choose.html", {"lines": lines})


@require_http_methods(["GET", "POST"])
@enterprise_member()
def place(request: HttpRequest) -> HttpResponse:
    """Fill in an order, see the quote, confirm it."""
    asked = request.POST.get("offering", "") or request.GET.get("offering", "")
    offering = next((each for each in pages.open_offerings() if str(each.pk) == asked), None)
    if offering is None:
        return redirect("order_choose")
    enterprise, now = _enterprise(request), clock.now()
    spendable = enterprise.vouchers.spendable(now)
    positions = voucher_positions(list(spendable))
    left = {key: position.available for key, position in positions.items()}
    form = OrderForm(request.POST or None, vouchers=spendable, available_fen=left)
    context: dict[str, Any] = {
        "form": form,
        "offering": offering,
        "price_text": pages.price_text(offering.price_at(now)),
        "positions": positions,
        "vouchers": spendable,
    }
    if request.method == "GET":
        return render(request, "portal/order_place.html", context)
    status = INVALID
    if form.is_valid():
        try:
            told = _quote(offering, form.cleaned_data, now)
            context |= {"quote": told, "self_fen": told.gross_fen - told.hold_fen}
            if str(form.cleaned_data["price"]) == str(told.price.pk):
                made = _place(request, offering, told, form.cleaned_data)
                messages.success(request, f"订单 {made.order_no} 已提交，等待服务商接单。")
                return redirect("order", pk=made.pk)
            status = 200
        except Refused as refused:
            refused.put_on(form)
            status = REFUSED
    return render(request, "portal/order_place.html", context, status=status)


def _quote(offering: Offering, typed: dict[str, Any], now: datetime) -> Quote:
    """Return what the typed order would cost now."""
    days = max((typed["ends_on"] - typed["starts_on"]).days + 1, 1)
    starts_at = datetime.combine(typed["starts_on"], datetime.min.time(), SHANGHAI)
    return quote(
        offering,
        typed["voucher"],
        device_count=typed["device_count"],
        planned_hours=typed["planned_hours"] or days * HOURS_OF_A_DAY,
        starts_at=starts_at.astimezone(UTC),
        ends_at=starts_at.astimezone(UTC) + timedelta(days=days),
        at=now,
    )


def _place(request: HttpRequest, offering: Offering, told: Quote, typed: dict[str, Any]) -> Order:
    return ordering.place_order(
        _enterprise(request),
        typed["voucher"],
        offering,
        told.price,
        device_count=typed["device_count"],
        starts_on=typed["starts_on"],
        ends_on=typed["ends_on"],
        planned_hours=typed["planned_hours"],
        together=typed["together"],
        actor=actor_at(request),
        at=clock.now(),
        key=typed["key"],
    )


@require_GET
@enterprise_member()
def order(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one order: its state, its hold, its use by month."""
    return _page(request, _own(request, pk), ReasonForm())


@require_POST
@enterprise_member()
def cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Cancel an order on which nothing was used."""
    found, form, status = _own(request, pk), ReasonForm(request.POST), INVALID
    if form.is_valid():
        try:
            ordering.cancel_order(
                found, reason=form.cleaned_data["reason"], actor=actor_at(request), at=clock.now()
            )
        except Refused as refused:
            form.add_error(None, refused.message)
            status = REFUSED
        else:
            messages.success(request, "订单已撤销，占用的券额已退回。")
            return redirect("order", pk=pk)
    return _page(request, found, form, status)


def _page(request: HttpRequest, found: Order, form: ReasonForm, status: int = 200) -> HttpResponse:
    context = {
        "order": found,
        "rows": pages.order_rows(found),
        "use": pages.use_rows(found),
        "history": pages.history(found),
        "form": form,
        "may_cancel": found.state in (Order.State.PLACED, Order.State.ACCEPTED),
    }
    return render(request, "portal/order.html", context, status=status)


def _enterprise(request: HttpRequest) -> Any:
    return request.seat.enterprise  # type: ignore[attr-defined]


def _own(request: HttpRequest, pk: UUID) -> Order:
    """Return one of the enterprise's own orders, or 404."""
    found: Order | None = _enterprise(request).orders.with_parties().filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


urlpatterns = [
    path("", orders, name="orders"),
    path("choose/", choose, name="order_choose"),
    path("new/", place, name="order_place"),
    path("<uuid:pk>/", order, name="order"),
    path("<uuid:pk>/cancel/", cancel, name="order_cancel"),
]

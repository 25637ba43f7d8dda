"""Door for enterprises: the wallet, one voucher, its certificate, giving one back."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods

from ledger import clock
from ledger.refusals import Refused
from vouchers import pages, pages_wallet
from vouchers.certificates import certificate
from vouchers.issuing import surrender_voucher
from vouchers.models import EnterpriseSeat, Voucher
from vouchers.seats import actor_at, enterprise_member, seat_of

REFUSED = 409


@enterprise_member()
@require_GET
def vouchers(request: HttpRequest) -> HttpResponse:
    """Show the wallet: the vouchers one can still draw on in their order, then the others."""
    mine = seat_of(request).enterprise.vouchers.with_parties()
    usable = mine.filter(state="active").in_drawing_order()
    over = mine.exclude(state="active").order_by("-issued_at", "id")
    page = Paginator(over, 20).get_page(request.GET.get("page"))
    now = clock.now()
    context = {
        "cards": pages_wallet.wallet_cards(list(usable), now),
        "ended": pages_wallet.wallet_cards(list(page), now),
        "page_obj": page,
    }
    return render(request, "portal/voucher_list.html", context)


@enterprise_member()
@require_GET
def voucher(request: HttpRequest, pk: str) -> HttpResponse:
    """Show one voucher: where its value is, every movement, what is held and for what."""
    return _voucher_page(request, _mine(request, pk))


@enterprise_member()
@require_GET
def voucher_certificate(request: HttpRequest, pk: str) -> HttpResponse:
    """Give the certificate as PDF."""
    found = _mine(request, pk)
    content = certificate(found, clock.now())
    return _pdf(content, found.voucher_no)


@enterprise_member(EnterpriseSeat.Role.ADMIN)
@require_http_methods(["GET", "POST"])
def voucher_surrender(request: HttpRequest, pk: str) -> HttpResponse:
    """Ask whether a voucher is to be given back; give it back."""
    found = _mine(request, pk)
    problem, status = "", 200
    if request.method == "POST":
        try:
            surrender_voucher(
                found,
                reason=request.POST.get("reason", "").strip()[:300],
                actor=actor_at(request),
                at=clock.now(),
            )
        except Refused as refused:
            problem, status = refused.message, REFUSED
        else:
            messages.success(request, f"已放弃算力券 {found.voucher_no}，未使用的部分已退回预算。")
            return redirect("voucher", pk=found.pk)
    (card,) = pages_wallet.wallet_cards([found], clock.now())
    context = card | {"problem": problem}
    return render(request, "portal/voucher_surrender.html", context, status=status)


def _mine(request: HttpRequest, pk: str) -> Voucher:
    mine = seat_of(request).enterprise.vouchers.with_parties().select_related("application")
    found: Voucher = get_object_or_404(mine, pk=pk)
    return found


def _voucher_page(request: HttpRequest, found: Voucher) -> HttpResponse:
    (card,) = pages_wallet.wallet_cards([found], clock.now())
    context = card | {
        **pages.movement_lines(found, request.GET.get("before", "")),
        "holds": pages.hold_lines(found),
        "redemptions": pages.redemption_lines(found),
        "application": found.application,
        "may_surrender": seat_of(request).role == EnterpriseSeat.Role.ADMIN
        and found.state == Voucher.State.ACTIVE
        and not found.frozen,
    }
    return render(request, "portal/voucher.html", context)


def _pdf(content: bytes, number: str) -> HttpResponse:
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{number}.pdf"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


urlpatterns = [
    path("", vouchers, name="vouchers"),
    path("<uuid:pk>/", voucher, name="voucher"),
    path("<uuid:pk>/certificate.pdf", voucher_certificate, name="voucher_certificate"),
    path("<uuid:pk>/surrender/", voucher_surrender, name="voucher_surrender"),
]

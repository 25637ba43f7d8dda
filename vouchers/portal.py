"""Door for enterprises: guide, self-check, enrolment, desk, vouchers."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods

from ledger import clock
from ledger.periods import day_of
from ledger.refusals import Refused
from ledger.rights import actor_of, public, signed_in
from vouchers import pages
from vouchers.enrolling import register_enterprise
from vouchers.forms import EnrollForm
from vouchers.models import Programme
from vouchers.positions import voucher_positions
from vouchers.seats import current_seat, enterprise_member, seat_of

REFUSED = 409
INVALID = 422
CHECKS = ("district", "sector", "people", "purpose", "dishonest", "applied")
ANSWERS = {
    "people": ("employees", "revenue", "assets"),
}


@public
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Show the guide of the current scheme."""
    programme = Programme.objects.current()
    guide = pages.guide(programme, clock.now()) if programme else None
    return render(request, "portal/home.html", {"guide": guide})


@public
@require_GET
def check(request: HttpRequest) -> HttpResponse:
    """Ask the self-check one question a page; the answers travel in the address."""
    programme = Programme.objects.current()
    if programme is None:
        return render(request, "portal/home.html", {"guide": None})
    told = {name: request.GET.get(name, "")[:20] for name in _names()}
    step = next((each for each in CHECKS if f"q_{each}" not in request.GET), None)
    context: dict[str, Any] = {
        "programme": programme,
        "told": told,
        "done": [each for each in CHECKS if f"q_{each}" in request.GET],
        "total": len(CHECKS),
    }
    if step is None:
        context["lines"] = pages.self_check(programme.edition, told, day_of(clock.now()))
        return render(request, "portal/check_result.html", context)
    context |= {
        "step": step,
        "no": CHECKS.index(step) + 1,
        "own": ANSWERS.get(step, (step,)),
        "sectors": pages.sectors(),
        "purposes": programme.edition.purposes,
    }
    return render(request, "portal/check.html", context)


@signed_in
@require_http_methods(["GET", "POST"])
def enroll(request: HttpRequest) -> HttpResponse:
    """Bind an enterprise to the signed-in account by its credit code."""
    if current_seat(request):
        return redirect("desk")
    form = EnrollForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = INVALID
        if form.is_valid():
            told = form.cleaned_data
            try:
                enterprise = register_enterprise(
                    told["name"],
                    told["uscc"],
                    user=request.user,
                    insist=told["insist"],
                    actor=actor_of(request, "enterprise_admin"),
                    at=clock.now(),
                )
            except Refused as refused:
                form.add_error(refused.field or None, refused.message)
                status = REFUSED
            else:
                messages.success(request, f"已登记“{enterprise.name}”，现在可以开始申请。")
                return redirect("desk")
    return render(request, "portal/enroll.html", {"form": form}, status=status)


@enterprise_member()
@require_GET
def desk(request: HttpRequest) -> HttpResponse:
    """Show the enterprise's own cases and vouchers on one page."""
    enterprise = seat_of(request).enterprise
    applications = enterprise.applications.with_parties().order_by("-created_at")
    vouchers = list(enterprise.vouchers.with_parties().order_by("-issued_at"))
    positions = voucher_positions(vouchers)
    programme = Programme.objects.current()
    begun = programme and applications.filter(programme=programme).exclude(state="withdrawn")
    context = {
        "enterprise": enterprise,
        "applications": applications,
        "cards": [{"voucher": each, "position": positions[each.pk]} for each in vouchers],
        "guide": pages.guide(programme, clock.now()) if programme else None,
        "may_start": bool(programme) and not (begun and begun.exists()),
    }
    return render(request, "portal/desk.html", context)


@enterprise_member()
@require_GET
def vouchers(request: HttpRequest) -> HttpResponse:
    """List the enterprise's vouchers with what is left on each."""
    mine = seat_of(request).enterprise.vouchers.with_parties().order_by("-issued_at")
    page = Paginator(mine, 20).get_page(request.GET.get("page"))
    positions = voucher_positions(list(page))
    now = clock.now()
    cards = [
        {"voucher": each, "position": positions[each.pk], "days": pages.days_left(each, now)}
        for each in page
    ]
    return render(request, "portal/voucher_list.html", {"cards": cards, "page_obj": page})


@enterprise_member()
@require_GET
def voucher(request: HttpRequest, pk: str) -> HttpResponse:
    """Show one voucher: where its value is, every movement, what is held and for what."""
    mine = seat_of(request).enterprise.vouchers.with_parties()
    found = get_object_or_404(mine, pk=pk)
    now = clock.now()
    context = {
        "voucher": found,
        "position": voucher_positions([found])[found.pk],
        **pages.movement_lines(found, request.GET.get("before", "")),
        "holds": pages.hold_lines(found),
        "redemptions": pages.redemption_lines(found),
        "days": pages.days_left(found, now),
        "application": found.application,
    }
    return render(request, "portal/voucher.html", context)


def _names() -> list[str]:
    return [name for each in CHECKS for name in ANSWERS.get(each, (each,))]


urlpatterns = [
    path("", home, name="home"),
    path("portal/check/", check, name="check"),
    path("portal/enroll/", enroll, name="enroll"),
    path("portal/", desk, name="desk"),
    path("portal/vouchers/", vouchers, name="vouchers"),
    path("portal/vouchers/<uuid:pk>/", voucher, name="voucher"),
]

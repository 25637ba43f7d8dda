"""Door for enterprises: guide, self-check, enrolment, desk."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods

from ledger import clock
from ledger.refusals import Refused
from ledger.rights import actor_of, public, signed_in
from vouchers import pages
from vouchers.enrolling import register_enterprise
from vouchers.forms import EnrollForm
from vouchers.models import Programme
from vouchers.models.application import GIVEN_UP
from vouchers.pages_wallet import wallet_cards
from vouchers.seats import current_seat, enterprise_member, seat_of

REFUSED = 409
INVALID = 422


@public
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Show the guide of the scheme chosen, or of the current one, and name the others."""
    programme, now = pages.chosen_programme(request.GET.get("programme", "")), clock.now()
    context = {
        "guide": pages.guide(programme, now) if programme else None,
        "others": pages.other_schemes(programme, now),
    }
    return render(request, "portal/home.html", context)


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
                refused.put_on(form)
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
    programme = Programme.objects.current()
    begun = programme and applications.filter(programme=programme).exclude(state__in=GIVEN_UP)
    context = {
        "enterprise": enterprise,
        "applications": applications,
        "cards": wallet_cards(vouchers, clock.now()),
        "guide": pages.guide(programme, clock.now()) if programme else None,
        "may_start": bool(programme) and not (begun and begun.exists()),
        "others": pages.other_schemes(programme, clock.now()),
    }
    return render(request, "portal/desk.html", context)


urlpatterns = [
    path("", home, name="home"),
    path("portal/enroll/", enroll, name="enroll"),
    path("portal/", desk, name="desk"),
]

"""Door: the pages and the switches that belong to the frame around every page."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from config.middleware import LANGUAGE_COOKIE
from ledger.rights import public, signed_in

YEAR_SECONDS = 365 * 86400


@public
@require_POST
def text_size(request: HttpRequest) -> HttpResponse:
    """Remember whether the reader wants large text, and go back to the page."""
    return _remember(request, "large_text", "1" if request.POST.get("large") == "1" else "")


@public
@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Remember in which language the reader wants the pages, and go back to the page."""
    return _remember(request, LANGUAGE_COOKIE, "en" if request.POST.get("speak") == "en" else "")


def _remember(request: HttpRequest, name: str, value: str) -> HttpResponse:
    """Keep a choice of the reader in a cookie; without a value forget it."""
    back = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}):
        back = "/"
    response = HttpResponseRedirect(back)
    if value:
        response.set_cookie(
            name,
            value,
            max_age=YEAR_SECONDS,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    else:
        response.delete_cookie(name, samesite="Lax")
    return response


@public
@require_GET
def accessibility(request: HttpRequest) -> HttpResponse:
    """Say what the pages do for readers with other needs, and what they do not yet do."""
    return render(request, "public/accessibility.html")


@public
@require_GET
def privacy(request: HttpRequest) -> HttpResponse:
    """Say which personal data is kept, why, and what one may ask for."""
    return render(request, "public/privacy.html")


@signed_in
@require_GET
def stay(request: HttpRequest) -> HttpResponse:
    """Answer a page that is still in use; asking alone keeps its reader signed in."""
    return HttpResponse(status=204)


@signed_in
@require_GET
def entrance(request: HttpRequest) -> HttpResponse:
    """Lead somebody who just signed in to the desk that is theirs."""
    user: Any = request.user
    if user.groups.exists():
        return HttpResponseRedirect("/office/")
    if user.provider_seats.filter(active=True).exists():
        return HttpResponseRedirect("/console/")
    return HttpResponseRedirect("/portal/")


urlpatterns = [
    path("enter/", entrance, name="entrance"),
    path("display/text-size/", text_size, name="text_size"),
    path("display/stay/", stay, name="stay"),
    path("display/language/", language, name="language"),
    path("public/accessibility/", accessibility, name="accessibility"),
    path("public/privacy/", privacy, name="privacy"),
]

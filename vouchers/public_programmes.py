"""Door for anybody: published editions, drafts in consultation, and the form for comments."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.utils.crypto import salted_hmac
from django.views.decorators.http import require_GET, require_http_methods

from ledger import clock
from ledger.actors import Actor
from ledger.networks import caller_address
from ledger.refusals import Refused
from ledger.rights import public
from vouchers import pages_programme
from vouchers.consulting import comment_on_edition
from vouchers.forms_programme import CommentForm

REFUSED = 409
INVALID = 422
ANYBODY = Actor(kind="public", id="public", name="公众", role="public", person="")


@public
@require_GET
def programmes(request: HttpRequest) -> HttpResponse:
    """List published editions and drafts in consultation."""
    return render(request, "public/programme_list.html", pages_programme.public_programmes())


@public
@require_http_methods(["GET", "POST"])
def programme(request: HttpRequest, pk: str) -> HttpResponse:
    """Show one edition with its rules; take in a comment while its consultation is open."""
    found = get_object_or_404(pages_programme.visible_programmes(), pk=pk)
    now = clock.now()
    last = pages_programme.last_consultation(found)
    form, status, receipt = CommentForm(request.POST or None), 200, ""
    if request.method == "POST":
        status = INVALID
        if last is not None and form.is_valid():
            try:
                made = comment_on_edition(
                    last,
                    typed=form.cleaned_data,
                    sender=_sender(request),
                    actor=ANYBODY,
                    at=now,
                )
            except Refused as refused:
                refused.put_on(form)
                status = REFUSED
            else:
                form, status, receipt = CommentForm(), 200, made.comment_no
    context = pages_programme.public_programme(found, now)
    context |= {"form": form, "receipt": receipt, "may_comment": bool(last and last.is_open(now))}
    return render(request, "public/programme.html", context, status=status)


def _sender(request: HttpRequest) -> str:
    """Return a keyed digest of where a comment came from: enough to slow a flood, not to trace."""
    came = request.META.get("REMOTE_ADDR", ""), request.headers.get("X-Forwarded-For", "")
    address = str(caller_address(*came, settings.ACCESS.trusted_proxies) or "")
    return salted_hmac("vouchers.consultation", address, algorithm="sha256").hexdigest()


urlpatterns = [
    path("programmes/", programmes, name="public_programmes"),
    path("programmes/<uuid:pk>/", programme, name="public_programme"),
]

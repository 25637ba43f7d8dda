"""Door: anybody may check whether a document was made here and still counts."""

from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET

from billing import lookup, pages
from billing.checking import certificate_standing
from billing.forms import VerifyForm
from ledger import clock
from ledger.check_codes import read_code
from ledger.networks import caller_address
from ledger.rights import public
from vouchers import letters
from vouchers.certificates import public_rows, standing, voucher_with_code

LONGEST_CODE = 200
NOT_FOUND = 404
TOO_MANY = 429
MOST_MISSES = 60  # codes from one address in a window that nobody gave out
WINDOW_SECONDS = 60


def _address(request: HttpRequest) -> str:
    came = request.META.get("REMOTE_ADDR", ""), request.headers.get("X-Forwarded-For", "")
    return str(caller_address(*came, settings.ACCESS.trusted_proxies))


def _count(misses: str) -> None:
    try:
        if not cache.add(misses, 1, WINDOW_SECONDS):
            cache.incr(misses)
    except ValueError:  # the window ended in between
        cache.add(misses, 1, WINDOW_SECONDS)


@public
@require_GET
def verify(request: HttpRequest) -> HttpResponse:
    """Ask for a check code; a code that was typed leads to its page."""
    typed = request.GET.getlist("code")
    if not typed:
        return render(request, "public/verify.html", {"form": VerifyForm()})
    form = VerifyForm({"code": typed[0]})
    valid = form.is_valid()
    if len(typed) > 1:
        form.add_error("code", "一次只能核验一个核验码。")
    elif valid:
        code = read_code(form.cleaned_data["code"])
        if code is not None:
            return redirect("verify_code", code=code)
        form.add_error(
            "code",
            "核验码应为 16 位字母或数字，并带有校验位；请核对是否抄错、漏抄。",
        )
    return render(request, "public/verify.html", {"form": form})


@public
@require_GET
def verify_code(request: HttpRequest, code: str) -> HttpResponse:
    """Show what a check code stands for: genuine, superseded, or not found.

    Many come from one address (an office, a carrier), so only codes that nobody gave out count
    against it.
    """
    misses = f"verify-{_address(request)}"
    if cache.get(misses, 0) >= MOST_MISSES:
        return render(request, "429.html", status=TOO_MANY)
    report = lookup.report_with_code(code[:LONGEST_CODE])
    if report is None and (letter := letters.letter_with_code(code[:LONGEST_CODE])):
        told = {
            "letter": letter,
            "title": letter.content["title"],
            "overturned": letters.is_overturned(letter),
            "house_body": settings.PAPERS.issuer,
        }
        return render(request, "public/verify_letter.html", told)
    context: dict[str, Any] = {
        "report": report,
        "rows": pages.verify_rows(report) if report else [],
        "stands": certificate_standing(report) if report else "",
        "house_body": settings.PAPERS.issuer,
    }
    voucher = None if report else voucher_with_code(code[:LONGEST_CODE])
    if voucher:
        word, sentence = standing(voucher, clock.now())
        context |= {"voucher": voucher, "standing": word, "standing_word": sentence}
        context["rows"] = public_rows(voucher)
    status = 200 if report or voucher else NOT_FOUND
    if status == NOT_FOUND:
        _count(misses)
    return render(request, "public/verify_result.html", context, status=status)


urlpatterns = [
    path("verify/", verify, name="verify"),
    path("verify/<str:code>", verify_code, name="verify_code"),
]

"""Door: anybody may check whether a document was made here and still counts."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET

from billing import lookup, pages
from billing.check_codes import read_code
from billing.forms import VerifyForm
from billing.reporting import BUREAU
from ledger.rights import public

LONGEST_CODE = 200
NOT_FOUND = 404


@public
@require_GET
def verify(request: HttpRequest) -> HttpResponse:
    """Ask for a check code; a code that was typed leads to its page."""
    typed = request.GET.get("code")
    if typed is None:
        return render(request, "public/verify.html", {"form": VerifyForm()})
    form = VerifyForm({"code": typed})
    if form.is_valid():
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
    """Show what a check code stands for: genuine, superseded, or not found."""
    report = lookup.report_with_code(code[:LONGEST_CODE])
    context = {
        "report": report,
        "rows": pages.verify_rows(report) if report else [],
        "house_body": BUREAU,
    }
    status = 200 if report else NOT_FOUND
    return render(request, "public/verify_result.html", context, status=status)


urlpatterns = [
    path("verify/", verify, name="verify"),
    path("verify/<str:code>", verify_code, name="verify_code"),
]

"""Door for the bureau: what the nightly checks found, safe mode, and its end by two people."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from ledger import clock, incidents
from ledger.refusals import Refused
from ledger.rights import actor_of, requires

VIEW = "ledger.view_incidents"
LIFT = "ledger.lift_safe_mode"
REFUSED = 409
INVALID = 422
ROLE = "safe_mode"


class ReasonForm(forms.Form):
    """Why it is safe to go on."""

    use_required_attribute = False
    reason = forms.CharField(
        label="解除理由",
        help_text="写明查清的原因、已作的处理，以及为什么可以恢复办理。不超过 1000 字。",
        widget=forms.Textarea,
        error_messages={"required": "请写明已查清的原因和处理结果（1 至 1000 字）。"},
    )


def _page(request: HttpRequest, form: ReasonForm, status: int = 200) -> HttpResponse:
    person = actor_of(request, ROLE).person
    found = incidents.open_incidents()
    context = {
        "incidents": [
            {
                "incident": each,
                "requests": [
                    {"request": one, "own": one.asked_person == person}
                    for one in each.requests.all()
                ],
            }
            for each in found
        ],
        "results": incidents.results(),
        "past": [each for each in incidents.past_incidents() if hasattr(each, "closing")],
        "form": form,
        "may_lift": request.user.has_perm(LIFT),
    }
    return render(request, "office/incidents.html", context, status=status)


@require_GET
@requires(VIEW, LIFT)
def books(request: HttpRequest) -> HttpResponse:
    """Show the results of the nightly checks, and what is open."""
    return _page(request, ReasonForm())


@require_POST
@requires(VIEW, LIFT)
def ask(request: HttpRequest) -> HttpResponse:
    """Ask for the end of safe mode."""
    _need_lift(request)
    found = incidents.open_incidents()
    form = ReasonForm(request.POST)
    if not found:
        messages.error(request, "当前不在安全模式，无须解除。")
        return redirect("office_books")
    status = INVALID
    if form.is_valid():
        status = REFUSED
        try:
            incidents.ask_to_close(
                found[0],
                reason=form.cleaned_data["reason"],
                actor=actor_of(request, ROLE),
                at=clock.now(),
            )
            messages.success(request, "已提出解除申请，须由另一自然人确认。")
            return redirect("office_books")
        except Refused as refused:
            refused.put_on(form)
    return _page(request, form, status)


@require_POST
@requires(VIEW, LIFT)
def confirm(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Confirm the end of safe mode as the second person."""
    _need_lift(request)
    asked = incidents.request_named(pk)
    if asked is None:
        raise Http404
    try:
        incidents.close_incident(
            asked,
            digest=request.POST.get("digest", ""),
            actor=actor_of(request, ROLE),
            at=clock.now(),
        )
        messages.success(request, "安全模式已解除，核销、结算与付款恢复办理。")
    except Refused as refused:
        messages.error(request, refused.message)
    return redirect("office_books")


def _need_lift(request: HttpRequest) -> None:
    if not request.user.has_perm(LIFT):
        raise PermissionDenied


urlpatterns = [
    path("", books, name="office_books"),
    path("ask/", ask, name="office_books_ask"),
    path("requests/<uuid:pk>/confirm/", confirm, name="office_books_confirm"),
]

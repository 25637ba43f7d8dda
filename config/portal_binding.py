"""Door: bind the enterprise that the government identity named, or appeal if others came first."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods

from config.adapters import LEGAL_PERSON
from config.binding import appeal_binding, bind_legal_person, holder_of
from config.people_forms import AppealForm
from ledger import clock
from ledger.actors import Actor
from ledger.refusals import Refused
from ledger.rights import actor_of, signed_in

INVALID, REFUSED = 422, 409


@signed_in
@require_http_methods(["GET", "POST"])
def binding(request: HttpRequest) -> HttpResponse:
    """Show how the enterprise stands to the reader; bind it, or appeal."""
    named = request.session.get(LEGAL_PERSON) or {}
    uscc = named.get("uscc") or request.GET.get("uscc", "")[:18].strip().upper()
    user: Any = request.user
    held = holder_of(uscc, user) if uscc else {"enterprise": None}
    if held.get("own"):
        request.session.pop(LEGAL_PERSON, None)
        return redirect("desk")
    form = AppealForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status, done = _act(request, named, held, form)
        if done:
            return redirect(done)
    waiting = held.get("waiting")
    context = {"named": named, "uscc": uscc, "held": held, "form": form, "waiting": waiting}
    return render(request, "account/binding.html", context, status=status)


def _act(
    request: HttpRequest, named: dict[str, str], held: dict[str, Any], form: AppealForm
) -> tuple[int, str]:
    user: Any = request.user
    actor: Actor = actor_of(request, "enterprise_admin")
    try:
        if held["enterprise"] is not None:
            if not form.is_valid():
                return INVALID, ""
            appeal_binding(
                held["enterprise"],
                user,
                statement=form.cleaned_data["statement"],
                assured=bool(named),
                actor=actor,
                at=clock.now(),
            )
            messages.success(request, "申诉已收到。主管部门核实后答复，请留意消息。")
            return 200, request.get_full_path()
        if not named:
            return 200, "enroll"
        bind_legal_person(user, uscc=named["uscc"], name=named["name"], actor=actor, at=clock.now())
        request.session.pop(LEGAL_PERSON, None)
        request.session.pop("realm", None)
        messages.success(request, "企业已绑定，您是管理员。")
        return 200, "desk"
    except Refused as refused:
        messages.error(request, refused.message)
        return REFUSED, ""


urlpatterns = [path("", binding, name="binding")]

"""Door: come in by an invitation; once, with an account one has or opens for it."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods

from config.inviting import ROLES_OF, accept_invitation, open_invitation
from ledger import clock
from ledger.refusals import Refused
from ledger.rights import actor_of, public

REFUSED, GONE = 409, 410


@public
@require_http_methods(["GET", "POST"])
def accept(request: HttpRequest, secret: str) -> HttpResponse:
    """Show who asks, and take the seat with the account that is signed in."""
    invitation = open_invitation(secret, clock.now())
    if invitation is None:
        return render(request, "account/invitation_gone.html", status=GONE)
    status = 200
    if request.method == "POST" and request.user.is_authenticated:
        user: Any = request.user
        try:
            accept_invitation(invitation, user, actor=actor_of(request, "invited"), at=clock.now())
            request.session.pop("realm", None)
            messages.success(request, f"您已加入“{invitation.organisation_name}”。")
            return redirect("entrance")
        except Refused as refused:
            messages.error(request, refused.message)
            status = REFUSED
    role = ROLES_OF[invitation.realm][invitation.role]
    context = {"invitation": invitation, "role": role, "here": request.path}
    return render(request, "account/invitation.html", context, status=status)


urlpatterns = [path("account/invitations/<str:secret>/", accept, name="invitation")]

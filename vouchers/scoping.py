"""Hand a door the case it asks for, within what the person may see; a refusal is remembered."""

from datetime import datetime

from django.http import Http404, HttpRequest

from ledger.rights import actor_of
from vouchers.models import Application
from vouchers.pages_beside import case_or_refusal
from vouchers.reading import note_reading


def case_for(request: HttpRequest, pk: str, at: datetime) -> Application:
    """Return a case this person may see.

    Raises:
        Http404: there is none, or it was given to somebody else; the latter is written down.
    """
    found, refused = case_or_refusal(request.user, pk)
    if found is not None:
        return found
    if refused is not None:
        note_reading(refused, "denied", actor=actor_of(request, "reviewer"), at=at)
    raise Http404

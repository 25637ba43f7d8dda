"""One act behind a button of the bureau's pages, and how it went in a message."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest

from ledger import clock
from ledger.refusals import Refused
from ledger.rights import actor_of


def carry_out(request: HttpRequest, act: Callable[[], Any], done: str) -> None:
    """Do one act and say how it went."""
    try:
        act()
        messages.success(request, done)
    except Refused as refused:
        messages.error(request, refused.message)


def decide(
    request: HttpRequest, role: str, act: Callable[..., Any], done: str, *about: Any, **said: Any
) -> None:
    """Do one act about something as whoever asks, now, and say how it went.

    Args:
        role: as whom they act.
        about: what the act is about; ``said`` is what they say to it, a reason for instance.
    """
    actor, now = actor_of(request, role), clock.now()
    carry_out(request, lambda: act(*about, **said, actor=actor, at=now), done)


def reason_told(request: HttpRequest) -> str:
    """Return the reason that was typed beside the button."""
    return request.POST.get("reason", "")

"""Ending the sessions of an account, everywhere and at once."""

from typing import Any

from allauth.usersessions.models import UserSession


def end_sessions(user: Any, *, but: str = "") -> int:
    """End all sessions of an account at once (but one, by its key); return how many."""
    ended = 0
    for each in UserSession.objects.filter(user=user).exclude(session_key=but):
        each.end()
        ended += 1
    return ended

"""One act behind a button of the bureau's pages, and how it went in a message."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest

from ledger.refusals import Refused


def carry_out(request: HttpRequest, act: Callable[[], Any], done: str) -> None:
    """Do one act and say how it went."""
    try:
        act()
        messages.success(request, done)
    except Refused as refused:
        messages.error(request, refused.message)

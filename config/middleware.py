"""What surrounds every request: its number, its privacy, and how a refusal is told."""

import logging
import re
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import add_never_cache_headers, patch_vary_headers

from config.errors import problem, show
from config.logs import request_number
from ledger.identifiers import new_id
from ledger.refusals import Refused

logger = logging.getLogger("config.requests")
Answer = Callable[[HttpRequest], HttpResponse]
LANGUAGE_COOKIE = "language"
ACCEPTED_NUMBER = re.compile(r"[0-9A-Za-z-]{8,64}")


class RequestNumberMiddleware:
    """Give each request a number: people read it out (错误编号), log lines carry it."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Number the request, keep a well-formed number of the proxy, and echo it."""
        given = request.headers.get("X-Request-ID", "")
        number = given if ACCEPTED_NUMBER.fullmatch(given) else str(new_id())
        request.request_id = number  # type: ignore[attr-defined]
        token = request_number.set(number)
        try:
            response = self.get_response(request)
        finally:
            request_number.reset(token)
        response["X-Request-ID"] = number
        return response


class LanguageMiddleware:
    """Let a page speak the language its reader chose; the address stays the same.

    Only the reader's own choice counts: what a browser says it would accept is often left as it
    came from the shop, and a public page must look the same to whoever is sent its address.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Speak English to those who chose it, Chinese to everybody else and to machines."""
        chosen = request.COOKIES.get(LANGUAGE_COOKIE) == "en"
        english = chosen and not request.path.startswith("/api/")
        with translation.override("en" if english else settings.LANGUAGE_CODE):
            response = self.get_response(request)
            if "text/html" in response.get("Content-Type", ""):
                response.headers.setdefault("Content-Language", "en" if english else "zh-CN")
                patch_vary_headers(response, ("Cookie",))
        return response


class PrivatePagesMiddleware:
    """Keep pages of signed-in people out of every cache, shared computers included."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Forbid storing what was shown to somebody with an account."""
        response = self.get_response(request)
        if request.user.is_authenticated and not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        return response


class RefusalMiddleware:
    """Turn a refusal that no door caught into a page (or a problem) that says what to do."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on; refusals arrive in ``process_exception``."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer a ``Refused`` with 409; leave everything else to the error pages."""
        if not isinstance(error, Refused):
            return None
        logger.info("refused: %s", error.code)
        if request.path.startswith("/api/"):
            return problem(request, 409, error.code, error.message)
        return show(request, 409, "refused.html", {"refused": error})

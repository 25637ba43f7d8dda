"""The floor of P10 as a site: check the signature of a POST, insert its body, commit."""

import os
import threading
from collections.abc import Callable, Iterable
from typing import Any

import psycopg

from ledger import clock
from providers.key_forms import pinned
from providers.signatures import SignedRequest, check_signature

_own = threading.local()
_ORIGIN = os.environ["BARE_ORIGIN"]
_KEY = pinned(os.environ["BARE_KEY_ID"], "ed25519", os.environ["BARE_KEY"])


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Take in one upload, as little as an honest signed interface can do."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    if environ["REQUEST_METHOD"] == "POST":
        headers = {
            name.removeprefix("HTTP_").replace("_", "-").title(): value
            for name, value in environ.items()
            if name.startswith("HTTP_") or name == "CONTENT_TYPE"
        }
        url = f"{_ORIGIN}{environ['PATH_INFO']}?{environ['QUERY_STRING']}"
        check_signature(SignedRequest("POST", url, headers), body, key=_KEY, now=clock.now())
        if not hasattr(_own, "connection"):
            _own.connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
        _own.connection.execute("INSERT INTO bench_bare (body) VALUES (%s)", [body])
    start_response("201 Created", [("Content-Type", "application/json"), ("Content-Length", "2")])
    return [b"{}"]

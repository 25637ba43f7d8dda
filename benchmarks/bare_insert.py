"""The floor of P8 as a site: insert the body of a POST, commit, answer."""

import os
import threading
from collections.abc import Callable, Iterable
from typing import Any

import psycopg

_own = threading.local()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Take one request in, as little as any view with a row to write can do."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    if environ["REQUEST_METHOD"] == "POST":
        if not hasattr(_own, "connection"):
            _own.connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
        _own.connection.execute("INSERT INTO bench_bare (body) VALUES (%s)", [body])
    start_response("201 Created", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]

"""How much a key may send in a window of time: requests and records, counted in PostgreSQL.

One row a key and window, counted by one statement that either fits or does not; windows are those
of the database's clock. So the count is right however many processes and machines serve. What is
refused is counted nowhere. Records are counted when they have been read; a window that is full of
them takes no further upload (decision 0086).
"""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection

from providers.models import ProviderKey

# The window of now. Losing the last counts in a crash is harmless, and waiting for the disk at
# each request is not.
_NOW = """
(SELECT to_timestamp(floor(extract(epoch FROM clock_timestamp()) / %(window)s) * %(window)s)
            AS start,
        set_config('synchronous_commit', 'off', true)) AS n
"""
_LEFT = """
greatest(1, ceil(extract(epoch FROM started_at + make_interval(secs => %(window)s)
                         - clock_timestamp())))::int
"""
_COUNT = f"""
INSERT INTO providers_ratewindow AS w (key_id, started_at, requests, records)
SELECT %(key)s, n.start, 1, 0 FROM {_NOW}
ON CONFLICT (key_id, started_at) DO UPDATE SET requests = w.requests + 1
 WHERE w.requests < %(requests)s AND (NOT %(upload)s OR w.records < %(records)s)
RETURNING requests, records, {_LEFT}
"""  # noqa: S608 - put together of constants
_ADD = f"""
INSERT INTO providers_ratewindow AS w (key_id, started_at, requests, records)
SELECT %(key)s, n.start, 0, %(more)s FROM {_NOW}
ON CONFLICT (key_id, started_at) DO UPDATE SET records = w.records + excluded.records
RETURNING requests, records, {_LEFT}
"""  # noqa: S608 - put together of constants
_LOOK = f"""
SELECT requests, records, {_LEFT} FROM providers_ratewindow
 WHERE key_id = %(key)s ORDER BY started_at DESC LIMIT 1
"""  # noqa: S608 - put together of constants
_SWEEP = "DELETE FROM providers_ratewindow WHERE started_at < clock_timestamp() - interval '1 day'"


@dataclass(frozen=True)
class Standing:
    """How a key stands in its window, and in how many seconds the next begins."""

    requests: int
    records: int
    seconds_left: int
    refused: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """Return the fields of draft-ietf-httpapi-ratelimit-headers; ``qu="records"`` is ours."""
        limits, rest = settings.ACCESS, self.seconds_left
        window = limits.window_seconds
        left = max(0, limits.requests - self.requests), max(0, limits.records - self.records)
        return {
            "RateLimit-Policy": f'"requests";q={limits.requests};w={window}, '
            f'"records";q={limits.records};w={window};qu="records"',
            "RateLimit": f'"requests";r={left[0]};t={rest}, "records";r={left[1]};t={rest}',
        } | ({"Retry-After": str(rest)} if self.refused else {})


def count_request(key: ProviderKey, *, upload: bool) -> Standing:
    """Count one request, unless the window is full: then nothing is counted and it is refused."""
    limits = settings.ACCESS
    asked = {"requests": limits.requests, "records": limits.records, "upload": upload}
    found = _ask(_COUNT, key, **asked)
    if found:
        return Standing(*found)
    # Should a new window have begun between the two statements, the old one still says no.
    return Standing(*(_ask(_LOOK, key) or (0, 0, 1)), refused=True)


def count_records(key: ProviderKey | None, records: int) -> Standing | None:
    """Add the records that have just been read to the window of their key, if there was one."""
    if key is None:
        return None
    found = _ask(_ADD, key, more=records)
    return Standing(*(found or (0, records, 1)))


def sweep_windows() -> int:
    """Forget windows that ended long ago; return how many."""
    with connection.cursor() as cursor:
        cursor.execute(_SWEEP)
        return int(cursor.rowcount)


def _ask(statement: str, key: ProviderKey, **more: int) -> tuple[int, int, int] | None:
    with connection.cursor() as cursor:
        window = settings.ACCESS.window_seconds
        values: dict[str, Any] = {"key": key.pk, "window": window, **more}
        cursor.execute(statement, values)
        found: tuple[int, int, int] | None = cursor.fetchone()
        return found

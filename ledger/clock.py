"""The one place where the house reads the time.

Doors and jobs ask ``now()`` and hand the moment on; rules and acts never ask. The demonstration
and the tests tell a story in the past or the future by ``set_to``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

_told: dict[str, datetime | None] = {"now": None}


def now() -> datetime:
    """Return the present moment (UTC, aware), or the moment the story is at."""
    return _told["now"] or datetime.now(UTC)


@contextmanager
def set_to(moment: datetime) -> Iterator[None]:
    """Hold the clock of this process at ``moment`` while the block runs."""
    before = _told["now"]
    _told["now"] = moment.astimezone(UTC)
    try:
        yield
    finally:
        _told["now"] = before


def advance(step: timedelta) -> None:
    """Move a held clock on by ``step``; only inside ``set_to``."""
    held = _told["now"]
    if held is None:
        raise RuntimeError("the clock is not held; use set_to first")
    _told["now"] = held + step

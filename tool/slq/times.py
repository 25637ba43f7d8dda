"""Read times of other systems: only an offset decides, a missing one must be declared."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from slq.outcomes import Exit, Stopped
from slq.words import Speech

_OFFSET = re.compile(r"([+-])([01][0-9]|2[0-3]):([0-5][0-9])")
_SECONDS = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Unclear(ValueError):  # noqa: N818 - says why a line cannot be converted
    """A line that says too little; carries a word of the catalogue and its values."""

    def __init__(self, word: str, **values: object) -> None:
        """Keep the word and what fills it."""
        super().__init__(word)
        self.word, self.values = word, values


def zone_of(text: str, speech: Speech) -> tzinfo | None:
    """Return a zone by its name or offset; nothing if none is declared.

    Raises:
        Stopped: there is no such zone.
    """
    if not text:
        return None
    match = _OFFSET.fullmatch(text)
    if match:
        size = timedelta(hours=int(match[2]), minutes=int(match[3]))
        return timezone(size if match[1] == "+" else -size)
    try:
        return ZoneInfo(text)
    except (ValueError, OSError, LookupError) as error:
        raise Stopped(Exit.USAGE, speech("zone_form", zone=text)) from error


def moment(text: str, zone: tzinfo | None, form: str = "") -> datetime:
    """Return the instant that a text names, in UTC.

    Args:
        form: a ``strptime`` form, ``epoch`` for seconds since 1970, empty for ISO 8601.

    Raises:
        Unclear: not a time, no offset and no zone, or a local time of a clock change.
    """
    text = text.strip()
    if form == "epoch":
        return EPOCH + timedelta(microseconds=micro_seconds(text))
    try:
        # Without an offset it stays naive on purpose: the declared zone is judged below.
        read = datetime.strptime(text, form) if form else datetime.fromisoformat(text)  # noqa: DTZ007
    except ValueError as error:
        raise Unclear("time_form", text=text) from error
    if read.tzinfo is not None:
        return read.astimezone(UTC)
    if zone is None:
        raise Unclear("needs_zone")
    return _settled(read.replace(tzinfo=zone), text)


def _settled(local: datetime, text: str) -> datetime:
    """Return a local time as an instant, if it is exactly one."""
    if local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset():
        raise Unclear("time_unclear", text=text)
    return local.astimezone(UTC)


def micro_seconds(text: str) -> int:
    """Read decimal seconds to the microsecond, never by a float."""
    try:
        if not _SECONDS.fullmatch(text):
            raise Unclear("time_form", text=text)
        return int(Decimal(text) * 1_000_000)
    except InvalidOperation as error:
        raise Unclear("time_form", text=text) from error


def stamp(at: datetime) -> str:
    """Write an instant in UTC as RFC 3339."""
    return at.isoformat().replace("+00:00", "Z")

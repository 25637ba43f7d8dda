"""What a log entry is, and its one byte form.

An entry is a JSON object in RFC 8785 canonical form. Every value is a text, a list, an object,
true, false or null: amounts, ids and times are texts, so that no reader can round them. Numbers
do not occur at all. Personal data never enters; where it must be provable, its commitment does.

Source: RFC 8785 (JSON canonicalization); C2SP tlog-tiles (entries of at most 65,535 bytes).
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from ledger.refusals import Broken

VERSION = "1"
#: C2SP tlog-tiles carries the length of an entry in two bytes.
MAX_ENTRY_BYTES = 65_535
MAX_DEPTH = 16

JOURNAL_TYPE = "ledger.journal"
KEY_TYPE = "key.introduce"
RETIRE_TYPE = "key.retire"
PROPOSE_TYPE = "key.propose"
CONTINUE_TYPE = "log.continue"
CROSS_TYPE = "checkpoint.cross"


def moment_text(moment: datetime) -> str:
    """Return a moment as text: UTC, microseconds, ``2026-10-01T00:00:00.000000Z``.

    Raises:
        Broken: the moment has no time zone.
    """
    if moment.tzinfo is None:
        raise Broken("a moment without a time zone cannot enter the log")
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def _scalar(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, datetime):
        return moment_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, float):
        raise Broken("a float cannot enter the log; use whole numbers or a Decimal")
    return str(value)


def plain(value: Any, depth: int = 0) -> Any:
    """Turn ids, times, whole numbers and enums inside a value into texts.

    Raises:
        Broken: a float, a key that is not ASCII text, or something nested too deep.
    """
    if isinstance(value, str) and not isinstance(value, Enum):
        return value
    if depth > MAX_DEPTH:
        raise Broken("an entry is nested too deep")
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) and key.isascii() for key in value):
            raise Broken("keys of an entry are ASCII texts")
        return {str(key): plain(each, depth + 1) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = [plain(each, depth + 1) for each in value]
        return sorted(items) if isinstance(value, set | frozenset) else items
    if isinstance(value, UUID | int | date | Decimal | Enum | float | None):
        return _scalar(value)
    if type(value).__module__.partition(".")[0] == "ledger":
        return str(value)
    raise Broken(f"{type(value).__name__} cannot enter the log")


_encode = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
).encode


#: The canonical form of a text alone.
text_literal = json.encoder.encode_basestring


def canonical_text(value: Any) -> str:
    """Return the canonical form of a value as text; see ``canonical``."""
    return _encode(value)


def canonical(value: Any) -> bytes:
    """Return the RFC 8785 bytes of a value made by ``plain``.

    With ASCII keys and no numbers the standard library's encoder writes exactly the canonical
    form; a property test holds it against an independent implementation.

    Raises:
        Broken: the text holds half of a surrogate pair.
    """
    try:
        return _encode(value).encode("utf-8")
    except UnicodeEncodeError as error:
        raise Broken("an entry holds text that is not valid Unicode") from error


def envelope(
    *,
    log: str,
    id: UUID,  # noqa: A002 - the word of the format
    type: str,  # noqa: A002 - the word of the format
    at: datetime,
    actor: Mapping[str, str],
    body: Mapping[str, Any],
    auth: Mapping[str, Any] | None = None,
    links: tuple[UUID | str, ...] = (),
    pii: Mapping[str, str] | None = None,
) -> bytes:
    """Return the canonical bytes of one entry with its fixed envelope.

    Args:
        log: origin of the log, so that an entry of one log is no entry of another.
        auth: approvals or a provider's request signature.
        links: earlier entries this one rests on.
        pii: salted commitments to personal data kept elsewhere.

    Raises:
        Broken: a value that may not enter, or more than 65,535 bytes.
    """
    return _within_size(
        canonical(
            {
                "v": VERSION,
                "log": log,
                "id": str(id),
                "type": type,
                "at": moment_text(at),
                "actor": dict(actor),
                "auth": plain(auth),
                "body": plain(body),
                "links": [str(each) for each in links],
                "pii": plain(pii or {}),
            }
        )
    )


def _within_size(encoded: bytes) -> bytes:
    if len(encoded) > MAX_ENTRY_BYTES:
        raise Broken("an entry is larger than 65,535 bytes; log its digest instead")
    return encoded


class Malformed(ValueError):  # noqa: N818 - the house word for bytes that are no entry
    """Bytes that are not an entry in its one form."""


ENVELOPE_KEYS = frozenset({"v", "log", "id", "type", "at", "actor", "auth", "body", "links", "pii"})


def _no_number(text: str) -> Any:
    raise Malformed(f"条目里有数字 {text[:20]}")


#: Key sets seen in their order, so that each is looked at once.
_SEEN_KEYS: set[tuple[str, ...]] = set()
_MOST_SEEN = 1_000


def _rise(keys: tuple[str, ...]) -> bool:
    if list(keys) != sorted(keys) or not "".join(keys).isascii():
        return False
    if len(_SEEN_KEYS) < _MOST_SEEN:
        _SEEN_KEYS.add(keys)
    return True


def key_count(value: Any) -> int | None:
    """Return how many keys a value holds, None where keys are not ASCII or do not rise."""
    inside, count = value, 0
    if type(value) is dict:
        keys = tuple(value)
        if keys not in _SEEN_KEYS and not _rise(keys):
            return None
        inside, count = value.values(), len(keys)
    elif type(value) is not list:
        return 0
    for each in inside:
        if type(each) is str or not each or each is True:
            continue
        more = key_count(each)
        if more is None:
            return None
        count += more
    return count


#: What stands between two texts of canonical JSON; the pieces seen are few and kept.
_BETWEEN = re.compile(rb"(?:[{}\[\],:]|true|false|null)*")
_CONTROL = re.compile(rb"[\x00-\x1f]")
_SEEN_BETWEEN: set[bytes] = set()


def _is_between(pieces: set[bytes]) -> bool:
    for each in pieces - _SEEN_BETWEEN:
        if not _BETWEEN.fullmatch(each):
            return False
        if len(_SEEN_BETWEEN) < _MOST_SEEN:
            _SEEN_BETWEEN.add(each)
    return True


def _decode_plain(encoded: bytes) -> Any:
    """Read canonical JSON without escapes and numbers, quickly; None where it may be another.

    Without escapes, blanks and numbers only the order of the keys and doubled keys are left in
    which a text could differ from its canonical form.
    """
    if b"\\" in encoded or _CONTROL.search(encoded):
        return None
    if not _is_between(set(encoded.split(b'"')[::2])):
        return None
    value = json.loads(encoded.decode("utf-8"))
    # A quote followed by a colon ends a key, and nothing else does: no text holds a quote.
    return value if key_count(value) == encoded.count(b'":') else None


def _decode_in_full(encoded: bytes) -> Any:
    value = json.loads(
        encoded.decode("utf-8"),
        parse_int=_no_number,
        parse_float=_no_number,
        parse_constant=_no_number,
    )
    if isinstance(value, dict | list) and key_count(value) is None:
        raise Malformed("键名不是按次序排列的 ASCII 文本")
    if canonical(value) != encoded:
        raise Malformed("不是规范写法")
    return value


def decode(encoded: bytes) -> dict[str, Any]:
    """Read entry bytes back, strictly: only the canonical form is an entry.

    Raises:
        Malformed: not UTF-8, not JSON, numbers, other keys, or another byte form.
    """
    if len(encoded) > MAX_ENTRY_BYTES:
        raise Malformed("超过 65,535 字节")
    try:
        value = _decode_plain(encoded)
        if value is None:
            value = _decode_in_full(encoded)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError, Broken) as error:
        raise Malformed(f"不是规范的 JSON 文本（{type(error).__name__}）") from error
    if not isinstance(value, dict) or value.keys() != ENVELOPE_KEYS:
        raise Malformed("字段不是条目应有的字段")
    return value

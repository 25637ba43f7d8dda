"""Under which words an entry of the log is found, kept beside the log for quick search.

Read from sealed entries only, behind the sealer, so that posting and sealing pay nothing. What is
kept can be thrown away and drawn again; a wrong row leads to the wrong entry, never to a wrong
proof.
"""

import json
import re
import unicodedata
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import psycopg
from django.db import connection, transaction

from ledger.bookkeeping import rows
from ledger.entries import JOURNAL_TYPE
from ledger.periods import day_of

#: Only one process at a time draws words ("refs" in ASCII).
_LOCK = 0x72656673
_CHUNK = 2_000
_SHORTEST, _LONGEST = 2, 120
_MOST_OF_AN_ENTRY = 64
_LEAF_DIGITS = 16  # enough to find a leaf hash; the leaf itself says whether it is the one
_NO_NAMES = {"number_format", "algorithm", "public_key", "vkey"}  # digits that name nothing
_MOMENT = re.compile(r"\d{4}-\d{2}(-\d{2}(t.*)?)?")
_NAMELESS = re.compile(r"[0-9.]*")  # amounts and counts are no names
_NEW = """
SELECT l.index, l.hash, e.type, e.at, e.body
FROM ledger_logleaf l JOIN ledger_logentry e ON e.seq = l.entry_id
WHERE l.index >= %s AND l.index < %s ORDER BY l.index
"""
_NEXT = "SELECT coalesce(max(index) + 1, 0) FROM ledger_entryreference"
_KEPT = "COPY ledger_entryreference (reference, index) FROM STDIN"


def plain_word(text: str) -> str:
    """Return a word as it is kept and looked for: no blanks, half width, small letters."""
    return "".join(unicodedata.normalize("NFKC", text).split()).lower()


def _is_name(word: str) -> bool:
    return (
        _SHORTEST <= len(word) <= _LONGEST
        and any(each.isdigit() for each in word)
        and not _NAMELESS.fullmatch(word)
        and not _MOMENT.fullmatch(word)
        and word.isprintable()
    )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _named(entry: dict[str, Any]) -> Iterator[str]:
    body = entry["body"]
    if entry["type"] == JOURNAL_TYPE:
        yield from _texts(body.get("refs"))
        for leg in body.get("transfers", []):
            for account in (leg["debit"], leg["credit"]):
                yield account[2]
                yield from account[2].split("/")
        return
    yield from _texts({name: each for name, each in body.items() if name not in _NO_NAMES})


def words_of(entry: dict[str, Any]) -> list[str]:
    """Return the names an entry holds: ids, business numbers, digests, entries it rests on."""
    texts = [*_texts(entry["links"]), *_named(entry)]
    words = dict.fromkeys(plain_word(each) for each in texts if len(each) <= _LONGEST)
    return [each for each in words if _is_name(each)][:_MOST_OF_AN_ENTRY]


def _kinds(kind: str, body: dict[str, Any]) -> list[str]:
    """Return the types to list by; journals are most of the log and are listed by their kind."""
    if kind == JOURNAL_TYPE:
        return [f"{JOURNAL_TYPE}/{body.get('kind', '')}"]
    return [kind, kind.partition(".")[0]]


def _references(row: tuple[Any, ...]) -> Iterator[str]:
    leaf, kind, at, raw = row[1:]
    yield f"leaf:{bytes(leaf).hex()[:_LEAF_DIGITS]}"
    yield f"day:{day_of(at).isoformat()}"
    try:
        entry = json.loads(bytes(raw))
        found = [f"ref:{each}" for each in words_of(entry)]
        kinds = _kinds(kind, entry["body"])
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        # An edited row is for ``verify_log`` to name; here it is only not found by its words.
        found, kinds = [], [kind]
    yield from (f"type:{each}"[:140] for each in kinds)
    yield from found


def catch_up(most: int = 100_000) -> int:
    """Draw the words of entries sealed since the last time; return how many entries.

    Args:
        most: leave the rest for the next time.
    Writes: one row per word and entry.
    """
    done = 0
    while done < most:
        with transaction.atomic():
            if not rows("SELECT pg_try_advisory_xact_lock(%s)", _LOCK)[0][0]:
                return done
            begin = rows(_NEXT)[0][0]
            found = rows(_NEW, begin, begin + min(_CHUNK, most - done))
            if not found:
                return done
            with psycopg.Cursor(connection.connection) as cursor, cursor.copy(_KEPT) as copy:
                for row in found:
                    for word in dict.fromkeys(_references(row)):
                        copy.write_row((word, row[0]))
        done += len(found)
    return done


_BOUNDS = """
SELECT min(low), max(high) + 1 FROM generate_series(%s::date, %s::date, interval '1 day') AS day,
LATERAL (
    SELECT min(index) AS low, max(index) AS high FROM ledger_entryreference
    WHERE reference = 'day:' || to_char(day, 'YYYY-MM-DD')
) found
"""
_TYPES = """
WITH RECURSIVE known AS (
    (SELECT reference FROM ledger_entryreference
        WHERE reference >= 'type:' AND reference < 'type;' ORDER BY reference LIMIT 1)
    UNION ALL
    SELECT (SELECT r.reference FROM ledger_entryreference r
        WHERE r.reference > known.reference AND r.reference < 'type;'
        ORDER BY r.reference LIMIT 1)
    FROM known WHERE known.reference IS NOT NULL
)
SELECT substr(reference, 6) FROM known WHERE reference IS NOT NULL
"""


_DAYS = """
SELECT substr(min(reference), 5), substr(max(reference), 5) FROM ledger_entryreference
WHERE reference >= 'day:' AND reference < 'day;'
"""
_NEAR = """
(SELECT index FROM ledger_entryreference WHERE reference = %s AND index < %s
    ORDER BY index DESC LIMIT %s)
UNION ALL
(SELECT index FROM ledger_entryreference WHERE reference = %s AND index > %s
    ORDER BY index LIMIT %s)
"""
_LONGEST_RANGE = timedelta(days=366 * 3)


def bounds_of_days(since: date | None, until: date | None) -> tuple[int, int] | None:
    """Return between which indices the entries of some Shanghai days lie (end exclusive).

    Returns:
        None when the range is too long to be worth narrowing.
    """
    first, last = rows(_DAYS)[0]
    if first is None:
        return 0, 0
    begin = max(since or date.min, date.fromisoformat(first))
    end = min(until or date.max, date.fromisoformat(last))
    if end - begin > _LONGEST_RANGE:
        return None
    low, high = rows(_BOUNDS, begin, end)[0]
    return (low, high) if low is not None else (0, 0)


def places_near(reference: str, index: int, most: int) -> list[int]:
    """Return the entries that bear a reference nearest before and after a place."""
    found = rows(_NEAR, reference, index, most, reference, index, most)
    return sorted(place for (place,) in found)


def known_types() -> list[str]:
    """Return the types of sealed entries, ``room`` and ``ledger.journal/kind`` among them."""
    return [name for (name,) in rows(_TYPES)]


def place_of_leaf(leaf: str) -> int | None:
    """Return where the leaf with a hash (hexadecimal) lies."""
    found = rows(
        "SELECT l.index FROM ledger_entryreference r JOIN ledger_logleaf l ON l.index = r.index"
        " WHERE r.reference = %s AND l.hash = decode(%s, 'hex') LIMIT 1",
        f"leaf:{leaf[:_LEAF_DIGITS]}",
        leaf,
    )
    return found[0][0] if found else None


def places_of(reference: str, most: int = 2) -> list[int]:
    """Return the newest entries that bear a reference."""
    found = rows(
        "SELECT index FROM ledger_entryreference WHERE reference = %s"
        " ORDER BY index DESC LIMIT %s", reference, most,
    )  # fmt: skip
    return [index for (index,) in found]


def behind() -> int:
    """Return how many sealed entries wait to be found."""
    sealed = rows("SELECT coalesce(max(index) + 1, 0) FROM ledger_logleaf")[0][0]
    return int(sealed - rows(_NEXT)[0][0])

"""Lists of values in the form in which PostgreSQL takes a whole array at once.

A driver that adapts value by value spends more time on a large posting than the database does;
here a column of ten thousand values is a few calls.

Source: PostgreSQL, binary format of arrays (``array_recv``) and of the types in them.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from struct import pack
from typing import NamedTuple
from uuid import UUID

from ledger.refusals import Broken

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NULL = b"\xff\xff\xff\xff"
_OF_UUID = b"\x00\x00\x00\x10"


class Column(NamedTuple):
    """One array: the object id of its type, and its bytes."""

    oid: int
    content: bytes


class _Cells(dict[str, bytes]):
    """Texts as they stand in an array; those that come again are encoded once."""

    def __missing__(self, text: str) -> bytes:
        encoded = text.encode("utf-8")
        cell = self[text] = len(encoded).to_bytes(4, "big") + encoded
        return cell


class _Moments(dict[datetime | None, bytes]):
    """Moments as they stand in an array: microseconds since the year 2000."""

    def __init__(self) -> None:
        super().__init__({None: _NULL})

    def __missing__(self, moment: datetime) -> bytes:
        if moment.tzinfo is None:
            raise Broken("a moment without a time zone cannot be booked")
        cell = self[moment] = pack(">iq", 8, (moment - _EPOCH) // _MICROSECOND)
        return cell


def _column(oid: int, element: int, count: int, cells: Iterable[bytes]) -> Column:
    # One dimension, NULL may occur, the type of the elements, how many, counted from 1.
    head = pack(">iiIii", 1, 1, element, count, 1) if count else pack(">iiI", 0, 0, element)
    return Column(oid, head + b"".join(cells))


def texts(values: Sequence[str]) -> Column:
    """Return ``text[]``."""
    return _column(1009, 25, len(values), map(_Cells().__getitem__, values))


def moments(values: Sequence[datetime | None]) -> Column:
    """Return ``timestamptz[]``."""
    return _column(1185, 1184, len(values), map(_Moments().__getitem__, values))


def uuids(values: Sequence[UUID | None]) -> Column:
    """Return ``uuid[]``."""
    cells = [_OF_UUID + each.int.to_bytes(16, "big") if each else _NULL for each in values]
    return _column(2951, 2950, len(values), cells)


def _whole(oid: int, element: int, size: int, values: Sequence[int]) -> Column:
    sign = {2: "h", 4: "i", 8: "q"}[size]
    flat = [size] * (2 * len(values))
    flat[1::2] = values
    return _column(oid, element, len(values), (pack(">" + f"i{sign}" * len(values), *flat),))


def smallints(values: Sequence[int]) -> Column:
    """Return ``smallint[]``."""
    return _whole(1005, 21, 2, values)


def integers(values: Sequence[int]) -> Column:
    """Return ``integer[]``."""
    return _whole(1007, 23, 4, values)


def bigints(values: Sequence[int]) -> Column:
    """Return ``bigint[]``."""
    return _whole(1016, 20, 8, values)

"""What must hold when any bytes at all are decoded; each target takes bytes and asserts it.

A target fails by any exception but the refusal it expects. Knows no Django and no database.
"""

import io
from collections.abc import Callable

from providers.batches import read_batch
from providers.columns import read_pieces
from providers.plain import unpacked
from providers.problems import CATALOGUE
from providers.records import BadRow, Row
from providers.wire import CLOUDEVENTS, CSV, JSON, NDJSON, PARQUET, BadBatch

Outcome = tuple[str, int] | list[Row | BadRow]


def by_rows(body: bytes, kind: str, encoding: str = "") -> Outcome:
    """Return every row, or why and where the body is refused."""
    try:
        with unpacked(io.BytesIO(body), kind, encoding) as (plain, text):
            return list(read_batch(plain, text))
    except BadBatch as bad:
        return bad.code, bad.row


def insist(outcome: Outcome) -> None:
    """Hold an outcome to the rules: known codes, rows numbered without a gap, plain values."""
    if isinstance(outcome, tuple):
        assert outcome[0] in CATALOGUE, outcome
        return
    assert [row.row for row in outcome] == list(range(1, len(outcome) + 1))
    for row in outcome:
        if isinstance(row, BadRow):
            assert row.faults
            for fault in row.faults:
                assert fault.code in CATALOGUE
                assert fault.row == row.row
                assert fault.detail
                assert fault.hint
                assert fault.value.isprintable()
            assert all(value.isprintable() for value in row.given.values())
        else:
            assert 0 <= row.device_count <= 1_000_000
            assert row.ended_at is None or row.ended_at >= row.started_at
            assert len(row.digest) == 32


def rows_of(kind: str, encoding: str = "") -> Callable[[bytes], None]:
    """Return the target that decodes row by row."""

    def target(body: bytes) -> None:
        insist(by_rows(body, kind, encoding))

    return target


def by_columns(body: bytes, kind: str) -> tuple[str, int] | tuple[int, list[Row | BadRow]]:
    """Return how many rows there are and which were read alone, or why not."""
    rows, alone = 0, []
    try:
        for piece in read_pieces(io.BytesIO(body), kind, piece=200, small=0):
            rows += piece.rows
            alone += piece.one_by_one
    except BadBatch as bad:
        return bad.code, bad.row
    return rows, alone


def both_ways(kind: str) -> Callable[[bytes], None]:
    """Return the target that decodes row by row and by columns, to the same rows."""

    def target(body: bytes) -> None:
        expected = by_rows(body, kind)
        insist(expected)
        found = by_columns(body, kind)
        if isinstance(expected, tuple) or isinstance(found[0], str):
            assert found == expected
            return
        rows, alone = found
        assert rows == len(expected)
        known = {row.row: row for row in expected}
        assert all(known[row.row] == row for row in alone)
        in_columns = known.keys() - {row.row for row in alone}
        assert all(isinstance(known[number], Row) for number in in_columns)

    return target


TARGETS: dict[str, Callable[[bytes], None]] = {
    "json": rows_of(JSON),
    "ndjson": rows_of(NDJSON),
    "csv": rows_of(CSV),
    "events": rows_of(CLOUDEVENTS),
    "gzip": rows_of(NDJSON, "gzip"),
    "parquet": rows_of(PARQUET),
    "json-columns": both_ways(JSON),
    "ndjson-columns": both_ways(NDJSON),
    "csv-columns": both_ways(CSV),
}

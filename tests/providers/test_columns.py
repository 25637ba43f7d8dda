"""Reading by columns tells exactly what reading row by row tells, whatever comes.

The row reader is the judge: the same bodies go through both, in pieces small enough that records,
lines and quotes fall on their borders.
"""

import csv
import gzip
import io
import json
import tarfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ledger.periods import month_of
from providers.batches import CSV, NDJSON, BadBatch, read_batch
from providers.columns import Piece, ahead, read_pieces
from providers.measures import whole_seconds
from providers.records import FIELDS, BadRow, Row
from tests.providers.test_records import as_csv, honest_records

INPUTS = Path(settings.SHARED_DATA_DIR) / "inputs"
# A database is opened for every example, and its statement made: some tenths of a second.
unhurried = hypothesis_settings(deadline=None, max_examples=25)
needs_inputs = pytest.mark.skipif(
    not INPUTS.exists(), reason="the shared inputs are absent (SHARED_DATA_DIR)"
)
HEADER = ("record_id", "order_no", "device_model", "device_count", "started_at", "ended_at")
HONEST = ("r-1", "o-1", "a100", "8", "2026-10-03T00:00:00+08:00", "2026-10-03T01:00:00+08:00")
IDS = ["r-1", "R:2/x", "", " ", "x" * 128, "x" * 129, "记录", "a\tb", "no good", "r-1\x00"]
TIMES = [
    "2026-10-03T00:00:00+08:00", "2026-10-02T16:00:00Z", "2026-10-03T00:00:00.5Z", "",
    "2026-10-03T00:00:00.000000-11:30", "2026-10-03T00:00:00.1234567Z", "2026-02-29T00:00:00Z",
    "2028-02-29T23:59:59Z", "2026-10-31T15:59:59.999999Z", "2026-10-31T16:00:00Z",
    "2026-11-30T23:59:60Z", "2026-10-03T24:00:00Z", "2026-10-03T00:00:00-00:00",
    "1999-12-31T23:00:00Z",
    "2000-01-01T00:00:00+23:59", "2099-12-31T23:59:59-23:59", "2026-10-03 00:00:00Z",
    "2026-10-03T00:00:00",
    "0000-01-01T00:00:00Z", "２026-10-03T00:00:00Z", "1988-06-01T00:00:00Z",
]  # fmt: skip
COUNTS = [
    "0",
    "1",
    "8",
    "1000000",
    "1000001",
    "-1",
    "-0",
    "01",
    "1.0",
    "1e3",
    "",
    " 1",
    "９",
    "999",
]
TEXTS = [
    "a100", "昇腾910B", "", " ", "a\\b", "e\u0301", "é", "x" * 64, "x" * 65, "字" * 129, "a\u202eb",
    'say "x"', "a,b", "two\nlines", "（全）", "\\N", "\ufeffx", "'; --", "\U0001f600", "ﬁ",
]  # fmt: skip
DECIMALS = [
    "0",
    "1.5",
    "100",
    "100.0",
    "100.1",
    "00",
    "1.",
    ".5",
    "1e3",
    "-1",
    "1" * 16,
    "0.1234567891",
]
CELLS: dict[str, list[str]] = {
    "record_id": IDS, "order_no": IDS, "device_model": TEXTS, "device_count": COUNTS,
    "started_at": TIMES, "ended_at": TIMES, "share_milli": COUNTS, "basis": ["allocated", "", "x"],
    "job_state": ["failed", "", "FAILED"], "job_ref": TEXTS, "utilisation_pct": DECIMALS,
    "energy_kwh": DECIMALS, "device_seconds": DECIMALS, "corrects": IDS, "reason": TEXTS,
}  # fmt: skip


def from_copy(line: str) -> Row:
    """Read a line of COPY back, making sure of the month and the use in it."""
    cells: list[Any] = [
        None if cell == "\\N" else cell.replace("\\\\", "\\") for cell in line.split("\t")
    ]
    *cells, digest, month, use = cells
    for place in (0, 4, 5):
        cells[place] = int(cells[place])
    for place in (6, 7):
        cells[place] = datetime.fromisoformat(cells[place]) if cells[place] else None
    row = Row(*[cell or "" if at > 7 else cell for at, cell in enumerate(cells)],
              digest=bytes.fromhex(digest.removeprefix("\\x")))  # fmt: skip
    assert month == str(month_of(row.started_at))
    seconds = whole_seconds(row.started_at, row.ended_at or row.started_at)
    assert int(use) == row.device_count * row.share_milli * seconds
    return row


def rows_of(piece: Piece) -> list[Row | BadRow]:
    """Return the rows of a piece in their order."""
    quick = [from_copy(line) for line in piece.copy_text.split("\n")[:-1]]
    assert piece.corrections == sum(bool(row.corrects) for row in quick)
    rows = sorted([*quick, *piece.one_by_one], key=lambda row: row.row)
    assert len(rows) == piece.rows
    return rows


def told(body: bytes, kind: str, size: int | None) -> object:
    """Return every row, or why the body cannot be read; row by row without a size."""
    try:
        if size is None:
            return list(read_batch(io.BytesIO(body), kind))
        pieces = ahead(read_pieces(io.BytesIO(body), kind, piece=size, small=0))
        return [row for piece in pieces for row in rows_of(piece)]
    except BadBatch as bad:
        return bad.code, bad.row, bad.column, bad.value


def assert_same(body: bytes, kind: str, size: int = 1_500) -> None:
    """Read both ways."""
    assert told(body, kind, size) == told(body, kind, None)


def record_of(draw: st.DrawFn) -> dict[str, str]:
    """Return an honest record with up to three cells of another kind."""
    record = dict(zip(HEADER, HONEST, strict=True))
    for name in draw(st.lists(st.sampled_from(FIELDS), max_size=3)):
        record[name] = draw(st.sampled_from(CELLS[name]))
    return record


@st.composite
def csv_bodies(draw) -> bytes:
    """Return CSV whose cells, quotes and line ends are of every kind."""
    out = io.StringIO()
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]))
    header = draw(st.permutations(FIELDS)) + draw(st.sampled_from([[], ["error_hint"]]))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    out.write(",".join(header) + end)
    writer = csv.DictWriter(out, header, quoting=quoting, lineterminator=end)
    strange = st.sampled_from(
        [
            "",
            "\n",
            "\r",
            ",,,\n",
            '""\n',
            'a"b,"c\n',
            '"open',
            "x\r\n",
            "\x00\n",
            '"a"b\n',
            ' "a"\n',
        ]
    )
    for _ in range(draw(st.integers(1, 25))):
        writer.writerow(record_of(draw))
        if draw(st.integers(0, 15)) == 0:
            out.write(draw(strange))
    return out.getvalue().encode()


@unhurried
@given(body=csv_bodies())
def test_csv_of_every_kind_reads_the_same_both_ways(body):
    assert_same(body, CSV)


@st.composite
def json_lines(draw) -> bytes:
    """Return NDJSON whose values, keys, spaces and line ends are of every kind."""
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,", " : ")]))
    ascii_only = draw(st.booleans())
    lines = []
    for _ in range(draw(st.integers(1, 25))):
        record: dict[str, Any] = dict(record_of(draw))
        for name in ("device_count", "share_milli", "energy_kwh"):
            if record.get(name, "").isdecimal() and draw(st.integers(0, 5)):
                record[name] = int(record[name])
        line = json.dumps(record, ensure_ascii=ascii_only, separators=separators)
        change = draw(st.sampled_from([("", "")] * 6 + [
            ("8", "8.0"), ("8", "-0"), ("}", ',"order_no":"o-1"}'),
            ("record_id", "record\\u005fid"),
            ("{", "{ "), ("a100", "a\\n"), ("}", "}}"), ("{", '{"x":null,'), ('"a100"', "[]"),
            ("a100", "a\x00"), ("}", "}\t "), ("8", "08"), ('"a100"', "null"),
        ]))  # fmt: skip
        lines.append(line.replace(*change) if change[0] else line)
    return draw(st.sampled_from(["\n", "\r\n", "\n \n", "\n\x0c\n"])).join(lines).encode()


@unhurried
@given(body=json_lines())
def test_ndjson_of_every_kind_reads_the_same_both_ways(body):
    assert_same(body, NDJSON)


@unhurried
@given(records=st.lists(honest_records(), min_size=1, max_size=8))
def test_honest_records_have_the_same_digest_both_ways(records):
    assert_same(as_csv(records), CSV)
    lines = "\n".join(json.dumps(each, ensure_ascii=False) for each in records)
    assert_same(lines.encode(), NDJSON)


@unhurried
@given(body=st.binary(max_size=200), kind=st.sampled_from([CSV, NDJSON]))
def test_any_bytes_come_to_the_same_both_ways(body, kind):
    assert_same(body, kind, 20)
    assert_same(",".join(HEADER).encode() + b"\n" + body, kind, 20)


@needs_inputs
def test_the_json_test_suite_comes_to_the_same_both_ways():
    honest = json.dumps(dict(zip(HEADER, HONEST, strict=True)) | {"device_count": 8}).encode()
    with tarfile.open(INPUTS / "json_test_suite.tar.gz") as archive:
        cases = [archive.extractfile(each).read() for each in archive if each.isfile()]  # type: ignore[union-attr]
    assert len(cases) > 300
    for case in cases:
        if len(case) < 10_000:
            assert_same(b"\n".join([honest, case, honest]), NDJSON)


@needs_inputs
def test_the_csv_spectrum_comes_to_the_same_both_ways():
    head = ",".join(HEADER).encode() + b"\n" + ",".join(HONEST).encode() + b"\n"
    with tarfile.open(INPUTS / "csv_spectrum.tar.gz") as archive:
        cases = [archive.extractfile(each).read() for each in archive if each.isfile()]  # type: ignore[union-attr]
    assert len(cases) > 10
    for case in cases:
        assert_same(case, CSV)
        assert_same(head + case, CSV)


@needs_inputs
def test_naughty_strings_come_to_the_same_both_ways():
    strings = gzip.decompress((INPUTS / "blns.txt.gz").read_bytes()).decode().split("\n")
    records = [
        dict(zip(HEADER, HONEST, strict=True))
        | {"device_model": each, "corrects": "r-0", "reason": each}
        for each in strings
    ]  # fmt: skip
    assert_same(as_csv(records), CSV, 5_000)
    lines = "\n".join(
        json.dumps(each | {"device_count": 8}, ensure_ascii=False) for each in records
    )
    assert_same(lines.encode(), NDJSON, 5_000)


@pytest.mark.parametrize("kind", [CSV, NDJSON])
def test_plain_records_go_by_columns(kind):
    record = dict(zip(HEADER, HONEST, strict=True))
    body = as_csv([record] * 50)
    if kind == NDJSON:
        body = (json.dumps(record | {"device_count": 8}) + "\n").encode() * 50
    pieces = list(read_pieces(io.BytesIO(body), kind, small=0))
    assert [(piece.rows, len(piece.one_by_one)) for piece in pieces] == [(50, 0)]
    by_rows = list(read_pieces(io.BytesIO(body), kind))
    assert [(piece.rows, len(piece.one_by_one)) for piece in by_rows] == [(50, 50)]


def test_lines_of_several_forms_go_by_columns():
    record = dict(zip(HEADER, HONEST, strict=True)) | {"device_count": 8}
    open_one = {name: record[name] for name in HEADER[:-1]}
    more = record | {"share_milli": 500, "job_state": "failed"}
    lines = [json.dumps(each) + "\n" for each in (record, open_one, more)]
    body = "".join(lines * 20).encode()
    [piece] = read_pieces(io.BytesIO(body), NDJSON, small=0)
    assert (piece.rows, piece.one_by_one) == (60, [])
    assert rows_of(piece) == list(read_batch(io.BytesIO(body), NDJSON))


def test_a_multibyte_letter_on_a_border_is_one_letter_and_a_broken_one_is_found():
    head = ",".join(HEADER) + "\n"
    line = ",".join(HONEST).replace("a100", "昇腾") + "\n"
    body = (head + line * 50_000).encode()
    assert len(body) > 3 << 20
    assert sum(piece.rows for piece in read_pieces(io.BytesIO(body), CSV)) == 50_000
    spoilt = body[: 2 << 20] + b"\xff" + body[2 << 20 :]
    where = body.count(b"\n", 0, 2 << 20) + 1
    assert told(spoilt, CSV, 1 << 20) == ("encoding", where, "", "unknown")

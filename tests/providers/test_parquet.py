"""Parquet is read like any other form, and no Parquet file harms the house.

The files are made by the engine itself, and then spoilt.
"""

import io
from pathlib import Path

import duckdb
import pytest

from providers import parquet, parquet_child
from providers.batches import read_batch
from providers.columns import read_pieces
from providers.parquet import declared_rows, rows_as_csv
from providers.plain import unpacked
from providers.problems import CATALOGUE
from providers.records import FIELDS, REQUIRED, BadRow, Row
from providers.wire import CSV, MOST_ROWS, PARQUET, BadBatch

HONEST = (
    "'r-' || i AS record_id, 'o-1' AS order_no, 'a100' AS device_model, 8 AS device_count,"
    " TIMESTAMPTZ '2026-10-03 00:00:00+08' AS started_at"
)


def made(folder: Path, select: str, rows: int = 3, options: str = "") -> bytes:
    """Return a Parquet file of some rows; ``i`` counts them."""
    path = folder / "made.parquet"
    with duckdb.connect() as database:
        database.execute(
            f"COPY (SELECT {select} FROM range({rows}) t(i)) TO '{path}' (FORMAT parquet{options})"
        )
    return path.read_bytes()


def read(raw: bytes) -> list[Row | BadRow]:
    with unpacked(io.BytesIO(raw), PARQUET, "") as (plain, kind):
        assert kind == CSV
        return list(read_batch(plain, kind))


def code_of(raw: bytes) -> tuple[str, str]:
    """Return the code and the column with which a file is refused, both times it is looked at."""
    with pytest.raises(BadBatch) as refused, rows_as_csv(io.BytesIO(raw)):
        pass
    bad = refused.value
    assert bad.code in CATALOGUE
    assert "/" not in bad.value, "a place of this machine is told"
    return bad.code, bad.column


def test_a_file_reads_as_the_same_records_in_csv(tmp_path):
    select = HONEST + (
        ", TIMESTAMPTZ '2026-10-03 01:00:00.25+08' AS ended_at, 500 AS share_milli,"
        " CASE WHEN i % 2 = 0 THEN '说明，\"引号\"' END AS reason, '85.5' AS utilisation_pct"
    )
    rows = read(made(tmp_path, select))
    table = "\n".join([
        "record_id,order_no,device_model,device_count,started_at,ended_at,share_milli,reason,"
        "utilisation_pct",
        'r-0,o-1,a100,8,2026-10-03T00:00:00+08:00,2026-10-02T17:00:00.250Z,500,'
        '"说明，""引号""",85.5',
        "r-1,o-1,a100,8,2026-10-03T00:00:00+08:00,2026-10-02T17:00:00.25Z,500,,85.5",
        'r-2,o-1,a100,8,2026-10-02T16:00:00Z,2026-10-02T17:00:00.25Z,500,"说明，""引号""",85.5',
    ])  # fmt: skip
    assert rows == list(read_batch(io.BytesIO(table.encode()), CSV))
    assert all(isinstance(each, Row) for each in rows)


def test_a_large_file_goes_by_columns(tmp_path):
    raw = made(tmp_path, HONEST, rows=20_000)
    with unpacked(io.BytesIO(raw), PARQUET, "") as (plain, kind):
        pieces = list(read_pieces(plain, kind))
    assert sum(piece.rows for piece in pieces) == 20_000
    assert not any(piece.one_by_one for piece in pieces)


@pytest.mark.parametrize(
    "packing", ["uncompressed", "snappy", "gzip", "zstd", "brotli", "lz4", "lz4_raw"]
)
def test_every_packing_in_use_is_read(tmp_path, packing):
    rows = read(made(tmp_path, HONEST, options=f", COMPRESSION {packing}"))
    assert [each.record_id for each in rows] == ["r-0", "r-1", "r-2"]


def test_times_as_text_and_whole_numbers_of_every_width_are_read(tmp_path):
    for kind in ("TINYINT", "UINTEGER", "BIGINT", "UBIGINT"):
        select = HONEST.replace("8 AS", f"8::{kind} AS").replace("TIMESTAMPTZ ", "")
        select = select.replace("2026-10-03 00:00:00+08", "2026-10-03T00:00:00+08:00")
        assert all(isinstance(each, Row) for each in read(made(tmp_path, select)))


def test_nulls_in_required_columns_are_faults_of_their_rows_and_none_is_passed_over(tmp_path):
    nothing = "NULL::VARCHAR AS record_id, NULL::VARCHAR AS order_no, NULL::VARCHAR AS" \
        " device_model, NULL::INT AS device_count, NULL::TIMESTAMPTZ AS started_at"  # fmt: skip
    rows = read(made(tmp_path, nothing))
    assert [each.row for each in rows] == [1, 2, 3]
    assert all(isinstance(each, BadRow) for each in rows)
    some = read(made(tmp_path, HONEST.replace("'o-1'", "CASE WHEN i = 1 THEN NULL ELSE 'o' END")))
    (bad,) = (each for each in some if isinstance(each, BadRow))
    assert [(fault.row, fault.column, fault.code) for fault in bad.faults] == [
        (2, "order_no", "missing_field")
    ]


@pytest.mark.parametrize(
    ("select", "code", "column"),
    [
        (HONEST.replace("8 AS", "8.5::DOUBLE AS"), "parquet_schema", "device_count"),
        (HONEST.replace("8 AS", "8::FLOAT AS"), "parquet_schema", "device_count"),
        (HONEST.replace("8 AS", "'8' AS"), "parquet_schema", "device_count"),
        (HONEST + ", 1.5::DECIMAL(38,10) AS energy_kwh", "parquet_schema", "energy_kwh"),
        (HONEST + ", TIMESTAMP '2026-10-03 01:00:00' AS ended_at", "parquet_schema", "ended_at"),
        (HONEST + ", TIMESTAMP_NS '2026-10-03 01:00:00' AS ended_at", "parquet_schema",
         "ended_at"),
        (HONEST + ", DATE '2026-10-03' AS ended_at", "parquet_schema", "ended_at"),
        (HONEST + ", [1, 2] AS reason", "parquet_schema", "reason"),
        (HONEST + ", {'a': 1} AS reason", "parquet_schema", "reason"),
        (HONEST + ", MAP {'a': 'b'} AS reason", "parquet_schema", "reason"),
        (HONEST + ", 'x'::BLOB AS reason", "parquet_schema", "reason"),
        (HONEST + ", true AS reason", "parquet_schema", "reason"),
        (HONEST + ", 'x' AS amount", "header_unknown", "amount"),
        (HONEST.replace("record_id", "Record_ID"), "header_unknown", "Record_ID"),
        (HONEST.replace("'o-1' AS order_no,", ""), "header_missing", "order_no"),
    ],
)  # fmt: skip
def test_columns_that_are_no_records_are_refused_by_name(tmp_path, select, code, column):
    assert code_of(made(tmp_path, select)) == (code, column)


def test_a_crowd_is_refused_by_the_footer_before_any_row(tmp_path):
    raw = made(tmp_path, "'x' AS whatever", rows=MOST_ROWS + 1)
    assert code_of(raw) == ("too_many_records", "")
    with pytest.raises(BadBatch, match="too_many_records"):
        declared_rows(io.BytesIO(raw))
    assert declared_rows(io.BytesIO(made(tmp_path, HONEST, rows=7))) == 7


def test_a_dictionary_that_unfolds_beyond_all_limits_is_stopped(tmp_path):
    select = HONEST + ", repeat('x', 10000) AS reason"
    raw = made(tmp_path, select, rows=400_000, options=", COMPRESSION zstd")
    assert len(raw) < 1 << 20
    assert code_of(raw) == ("too_large", "")


def test_a_page_that_unfolds_beyond_the_memory_is_stopped(tmp_path):
    select = HONEST + ", repeat('x', 300000000) AS reason"
    raw = made(tmp_path, select, rows=1, options=", COMPRESSION zstd")
    assert len(raw) < 1 << 16
    assert code_of(raw) == ("parquet_budget", "")


def test_a_child_that_overruns_its_time_is_killed_and_told_so(tmp_path, monkeypatch):
    raw = made(tmp_path, HONEST, rows=200_000)
    monkeypatch.setattr(parquet, "SECONDS", 0)
    assert code_of(raw) == ("parquet_budget", "")


@pytest.mark.parametrize(
    ("spoilt", "code"),
    [
        (lambda raw: b"", "malformed_parquet"),
        (lambda raw: raw[:11], "malformed_parquet"),
        (lambda raw: raw[:-20], "malformed_parquet"),
        (lambda raw: raw[4:], "malformed_parquet"),
        (lambda raw: raw[:-4] + b"PARE", "malformed_parquet"),
        (lambda raw: raw[:-8] + (2**31).to_bytes(4, "little") + b"PAR1", "malformed_parquet"),
        (lambda raw: raw[:-8] + bytes(4) + b"PAR1", "malformed_parquet"),
        (lambda raw: b"PAR1" + b"\x8f" * 900 + (900).to_bytes(4, "little") + b"PAR1",
         "malformed_parquet"),
        (lambda raw: b"PK\x03\x04" + raw, "malformed_parquet"),
        (lambda raw: b"ARROW1\x00\x00" + raw, "malformed_parquet"),
        (lambda raw: raw.replace(b"r-1", b"r\xff1"), "encoding"),
        (lambda raw: raw[:-8] + bytes(5 << 20) + (5 << 20).to_bytes(4, "little") + b"PAR1",
         "too_large"),
    ],
)  # fmt: skip
def test_what_is_no_whole_parquet_file_is_refused(tmp_path, spoilt, code):
    raw = spoilt(made(tmp_path, HONEST, options=", COMPRESSION uncompressed"))
    assert code_of(raw) == (code, "")


def test_long_notes_beside_the_rows_are_refused_and_short_ones_passed_over(tmp_path):
    notes = ", KV_METADATA {pandas: repeat('x', %d)}"
    assert code_of(made(tmp_path, HONEST, options=notes % 2_000_000)) == ("too_large", "")
    assert len(read(made(tmp_path, HONEST, options=notes % 2_000))) == 3


def test_many_small_row_groups_are_refused(tmp_path):
    path = tmp_path / "made.parquet"
    made(tmp_path, HONEST, rows=10_000, options=", ROW_GROUP_SIZE 2048")
    limits = {"rows": 10_000, "groups": 4, "notes": 0}
    with duckdb.connect() as database, pytest.raises(parquet_child.Unfit, match="parquet_layout"):
        parquet_child.check_size(database, str(path), limits)


def test_the_child_reaches_no_other_file(tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("secret")
    database = parquet_child.open_database([str(tmp_path / "made.parquet")], 1 << 30)
    with pytest.raises(duckdb.Error, match="disabled"):
        database.execute(f"SELECT * FROM read_csv('{other}')")
    with pytest.raises(duckdb.Error, match="locked"):
        database.execute("SET enable_external_access = true")


def test_every_field_has_its_kinds():
    assert set(parquet_child.KINDS) <= set(FIELDS)
    assert set(REQUIRED) <= set(FIELDS)

"""Public lists of nasty inputs through every decoder: the same value back, or a code; no crash.

JSONTestSuite (what is JSON and what is not), csv-spectrum (what CSV can mean), the big list of
naughty strings (what people type).
"""

import csv
import gzip
import io
import json
import tarfile
import unicodedata
from functools import cache
from pathlib import Path

import duckdb
import pytest
from django.conf import settings

from providers.batches import read_batch, read_csv_rows
from providers.plain import unpacked
from providers.problems import CATALOGUE
from providers.records import FIELDS, BadRow, Row, shown
from providers.wire import CLOUDEVENTS, CSV, JSON, NDJSON, PARQUET, BadBatch
from tests.providers.test_records import HONEST

INPUTS = Path(settings.SHARED_DATA_DIR) / "inputs"
pytestmark = pytest.mark.skipif(
    not INPUTS.exists(), reason="the shared inputs are absent (SHARED_DATA_DIR)"
)
NOT_JSON = {"malformed_json", "malformed_record", "encoding", "too_deep", "line_too_long"}


@cache
def archive(name: str) -> dict[str, bytes]:
    with tarfile.open(INPUTS / name) as files:
        return {
            Path(each.name).name: files.extractfile(each).read() for each in files if each.isfile()
        }


def codes(body: bytes, kind: str) -> list[str]:
    """Return every code a body comes to; "accepted" for each good record."""
    try:
        with unpacked(io.BytesIO(body), kind, "") as (plain, text):
            rows = list(read_batch(plain, text))
    except BadBatch as bad:
        return [bad.code]
    return [
        fault.code
        for row in rows
        for fault in (row.faults if isinstance(row, BadRow) else (Accepted,))
    ]


class Accepted:
    code = "accepted"


def in_form(kind: str, text: bytes) -> bytes:
    """Put a JSON text where a record, or the value of a record, stands."""
    if kind == JSON:
        return b'{"records":[' + text + b"]}"
    if kind == CLOUDEVENTS:
        head = b'[{"specversion":"1.0","id":"e","source":"s","type":"t","data":'
        return head + text + b"}]"
    return text


@pytest.mark.parametrize("kind", [JSON, NDJSON, CLOUDEVENTS])
def test_what_is_json_is_never_called_unreadable(kind):
    cases = {n: c for n, c in archive("json_test_suite.tar.gz").items() if n.startswith("y_")}
    assert len(cases) > 90
    for name, case in cases.items():
        lines = case.strip().count(b"\n") and kind == NDJSON
        found = codes(in_form(kind, case), kind)
        assert found, name
        assert "accepted" not in found, name
        if not lines:
            assert not NOT_JSON & set(found), (name, found)


@pytest.mark.parametrize("kind", [JSON, NDJSON, CLOUDEVENTS])
def test_what_is_no_json_is_refused_as_such(kind):
    cases = {n: c for n, c in archive("json_test_suite.tar.gz").items() if n.startswith("n_")}
    assert len(cases) > 180
    for name, case in cases.items():
        found = set(codes(in_form(kind, case), kind))
        assert "accepted" not in found, name
        assert found <= set(CATALOGUE), name
        if case.strip() and kind != NDJSON:
            assert found & (NOT_JSON | {"number_format"}), (name, found)


@pytest.mark.parametrize("kind", [JSON, NDJSON, CLOUDEVENTS, CSV, PARQUET])
def test_no_case_of_the_json_suite_breaks_any_decoder(kind):
    cases = archive("json_test_suite.tar.gz")
    if kind == PARQUET:  # each needs a process of its own
        cases = {name: case for name, case in cases.items() if name.startswith("i_structure")}
    for name, case in cases.items():
        found = set(codes(case, kind))
        assert found <= set(CATALOGUE), (name, found)


def test_every_case_of_csv_spectrum_means_what_its_json_says():
    cases = archive("csv_spectrum.tar.gz")
    tables = {name: case for name, case in cases.items() if name.endswith(".csv")}
    assert len(tables) >= 10
    for name, case in tables.items():
        assert set(codes(case, CSV)) <= {"header_unknown", "malformed_csv"}, name
        if name == "location_coordinates.csv":
            continue  # a slip of the list: its JSON names another number than its table
        file = io.BytesIO(case)
        columns = file.readline().decode().strip("\r\n").split(",")
        names = FIELDS[: len(columns)]
        meant = json.loads(cases[name.replace(".csv", ".json")])
        records = meant if isinstance(meant, list) else [meant]
        rows = list(read_csv_rows(file, list(names)))
        assert [row.given for row in rows if isinstance(row, BadRow)] == [
            {
                field: shown(str(record[column.strip('"')]))
                for field, column in zip(names, columns, strict=True)
                if record[column.strip('"')] != ""
            }
            for record in records
        ], name


def assert_kept_or_coded(row: Row | BadRow, value: str) -> None:
    """Make sure that a text came through as it is, or that its fault is named."""
    if isinstance(row, Row):
        assert row.reason == unicodedata.normalize("NFC", value)
    else:
        assert {fault.code for fault in row.faults} <= {"text_length", "control_character"}
        assert {fault.column for fault in row.faults} == {"reason"}


def naughty() -> list[str]:
    text = gzip.decompress((INPUTS / "blns.txt.gz").read_bytes()).decode()
    return [line for line in text.split("\n") if line]


def tables_of(strings: list[str], folder: Path) -> dict[str, bytes]:
    """Return one body a form, a record for every string."""
    records = [HONEST | {"record_id": f"r-{n}", "reason": each} for n, each in enumerate(strings)]
    table = io.StringIO()
    writer = csv.DictWriter(table, list(records[0]))
    writer.writeheader()
    writer.writerows(records)
    source, target = folder / "naughty.json", folder / "naughty.parquet"
    source.write_text("\n".join(json.dumps(each) for each in records))
    with duckdb.connect() as database:
        database.execute(
            f"COPY (SELECT * FROM read_json('{source}', format='newline_delimited', columns="
            "{record_id: 'VARCHAR', order_no: 'VARCHAR', device_model: 'VARCHAR',"
            " device_count: 'INTEGER', started_at: 'VARCHAR', ended_at: 'VARCHAR',"
            f" reason: 'VARCHAR'}})) TO '{target}' (FORMAT parquet)"
        )
    envelope = {"specversion": "1.0", "id": "e", "source": "s", "type": "t"}
    return {
        JSON: json.dumps({"records": records}).encode(),
        NDJSON: "\n".join(json.dumps(each, ensure_ascii=False) for each in records).encode(),
        CSV: table.getvalue().encode(),
        CLOUDEVENTS: json.dumps([envelope | {"data": each} for each in records]).encode(),
        PARQUET: target.read_bytes(),
    }


def test_naughty_strings_come_back_as_they_are_or_with_a_code_from_every_form(tmp_path):
    strings = naughty()
    assert len(strings) > 500
    for kind, body in tables_of(strings, tmp_path).items():
        with unpacked(io.BytesIO(body), kind, "") as (plain, text):
            rows = list(read_batch(plain, text))
        assert len(rows) == len(strings), kind
        for row, value in zip(rows, strings, strict=True):
            assert_kept_or_coded(row, value)
        assert sum(isinstance(row, Row) for row in rows) > 300, kind

"""One record at a time: what is the same content, and that honest records always come through."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.batches import CLOUDEVENTS, CSV, JSON, NDJSON, BadBatch, read_batch
from providers.problems import CATALOGUE
from providers.records import FIELDS, TYPED_READERS, BadRow, Row, RowFault, read_record, shown

HONEST = {
    "record_id": "r-1", "order_no": "o-1", "device_model": "a100", "device_count": 8,
    "started_at": "2026-10-03T00:00:00+08:00", "ended_at": "2026-10-03T01:00:00+08:00",
}  # fmt: skip
IDS = st.from_regex(r"[A-Za-z0-9._:/\-]{1,128}", fullmatch=True)
TEXTS = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=60).filter(
    lambda text: text.strip() and text.isprintable()
)
MOMENTS = st.datetimes(
    min_value=datetime(2000, 1, 2),  # noqa: DTZ001 - Hypothesis wants the bounds naive
    max_value=datetime(2099, 1, 1),  # noqa: DTZ001 - the zone comes from the next line
    timezones=st.integers(-14 * 60, 14 * 60).map(
        lambda minutes: timezone(timedelta(minutes=minutes)) if minutes else UTC
    ),
)


def one(**changes) -> Row | BadRow:
    given_cells = {k: v for k, v in (HONEST | changes).items() if v is not None}
    return read_record(1, given_cells, TYPED_READERS)


def digest(**changes) -> bytes:
    row = one(**changes)
    assert isinstance(row, Row)
    return row.digest


@pytest.mark.parametrize(
    "same",
    [
        {"started_at": "2026-10-02T16:00:00Z"},
        {"started_at": "2026-10-02T16:00:00.000000Z"},
        {"share_milli": 1000},
        {"basis": "allocated"},
        {"record_id": "another id"[:7]},
    ],
)
def test_the_same_content_written_otherwise_has_the_same_digest(same):
    assert digest(**same) == digest()


@pytest.mark.parametrize(
    "other",
    [
        {"order_no": "o-2"}, {"device_model": "A100"}, {"device_count": 9}, {"share_milli": 999},
        {"started_at": "2026-10-02T16:00:01Z"}, {"ended_at": None},
        {"ended_at": "2026-10-02T17:00:00.000001Z"}, {"basis": "reserved"},
        {"job_state": "failed"}, {"job_ref": "j"}, {"utilisation_pct": "1"}, {"energy_kwh": "1"},
        {"device_seconds": "1"}, {"corrects": "r-0", "reason": "x"},
    ],
)  # fmt: skip
def test_other_content_has_another_digest(other):
    assert digest(**other) != digest()


def test_composed_and_decomposed_letters_are_the_same_text():
    assert digest(job_ref="e\u0301") == digest(job_ref="é")


def test_all_faults_of_a_record_are_told_not_the_first_alone():
    bad = one(record_id="no good", device_count=-1, started_at="yesterday", colour="red")
    assert isinstance(bad, BadRow)
    assert {(fault.column, fault.code) for fault in bad.faults} == {
        ("record_id", "id_format"), ("device_count", "out_of_range"),
        ("started_at", "time_format"), ("colour", "unknown_field"),
    }  # fmt: skip


def test_a_fault_says_where_what_and_how_to_mend_it_in_both_languages():
    fault = RowFault(18, "device_count", "out_of_range", "-3")
    told = fault.as_plain()
    assert (told["pointer"], told["row"]) == ("/records/17/device_count", 18)
    assert told["detail"] == "第 18 行“device_count”列：数值超出范围（收到：-3）"
    assert told["hint"]
    assert fault.as_plain("en")["detail"] == "row 18, column device_count: Value out of range"


def test_what_is_repeated_to_people_is_short_and_harmless():
    assert shown("a\x00b\u202e") == "a\ufffdb\ufffd"
    assert shown("x" * 500) == "x" * 100 + "…"
    assert shown(None) == ""


def test_every_problem_speaks_both_languages_and_has_a_status():
    for problem in CATALOGUE.values():
        assert problem.zh
        assert problem.en.isascii()
        assert problem.hint("zh")
        assert problem.hint("en") != problem.hint("zh")
        assert 400 <= problem.status <= 503


@st.composite
def honest_records(draw) -> dict:
    start = draw(MOMENTS)
    end = start + draw(st.timedeltas(timedelta(0), timedelta(days=90)))
    record = {
        "record_id": draw(IDS), "order_no": draw(IDS), "device_model": draw(TEXTS),
        "device_count": draw(st.integers(0, 10**6)), "started_at": start.isoformat(),
    }  # fmt: skip
    optional = {
        "ended_at": st.just(end.isoformat()),
        "share_milli": st.integers(1, 1000),
        "basis": st.sampled_from(["allocated", "reserved", "utilised"]),
        "job_state": st.sampled_from(["completed", "failed", "cancelled", "running", "unknown"]),
        "job_ref": TEXTS,
        "energy_kwh": st.decimals(0, 10**9, places=3).map(lambda d: f"{d:f}"),
    }
    for name, values in optional.items():
        if draw(st.booleans()):
            record[name] = draw(values)
    return record


def as_csv(records: list[dict]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, FIELDS)
    writer.writeheader()
    writer.writerows(records)
    return out.getvalue().encode()


@given(records=st.lists(honest_records(), min_size=1, max_size=5))
def test_the_same_records_read_the_same_from_every_form(records):
    plain = json.dumps({"records": records}).encode()
    lines = "\n".join(json.dumps(each, ensure_ascii=False) for each in records).encode()
    events = json.dumps(
        [{"specversion": "1.0", "id": "e", "source": "s", "type": "t", "data": each}
         for each in records]
    ).encode()  # fmt: skip
    read = [
        list(read_batch(io.BytesIO(body), kind))
        for body, kind in [
            (plain, JSON), (lines, NDJSON), (as_csv(records), CSV), (events, CLOUDEVENTS),
        ]
    ]  # fmt: skip
    assert all(isinstance(row, Row) for rows in read for row in rows)
    assert read[0] == read[1] == read[2] == read[3]


def outcome(body: bytes, kind: str) -> str:
    """Return the code of a refusal or of the first fault; any other failure is the test's."""
    try:
        rows = list(read_batch(io.BytesIO(body), kind))
    except BadBatch as bad:
        return bad.code
    faults = [fault.code for row in rows if isinstance(row, BadRow) for fault in row.faults]
    return faults[0] if faults else "empty_batch"


@given(body=st.binary(max_size=300), kind=st.sampled_from([JSON, NDJSON, CSV, CLOUDEVENTS]))
def test_no_bytes_at_all_make_the_reader_fail_otherwise_than_by_refusing(body, kind):
    assert outcome(body, kind) in CATALOGUE


@given(text=st.text(max_size=200), kind=st.sampled_from([JSON, NDJSON, CSV]))
def test_no_text_makes_the_reader_fail_otherwise_than_by_refusing(text, kind):
    body = text.encode("utf-8", "surrogatepass")
    assert outcome(body, kind) in CATALOGUE

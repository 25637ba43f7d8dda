"""JSON documents are cut into their records exactly, in pieces of any size, or refused."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.arrays import elements_of, records_in
from providers.batches import read_batch
from providers.wire import CLOUDEVENTS, DEEPEST, JSON, LONGEST_ELEMENT, MOST_EVENTS, BadBatch

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner,
                                                                max_size=3),
    max_leaves=6,
)  # fmt: skip


def cut(body: bytes, piece: int = 100) -> list[bytes]:
    return [each for some in records_in(io.BytesIO(body), piece=piece) for each in some]


def outcome(body: bytes, piece: int) -> str:
    """Return the code of a refusal; any other failure is the test's."""
    try:
        found = cut(body, piece)
    except BadBatch as bad:
        return bad.code
    return "cut" if all(each.strip() for each in found) else "nothing"


def refusal(body: bytes, **how) -> BadBatch:
    with pytest.raises(BadBatch) as refused:
        list(records_in(io.BytesIO(body), **how))
    return refused.value


@given(
    records=st.lists(VALUES, max_size=20),
    indent=st.sampled_from([None, 0, 2]),
    ascii_only=st.booleans(),
    piece=st.integers(1, 300),
)
def test_any_values_are_cut_as_they_were_put_together(records, indent, ascii_only, piece):
    body = json.dumps({"records": records}, indent=indent, ensure_ascii=ascii_only)
    found = cut(body.encode("utf-8", "surrogatepass"), piece)
    assert [json.loads(each.decode("utf-8", "surrogatepass")) for each in found] == records
    assert not any(b"\n" in each for each in found)


@given(body=st.binary(max_size=60), piece=st.integers(1, 20))
def test_any_bytes_are_a_document_or_refused(body, piece):
    whole = b'{"records": [' + body + b"]}"
    known = {"malformed_json", "too_deep", "not_an_object", "duplicate_key"}
    assert outcome(whole, piece) in known | {"cut"}


def test_records_may_stand_before_and_behind_the_provider():
    for body in (
        b'{"provider": "P", "records": [{"a":1}, {"b":2}]}',
        b' { "records" : [ {"a":1},\n{"b":2} ] , "provider" : "P" } \n',
        b'{"\\u0072ecords": [{"a":1},{"b":2}]}',
    ):
        found = records_in(io.BytesIO(body), frozenset({"P"}))
        assert [json.loads(each) for some in found for each in some] == [{"a": 1}, {"b": 2}]


def test_another_provider_is_refused():
    bad = refusal(b'{"records": [], "provider": "Q"}', senders=frozenset({"P"}))
    assert (bad.code, bad.value) == ("provider_mismatch", "Q")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"records": []', "malformed_json"),
        (b'{"records": [}', "malformed_json"),
        (b'{"records": []]}', "malformed_json"),
        (b'{"records": [{}}', "malformed_json"),
        (b'{"records": [{"a":"]}', "malformed_json"),
        (b'{"records": [1 2]', "malformed_json"),
        (b'{"records": {"a": 1}}', "malformed_json"),
        (b'{"records": [], }', "malformed_json"),
        (b'{"records": []} // ', "malformed_json"),
        (b"{records: []}", "malformed_json"),
        (b'{"records": [], "records": []}', "duplicate_key"),
        (b'{"records": [], "\\u0072ecords": []}', "duplicate_key"),
        (b'{"provider": "", "provider": "", "records": []}', "duplicate_key"),
        (b'{"provider": 5, "records": []}', "malformed_json"),
        (b'{"provider": "P"}', "malformed_json"),
        (b'{"records": [' + b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1) + b"]}", "too_deep"),
        (b'{"records": [{"a": "' + b"x" * LONGEST_ELEMENT * 2 + b'\\q"}, []]}', "malformed_json"),
        (b'{"records": [["' + b"x" * LONGEST_ELEMENT + b'"]]}', "line_too_long"),
        (b'{"records": [{"a": "line\nend"}]}', "malformed_json"),
    ],
)
def test_what_is_no_such_document_is_refused(body, code):
    with pytest.raises(BadBatch) as refused:
        list(read_batch(io.BytesIO(body), JSON))
    assert refused.value.code == code


def test_the_row_of_the_fault_is_named():
    assert refusal(b'{"records": [{"a":1},{"b":2},{"c":3]}').row == 3
    with pytest.raises(BadBatch) as refused:
        list(read_batch(io.BytesIO(b'{"records": [{},{"a": tru},{}]}'), JSON))
    assert (refused.value.code, refused.value.row) == ("malformed_json", 2)


def test_a_crowd_of_strange_elements_is_given_up_early():
    body = b'{"records": [' + b"[]," * 500_000 + b"[]]}"
    assert (refusal(body).code, refusal(body).row) == ("not_an_object", 1_001)


def event(**changes) -> dict[str, object]:
    record = {
        "record_id": "r-1", "order_no": "o-1", "device_model": "a100", "device_count": 8,
        "started_at": "2026-10-03T00:00:00+08:00",
    }  # fmt: skip
    envelope = {"specversion": "1.0", "id": "e", "source": "s", "type": "t", "data": record}
    return {name: value for name, value in (envelope | changes).items() if value is not None}


def faults_of(*events: object) -> list[tuple[str, str]]:
    body = io.BytesIO(json.dumps(events).encode())
    (row,) = read_batch(body, CLOUDEVENTS)
    return [(fault.column, fault.code) for fault in getattr(row, "faults", ())]


def test_an_envelope_of_events_must_be_whole():
    assert faults_of(event()) == []
    for name in ("specversion", "id", "source", "type", "data"):
        assert faults_of(event(**{name: None})) == [(name, "event_envelope")]
    assert faults_of(event(specversion="0.3")) == [("specversion", "event_envelope")]
    assert faults_of(5) == [("", "not_an_object")]
    assert faults_of(event(data=[])) == [("", "not_an_object")]


def test_a_key_twice_in_an_event_is_seen_at_every_depth():
    for text in (
        json.dumps(event())[:-1] + ', "id": "other"}',
        json.dumps(event()).replace('"record_id"', '"order_no": "o-2", "record_id"'),
        json.dumps(event(extension={"a": 1})).replace('"a": 1', '"a": 1, "a": 2'),
    ):
        (row,) = read_batch(io.BytesIO(f"[{text}]".encode()), CLOUDEVENTS)
        assert [fault.code for fault in row.faults] == ["duplicate_key"]


def test_more_events_than_are_read_one_by_one_are_refused():
    body = b"[" + b",".join([json.dumps(event()).encode()] * (MOST_EVENTS + 1)) + b"]"
    with pytest.raises(BadBatch, match="too_many_events"):
        list(read_batch(io.BytesIO(body), CLOUDEVENTS))
    assert sum(1 for some in elements_of(io.BytesIO(body)) for _ in some) == MOST_EVENTS + 1

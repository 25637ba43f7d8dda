import io
import json
import tarfile
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
import rfc8785
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from ledger.chart import Code, TransferCode
from ledger.entries import (
    MAX_ENTRY_BYTES,
    Malformed,
    _decode_in_full,
    _decode_plain,
    canonical,
    decode,
    envelope,
    moment_text,
    plain,
)
from ledger.periods import Month
from ledger.refusals import Broken

AT = datetime(2026, 10, 1, tzinfo=UTC)
ID = UUID("018f0000-0000-7000-8000-000000000001")
VECTORS = settings.SHARED_DATA_DIR / "vectors" / "jcs" / "cyberphone_testdata.tar.gz"

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
KEYS = st.text(st.characters(min_codepoint=1, max_codepoint=127), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def an_entry(**more) -> bytes:
    stated = {"log": "here", "id": ID, "type": "test.event", "at": AT, "actor": {"kind": "system"}}
    return envelope(**{**stated, "body": {"amount_fen": 5}, **more})


@given(VALUES)
def test_the_canonical_form_is_that_of_an_independent_implementation(value):
    assert canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize("name", ["french", "structures", "unicode", "weird"])
def test_published_vectors_of_the_canonical_form_agree(name):
    """Numbers and keys outside ASCII cannot enter; what is left of each vector must agree."""
    if not VECTORS.exists():
        pytest.skip("the shared vectors are not beside this checkout (SHARED_DATA_DIR)")
    with tarfile.open(VECTORS) as archive:
        value = json.loads(archive.extractfile(f"testdata/input/{name}.json").read())
        wanted = json.loads(archive.extractfile(f"testdata/output/{name}.json").read())
    assert (
        rfc8785.dumps(value)
        == json.dumps(wanted, ensure_ascii=False, separators=(",", ":")).encode()
    )
    texts = [each for each in _texts(value)]
    for text in texts:
        assert canonical({"k": text}) == rfc8785.dumps({"k": text})


@pytest.mark.parametrize("name", ["arrays", "french", "structures", "unicode", "values", "weird"])
def test_published_vectors_are_entries_only_in_their_canonical_form(name):
    """As the body of an entry: the canonical output is read back, the input as given is not.

    A vector with numbers or with keys outside ASCII is refused in either form.
    """
    if not VECTORS.exists():
        pytest.skip("the shared vectors are not beside this checkout (SHARED_DATA_DIR)")
    with tarfile.open(VECTORS) as archive:
        given = archive.extractfile(f"testdata/input/{name}.json").read()
        wanted = archive.extractfile(f"testdata/output/{name}.json").read()
    whole = json.loads(given)
    kept = json.loads(json.dumps(whole), parse_int=str, parse_float=str)
    entry = an_entry(body={}).replace(b'"body":{}', b'"body":{"k":%s}')
    plain_keys = all(key.isascii() for key in _keys(whole))
    if kept == whole and plain_keys:
        assert decode(entry % wanted)["body"] == {"k": whole}
    else:
        with pytest.raises(Malformed):
            decode(entry % wanted)
    with pytest.raises(Malformed):
        decode(entry % given)


def _keys(value):
    if isinstance(value, dict):
        yield from value
    for each in value.values() if isinstance(value, dict) else value:
        if isinstance(each, dict | list):
            yield from _keys(each)


@given(VALUES)
def test_the_quick_reading_and_the_full_one_agree(value):
    """Whatever plain value stands in the body: both read it, and read the same."""
    raw = an_entry(body={"k": value})
    quick = _decode_plain(raw)
    assert quick is None or quick == _decode_in_full(raw)
    assert decode(raw)["body"] == {"k": value}


@given(VALUES, st.integers(0, 400), st.binary(max_size=3))
def test_bytes_changed_in_an_entry_are_read_alike_or_refused(value, place, fresh):
    raw = an_entry(body={"k": value})
    bent = raw[: place % len(raw)] + fresh + raw[place % len(raw) + len(fresh) :]
    try:
        read = decode(bent)
    except Malformed:
        return
    assert canonical(read) == bent


def _texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from _texts(each)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-7, "-7"),
        (10**30, "1" + "0" * 30),
        (ID, str(ID)),
        (AT, "2026-10-01T00:00:00.000000Z"),
        (datetime(2026, 10, 1, 8, tzinfo=timezone(timedelta(hours=8))),
         "2026-10-01T00:00:00.000000Z"),
        (date(2026, 10, 1), "2026-10-01"),
        (Decimal("1.500000"), "1.500000"),
        (Decimal("1E+3"), "1000"),
        (Code.VOUCHER, "2000"),
        (TransferCode.ISSUE, "200"),
        (Month(2026, 10), "2026-10"),
        (True, True),
        (None, None),
        ("算力券", "算力券"),
    ],
)  # fmt: skip
def test_every_value_enters_as_text(value, text):
    assert plain({"k": [value]}) == {"k": [text]}


@pytest.mark.parametrize(
    "value",
    [1.5, float("nan"), {"k": {"j": 0.0}}, {1: "k"}, {"键": "v"}, b"bytes", object(), [[1, [2.0]]]],
)
def test_floats_and_strange_values_never_enter(value):
    with pytest.raises(Broken):
        plain(value)


def test_a_value_nested_too_deep_never_enters():
    deep: list = []
    for _ in range(40):
        deep = [deep]
    with pytest.raises(Broken, match="deep"):
        plain(deep)


def test_half_a_surrogate_pair_never_enters():
    with pytest.raises(Broken, match="Unicode"):
        canonical({"k": "\ud800"})


def test_a_moment_without_a_zone_never_enters():
    with pytest.raises(Broken, match="zone"):
        moment_text(datetime(2026, 10, 1))  # noqa: DTZ001 - the fault under test


def test_a_set_enters_in_a_fixed_order():
    assert plain({"k": {"b", "a", "c"}}) == {"k": ["a", "b", "c"]}


def test_the_envelope_has_its_fixed_fields_and_this_golden_form():
    assert an_entry() == (
        b'{"actor":{"kind":"system"},"at":"2026-10-01T00:00:00.000000Z","auth":null,'
        b'"body":{"amount_fen":"5"},"id":"018f0000-0000-7000-8000-000000000001","links":[],'
        b'"log":"here","pii":{},"type":"test.event","v":"1"}'
    )


@given(VALUES)
def test_what_is_encoded_is_decoded_to_the_same(value):
    assert decode(an_entry(body={"k": value}))["body"] == {"k": value}


@given(VALUES, VALUES)
def test_two_different_bodies_never_share_their_bytes(one, other):
    assert (an_entry(body={"k": one}) == an_entry(body={"k": other})) == (one == other)


def test_an_entry_is_at_most_as_long_as_its_length_prefix_can_say():
    short = len(an_entry(body={"k": ""}))
    assert len(an_entry(body={"k": "x" * (MAX_ENTRY_BYTES - short)})) == MAX_ENTRY_BYTES
    with pytest.raises(Broken, match="larger"):
        an_entry(body={"k": "x" * (MAX_ENTRY_BYTES - short + 1)})


def _without(field: str) -> bytes:
    return canonical({k: v for k, v in decode(an_entry()).items() if k != field})


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"v":1}',
        an_entry() + b" ",
        b" " + an_entry(),
        an_entry().replace(b'"5"', b"5"),
        an_entry().replace(b'"5"', b"5.0"),
        an_entry().replace(b'"5"', b"NaN"),
        an_entry().replace(b'"v":"1"', b'"v":"1","v":"1"'),
        an_entry().replace(b'"v"', b'"w"'),
        an_entry().replace(b"system", b"s\\u0079stem"),
        an_entry().replace(b'"k', b'"\\ud800k').replace(b"kind", b"\\ud800"),
        an_entry().replace(b'"pii":{}', b'"pii":' + b"[" * 20_000),
        _without("pii"),
        io.BytesIO(b"x" * (MAX_ENTRY_BYTES + 1)).read(),
        b'{"a":' + b"9" * 6000 + b"}",
    ],
)
def test_bytes_in_any_other_form_are_no_entry(raw):
    with pytest.raises(Malformed):
        decode(raw)


@given(st.binary(max_size=200))
def test_random_bytes_are_refused_without_a_fault(raw):
    with pytest.raises(Malformed):
        decode(raw)

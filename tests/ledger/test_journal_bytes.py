"""The quick reading of journals accepts nothing that the full reading refuses."""

import json
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ledger.chart import TransferCode
from ledger.entries import Malformed, canonical, decode
from ledger.journal_bytes import QuickReader
from ledger.refusals import Broken
from ledger.replay import Replay, ReplayError, Stated, id_text
from ledger.schemas import ENVELOPE, house_schemas
from tests.ledger.log_making import ORIGIN, booked, event
from tests.ledger.making import (
    BUDGET,
    CLERK,
    LATER,
    TREASURY,
    P,
    grant,
    hold,
    issue,
    journal,
    meter,
    move,
    post_held,
    redeem,
    void_held,
    voucher,
)

SCHEMAS = {each.type: each for each in house_schemas()}
HELD = hold(40, expires_at=LATER)
MADE = [
    grant(100),
    issue(60),
    HELD,
    post_held(HELD, 30),
    void_held(hold(9)),
    meter(3_600_000),
    journal(*redeem(7).transfers, *meter(5).transfers, refs={"a": "1", "b_c": "2", "z": ""}),
    journal(
        move(TREASURY, BUDGET, 10**18, TransferCode.GRANT, reason="文件 17 号"), approvals=(CLERK,)
    ),
    journal(move(voucher("v-1"), BUDGET, 1, TransferCode.REVOKE, reason="plain")),
]
ENTRIES = [booked(each, seq) for seq, each in enumerate(MADE, start=1)]


def facts(stated: Stated) -> tuple:
    legs = [
        (one.id, one.flow.code, one.flow.phase, one.debit.name, one.credit.name, one.amount,
         one.pending_id, one.expires_at)
        for one in stated.legs
    ]  # fmt: skip
    return (stated.seq, stated.effective_at, stated.recorded_at, legs)


def quickly(entry: bytes) -> tuple | None:
    read = QuickReader(ORIGIN, Replay()).read(entry)
    return None if read is None else (read[0], *facts(read[1]))


def in_full(entry: bytes) -> tuple | None:
    try:
        whole = decode(entry)
        if SCHEMAS[ENVELOPE].check(whole) or SCHEMAS["ledger.journal"].check(whole["body"]):
            return None
        if (whole["log"], whole["type"]) != (ORIGIN, "ledger.journal"):
            return None
        if whole["body"]["journal"] != whole["id"]:
            return None
        return (id_text(whole["id"]), *facts(Replay().read(whole["body"], whole["at"].encode())))
    except (Malformed, ReplayError):
        return None


@pytest.mark.parametrize("entry", ENTRIES)
def test_what_the_house_writes_is_read_quickly_and_alike(entry):
    assert quickly(entry) is not None
    assert quickly(entry) == in_full(entry)


def test_no_bit_turned_in_an_entry_is_read_quickly_and_not_in_full():
    for entry in (ENTRIES[2], ENTRIES[7]):
        for place in range(len(entry)):
            for bit in range(8):
                bent = bytearray(entry)
                bent[place] ^= 1 << bit
                read = quickly(bytes(bent))
                assert read is None or read == in_full(bytes(bent)), bytes(bent)


EVENTS = [
    event("voucher.expire", voucher="v", amount_fen="5"),
    event("metering.zero", provider="p", day="2026-10-01", livemode=True),
    event("voucher.release", key=None, reason="订单了结"),
    event(),
]


def event_in_full(entry: bytes) -> tuple | None:
    try:
        whole = decode(entry)
        if SCHEMAS[ENVELOPE].check(whole) or whole["log"] != ORIGIN:
            return None
        return (id_text(whole["id"]), whole["type"], whole["body"])
    except (Malformed, ReplayError):
        return None


def event_quickly(entry: bytes) -> tuple | None:
    return QuickReader(ORIGIN, Replay()).event(entry)


@pytest.mark.parametrize("entry", EVENTS)
def test_a_plain_event_is_read_quickly_and_alike(entry):
    assert event_quickly(entry) is not None
    assert event_quickly(entry) == event_in_full(entry)


def test_no_bit_turned_in_an_event_is_read_quickly_and_not_in_full():
    for entry in (EVENTS[1], EVENTS[2]):
        for place in range(len(entry)):
            for bit in range(8):
                bent = bytearray(entry)
                bent[place] ^= 1 << bit
                read = event_quickly(bytes(bent))
                assert read is None or read == event_in_full(bytes(bent)), bytes(bent)


PIECES = st.sampled_from(
    [b"", b'"', b"\\", b"\\u0041", b"\\n", b" ", b",", b"{", b"}", b"[", b"]", b"[]", b"{}", b":",
     b"0", b"1", b"null", b"\x00", b"\x7f", b"\x80", b"\xff", b"\xc3\xa9", b"\xed\xa0\x80",
     b'"seq":"1",', b'"a":"1"', b',"a":"1"', b'"unit":"CNY"', b'"pending_id":"', b"-", b"A"]
)  # fmt: skip


@settings(max_examples=1500, deadline=None)
@given(st.sampled_from(ENTRIES), st.data())
def test_mutated_entries_are_never_read_quickly_and_otherwise_in_full(entry, data):
    begin = data.draw(st.integers(0, len(entry)))
    end = data.draw(st.integers(begin, min(len(entry), begin + 40)))
    fresh = data.draw(PIECES | st.binary(max_size=6))
    bent = entry[:begin] + fresh + entry[end:]
    read = quickly(bent)
    assert read is None or read == in_full(bent)


@settings(max_examples=1500, deadline=None)
@given(st.sampled_from(EVENTS), st.data())
def test_mutated_events_are_never_read_quickly_and_otherwise_in_full(entry, data):
    begin = data.draw(st.integers(0, len(entry)))
    end = data.draw(st.integers(begin, min(len(entry), begin + 40)))
    bent = entry[:begin] + data.draw(PIECES | st.binary(max_size=6)) + entry[end:]
    read = event_quickly(bent)
    assert read is None or read == event_in_full(bent)


def test_doubled_or_unordered_keys_of_an_event_are_not_read_quickly():
    for body in (b'{"a":"1","a":"2"}', b'{"b":"1","a":"2"}', b'{"a":1}', b'{"a":[]}'):
        bent = EVENTS[3].replace(b'"body":{}', b'"body":' + body)
        assert event_quickly(bent) is None
    assert event_quickly(ENTRIES[0]) is None
    assert event_quickly(EVENTS[3].replace(b'"test.event"', b'"ledger.journal"')) is None


TEXTS = st.text(max_size=6) | st.sampled_from(["2000", "1000", "1100", "3000", "CNY", "x" * 250])


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(ENTRIES), TEXTS, st.integers(0, 60))
@example(ENTRIES[0], "\ud800", 0)
def test_any_text_in_any_field_is_read_alike(entry, text, place):
    """The value, not the bytes, is changed: one text somewhere in the entry."""
    whole = json.loads(entry)
    spots = list(_spots(whole))
    holder, key = spots[place % len(spots)]
    holder[key] = text
    try:
        bent = canonical(whole)
    except Broken:  # a text that no entry may hold never gets so far as to be read
        assert text == "\ud800"
        return
    read = quickly(bent)
    assert read is None or read == in_full(bent)


def _spots(value):
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in list(pairs):
        if isinstance(each, dict | list):
            yield from _spots(each)
        elif isinstance(each, str):
            yield value, key


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"refs":{"a":"1","b_c":"2","z":""}', b'"refs":{"b_c":"2","a":"1","z":""}'),
        (b'"refs":{"a":"1","b_c":"2","z":""}', b'"refs":{"a":"1","a":"2","z":""}'),
        (b'"refs":{"a":"1",', b'"refs":{"a":"\\u0031",'),
        (b'"refs":{"a":"1",', '"refs":{"键":"1",'.encode()),
        (b'"amount":"7"', b'"amount":"07"'),
        (b'"amount":"7"', b'"amount":7'),
        (b'"transfers":[', b'"transfers": ['),
        (b'"v":"1"}', b'"v":"1"} '),
        (b'"links":[]', b'"links":["x"]'),
        (b'"pii":{}', b'"pii":{"x":"y"}'),
        (b'"auth":null', b'"auth":{}'),
    ],
)
def test_another_form_is_not_read_quickly(old, new):
    bent = ENTRIES[6].replace(old, new)
    assert bent != ENTRIES[6]
    assert quickly(bent) is None


def test_an_account_seen_before_does_not_let_another_spelling_pass():
    reader = QuickReader(ORIGIN, Replay())
    assert reader.read(ENTRIES[1])
    twisted = ENTRIES[1].replace(b'["2000","%s","v1"]' % P.encode(), b'["2000","x","v1"]')
    assert reader.read(twisted) is None


def test_depth_and_length_cost_nothing():
    reader = QuickReader(ORIGIN, Replay())
    deep = ENTRIES[1].replace(b'["2000",', b"[" * 60_000)
    assert reader.read(deep) is None
    chance = random.Random(7)
    for _ in range(300):
        raw = bytes(chance.randrange(256) for _ in range(chance.randrange(400)))
        assert reader.read(ENTRIES[0][: chance.randrange(len(ENTRIES[0]))] + raw) is None

"""An entry in words: who, what, why, what changed; nothing it says breaks the page."""

import re
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.chart import TransferCode
from ledger.telling import FIELDS, WHY, linked_ids, shown, tell, transfers_of

ROOT = Path(__file__).resolve().parents[2]
JOURNAL = {
    "type": "ledger.journal",
    "actor": {"kind": "system", "id": "close", "role": "system"},
    "auth": None,
    "links": [],
    "body": {
        "refs": {"statement_no": "PTSL-JS-1"},
        "approvals": [{"kind": "user", "id": "u-1", "role": "finance"}],
        "transfers": [
            {"code": "500", "phase": "single", "unit": "CNY", "amount": "5000000",
             "debit": ["2000", "p", "v1"], "credit": ["4000", "p", ""], "reason": "过期失效"},
            {"code": "300", "phase": "pending", "unit": "CNY", "amount": "1",
             "debit": ["2000", "p", "v1"], "credit": ["3000", "p", "q1"]},
        ],
    },
}  # fmt: skip


def test_a_journal_tells_its_transfers_and_reasons():
    story = tell(JOURNAL)
    assert story.who == "系统 · 系统任务 · close"
    assert story.approvals == ["工作人员或企业用户 · 财务 · u-1"]
    assert story.why == [("理由", "过期失效")]
    assert story.facts == [("结算单编号", "PTSL-JS-1")]
    first, second = story.transfers
    assert (first["code"], first["amount"], first["money"]) == ("失效", 5_000_000, True)
    assert first["credit"]["subject"] == "p"
    assert second["phase"] == "冻结中"


def test_every_kind_of_transfer_has_a_name():
    leg = {"phase": "single", "unit": "CNY", "amount": "1", "debit": ["2000", "p", "v"],
           "credit": ["4000", "p", ""]}  # fmt: skip
    told = [transfers_of([leg | {"code": str(int(code))}])[0]["code"] for code in TransferCode]
    assert all(re.search("[一-鿿]", each) for each in told)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("face_fen", "5000000", "50,000.00 元"),
        ("face_fen", "-1", "-0.01 元"),
        ("face_fen", "x", "x"),
        ("livemode", True, "是"),
        ("reason", None, "—"),
        ("list", ["a", "b"], "a、b"),
        ("counts", {"rows": "3", "held": "1"}, "总行数 3；待定行数 1"),
    ],
)
def test_a_field_is_shown_as_people_read_it(name, value, words):
    assert shown(name, value) == words


def test_links_that_are_no_ids_are_passed_over():
    good = str(UUID(int=5))
    assert linked_ids({"links": [good, "x", None, 5]}) == [UUID(int=5)]
    assert linked_ids({"links": None}) == []


values = st.recursive(
    st.none() | st.booleans() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
)


@given(values, values, values)
def test_whatever_an_event_says_it_can_be_told(body, actor, auth):
    story = tell({"type": "test.event", "actor": actor, "auth": auth, "body": body, "links": []})
    assert all(isinstance(text, str) for _, text in story.facts + story.why)


def test_what_the_acts_write_has_a_name_for_people():
    """The fields of bodies written in one place, as a literal beside the type, all have words."""
    missing = set()
    for room in ("vouchers", "providers", "billing"):
        for path in (ROOT / room).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            for call in re.findall(r'audit\.record\(\s*f?"[^"]+",\s*\{([^{}]*)\}', text):
                missing |= set(re.findall(r'"([a-z0-9_]+)":', call)) - set(FIELDS)
    assert missing - {*WHY, "approved_by"} == set()

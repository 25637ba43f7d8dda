"""Related parties: look-through, third holders, rings, marks; the path is told in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vouchers.related import Graph, Share, group_of, hints, percent, relation


def graph(*shares, **more):
    return Graph([Share(*each) for each in shares], **more)


CASES = [  # holdings, kind of the relation of A and B, words of its path
    ([("A", "B", 2500)], "holds", "A直接持股B 25%"),
    ([("A", "B", 2499)], None, ""),
    ([("B", "A", 5100)], "holds", "B直接持股A 51%"),
    ([("A", "M", 2500), ("M", "B", 3000)], "holds", "A直接持股M 25%，M直接持股B 30%"),
    ([("A", "M", 2499), ("M", "B", 9999)], None, ""),
    ([("A", "M", 6000), ("M", "B", 2499)], None, ""),
    ([("A", "M", 6000), ("M", "B", 1500), ("A", "B", 1000)], "holds", "A直接持股B 10%"),
    ([("A", "M", 6000), ("M", "B", 1500), ("A", "B", 999)], None, ""),
    (
        [("A", "M", 6000), ("A", "N", 6000), ("M", "B", 1250), ("N", "B", 1250)],
        "holds",
        "A直接持股M",
    ),
    ([("T", "A", 2500), ("T", "B", 2500)], "third", "T直接持股A 25%；T直接持股B 25%"),
    ([("T", "A", 2500), ("T", "B", 2499)], None, ""),
    (
        [("T", "M", 9000), ("M", "A", 3000), ("T", "B", 2500)],
        "third",
        "M直接持股A 30%；T直接持股B 25%",
    ),
    ([("A", "M", 3000), ("M", "N", 3000), ("N", "B", 3000)], "holds", "N直接持股B 30%"),
    ([("A", "B", 1250), ("A", "B", 1250)], "holds", "A直接持股B 25%"),
    (
        [("A", "M", 3000), ("M", "A", 3000), ("M", "B", 3000)],
        "holds",
        "A直接持股M 30%，M直接持股B 30%",
    ),
    ([("M", "N", 5000), ("N", "M", 5000), ("N", "B", 9000)], None, ""),
]


@pytest.mark.parametrize(("shares", "kind", "words"), CASES)
def test_two_bodies_are_related_by_what_is_held(shares, kind, words):
    found = relation(graph(*shares), "A", "B")
    assert (found.kind if found else None) == kind
    assert words in (found.path if found else "")


def test_names_are_shown_in_the_path():
    named = graph(("A", "B", 4000), names={"A": "甲公司", "B": "乙公司"})
    assert relation(named, "B", "A").path == "甲公司直接持股乙公司 40%"
    assert relation(named, "A", "A").kind == "same"


def test_a_shared_legal_person_or_account_binds_and_a_shared_phone_is_a_hint():
    marks = {
        "A": {"legal_person": "p1", "phone": "021", "address": "路 1 号"},
        "B": {"legal_person": "p1"},
        "C": {"account": "9", "phone": "021"},
        "D": {"account": "9", "address": "路 1 号", "legal_person": ""},
    }
    known = graph(marks=marks)
    assert relation(known, "A", "B").kind == "legal_person"
    assert relation(known, "C", "D").kind == "account"
    assert relation(known, "A", "C") is None
    assert [(each.other, each.kind) for each in hints(known, "A")] == [
        ("C", "phone"), ("D", "address"),
    ]  # fmt: skip
    assert set(group_of(known, "A")) == {"B"}


def test_a_group_is_walked_through_everybody_it_binds():
    shares = [("P", "A", 3000), ("P", "B", 3000), ("B", "C", 5000), ("X", "C", 1000), ("C", "D", 9)]
    found = group_of(graph(*shares, marks={"C": {"account": "1"}, "E": {"account": "1"}}), "A")
    assert set(found) == {"P", "B", "C", "E"}
    assert found["C"].path == "P直接持股A 30%；P直接持股B 30%，B直接持股C 50%"


def test_a_share_is_written_as_people_do():
    assert [percent(bp) for bp in (2500, 2550, 2505, 10000)] == ["25%", "25.5%", "25.05%", "100%"]


NODES = "ABCDEF"
EDGES = st.lists(
    st.builds(Share, st.sampled_from(NODES), st.sampled_from(NODES), st.integers(1, 10_000)),
    max_size=14,
)


@given(EDGES)
def test_being_related_goes_both_ways_and_rings_end(shares):
    known = Graph(shares)
    for one in NODES:
        for other in NODES:
            assert bool(relation(known, one, other)) == bool(relation(known, other, one))
    for one in NODES:
        assert all(one in group_of(known, other) for other in group_of(known, one))


@given(EDGES, st.builds(Share, st.sampled_from(NODES), st.sampled_from(NODES), st.just(10_000)))
def test_one_more_holding_never_makes_a_group_smaller(shares, more):
    assert set(group_of(Graph(shares), "A")) <= set(group_of(Graph([*shares, more]), "A")) | {"A"}

"""Which cases of a list may be dealt with together, as a table."""

from dataclasses import replace

from vouchers.bulk_rules import Seen, Standing, changed, digest_of, objection, without_repeats

CASE = Seen("1", "in_second_review", 3, 800, 800)
FIT = Standing(supported=True, first_person="a")
AGREE = [
    (CASE, FIT, "b", ""),
    (CASE, FIT, "a", "初审人"),
    (CASE, FIT, "", "初审人"),
    (CASE, replace(FIT, supported=False), "b", "不予支持"),
    (replace(CASE, proposed_fen=700), FIT, "b", "调整了金额"),
    (CASE, replace(FIT, flags=2), "b", "2 项须留意"),
    (replace(CASE, state="accepted"), FIT, "b", "不在“复审中”状态"),
]


def test_second_reviews_are_taken_together_only_where_there_is_nothing_to_weigh():
    for seen, standing, person, words in AGREE:
        told = objection("agree", seen, standing, person)
        assert words in told if words else told == "", words


def test_other_kinds_look_at_the_state_alone():
    for kind, state in (("accept", "submitted"), ("notice", "proposed")):
        assert objection(kind, replace(CASE, state=state), FIT, "a") == ""
        assert "状态" in objection(kind, CASE, FIT, "a")
    assert objection("assign", CASE, FIT, "a") == ""
    assert objection("spread", replace(CASE, reviewer="x"), FIT, "a") == ""
    assert "须回避" in objection("spread", CASE, FIT, "a")


def test_whatever_changed_after_the_preview_is_told():
    assert changed(CASE, CASE) == ""
    assert "状态已变化" in changed(CASE, replace(CASE, state="accepted"))
    for field in ("version", "requested_fen", "proposed_fen"):
        assert "已变化" in changed(CASE, replace(CASE, **{field: 9}))


def test_the_digest_covers_everything_that_was_shown():
    told = {"reason": "x"}
    first = digest_of("accept", [CASE], told)
    others = [
        digest_of("agree", [CASE], told),
        digest_of("accept", [CASE, CASE], told),
        digest_of("accept", [CASE], {}),
        *(
            digest_of("accept", [replace(CASE, **{name: "9"})], told)
            for name in ("case", "state", "version", "requested_fen", "proposed_fen", "reviewer")
        ),
    ]
    assert first == digest_of("accept", [CASE], told)
    assert len({first, *others}) == len(others) + 1


def test_the_same_case_twice_counts_once():
    assert without_repeats(["b", "a", "b"]) == ["b", "a"]

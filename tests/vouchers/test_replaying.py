"""A replay against an independent count: who wins, who loses, what it would cost."""

import copy
import csv
import io
from datetime import date

import pytest

from tests.vouchers.story import (
    AT,
    CLERK,
    FILE,
    a_draft,
    a_programme,
    an_approved,
    an_enterprise,
    snapshot,
    submit,
)
from tests.vouchers.test_questions import FILLED
from tests.vouchers.walk import AUDITOR, at, bureau, text_of
from vouchers import editing
from vouchers.eligibility import Fact
from vouchers.questions import clean_step
from vouchers.replaying import replay_page
from vouchers.replays import Case, Totals, replay
from vouchers.rulebook_reader import parse_edition, read_rules

RULES = parse_edition(FILE.read_text())


def edition(**changes):
    rules = copy.deepcopy(RULES)
    for path, value in changes.items():
        chapter, name = path.split("__")
        rules[chapter][name] = value
    return read_rules(rules)


NEED = clean_step("need", FILLED["need"], edition())[0]
GOOD = {
    "uscc_flag": "", "registered_district": "310107", "tax_district": "310107",
    "sme_class": "small", "dishonest": False, "large_controlled": False, "related_party": False,
    "purpose": "TRAINING", "facts_current": True, "evidence_complete": True,
}  # fmt: skip


def a_case(no="1", before="supported", before_fen=100, need=None, enterprise="e", **facts):
    told = {k: Fact(k, v, "self", date(2026, 9, 1)) for k, v in (GOOD | facts).items()}
    need = NEED if need is None else need
    return Case(no, enterprise, f"企业{no}", before, before_fen, told, need)


def changes(rules, cases):
    return [(each.change, each.after_fen) for each in replay(rules, cases)]


def test_each_change_is_told_by_what_was_and_what_would_be():
    most = next(replay(edition(), [a_case()])).after_fen
    assert most > 0
    rules = edition()
    expected = [
        (a_case(before_fen=most, enterprise="1"), "same", most),
        (a_case(before_fen=most - 1, enterprise="2"), "more", most),
        (a_case(before_fen=most + 1, enterprise="3"), "less", most),
        (a_case(dishonest=True, enterprise="4"), "loss", 0),
        (a_case(before="refused", before_fen=0, enterprise="5"), "gain", most),
        (a_case(before="refused", before_fen=0, dishonest=True, enterprise="6"), "same", 0),
        (a_case(before="open", before_fen=0, enterprise="7"), "undecided", most),
    ]
    told = changes(rules, [case for case, _, _ in expected])
    assert told == [(change, amount_fen) for _, change, amount_fen in expected]


def test_a_fact_nobody_asked_for_waits_for_a_person():
    case = a_case()
    facts = {k: v for k, v in case.facts.items() if k != "dishonest"}
    (told,) = replay(edition(), [Case("1", "e", "甲", "supported", 1, facts, NEED)])
    assert (told.after, told.reasons) == ("manual", ())


def test_the_cap_of_an_enterprise_holds_across_its_cases():
    first = next(replay(edition(), [a_case()])).after_fen
    rules = edition(caps__enterprise_year=f"{(first + first // 2) // 100}.00",
                    caps__group_year="9000000.00")  # fmt: skip
    told = [each.after_fen for each in replay(rules, [a_case("1"), a_case("2"), a_case("3")])]
    assert told[0] == first
    assert sum(told) == (first + first // 2) // 100 * 100
    assert told[2] == 0


def test_the_sums_are_those_of_the_lines():
    cases = [a_case(str(n), enterprise=str(n % 7), before_fen=n, dishonest=n % 3 == 0)
             for n in range(1, 60)]  # fmt: skip
    totals, lines = Totals(), list(replay(edition(), cases))
    for each in lines:
        totals.add(each)
    assert totals.cases == 59
    assert totals.before_fen == sum(range(1, 60))
    assert totals.after_fen == sum(each.after_fen for each in lines)
    assert sum(totals.changes.values()) == sum(totals.after.values()) == 59


@pytest.mark.django_db
def test_a_draft_is_replayed_over_stored_cases_and_writes_nothing(django_assert_max_num_queries):
    programme = a_programme()
    won = an_approved(an_enterprise(), programme)
    lost = submit(a_draft(an_enterprise("91310107MAFAKE0270", "落选公司"), programme))
    told = {"slug": programme.slug, "title": "新版", "kind": "COMPUTE", "actor": CLERK, "at": AT}
    draft = editing.copy_edition(programme, **told)
    ratio = draft.rules["ratio"] | {"base_bp": 1500, "max_bp": 1500}
    draft = editing.revise_chapter(draft, "ratio", ratio, digest=draft.digest, actor=CLERK, at=AT)
    before = snapshot()
    with django_assert_max_num_queries(1):
        page = replay_page(draft, programme.slug, change="", start=0, size=10)
    assert snapshot() == before
    need = won.answers["need"]
    planned = int(need["card_hours"]) * int(need["unit_price_fen"])  # counted by hand
    by_number = {each.case.number: each for each in page.lines}
    assert by_number[won.application_no].change == "less"
    assert by_number[won.application_no].case.before_fen == won.approved_fen
    assert by_number[lost.application_no].change == "undecided"
    assert by_number[won.application_no].after_fen == planned * 15 // 100
    assert page.totals.before_fen == won.approved_fen
    assert page.sizes[by_number[won.application_no].size_class].cases == 2
    one = replay_page(draft, programme.slug, change="less", start=0, size=10)
    assert (len(one.lines), one.totals.cases) == (1, 2)
    assert replay_page(draft, programme.slug, change="", start=2, size=10).lines == []
    _by_the_pages(draft, won)


def _by_the_pages(draft, won):
    auditor = bureau("钱审计", AUDITOR)
    base = f"/office/vouchers/programmes/{draft.pk}/replay/"
    with at(AT):
        page = text_of(auditor.get(base))
        for words in (won.application_no, "金额减少", "当时审定合计", "小型"):
            assert words in page
        assert "没有符合筛选" in text_of(auditor.get(base + "?change=gain"))
        assert "同一券种全部方案" in text_of(auditor.get(base + "?scope=kind&page=x"))
        content = b"".join(auditor.get(base + "lines.csv").streaming_content).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(content)))
    assert len(rows) == 3
    assert rows[1][0] in {won.application_no, rows[2][0]}
    assert all(len(row) == len(rows[0]) for row in rows)

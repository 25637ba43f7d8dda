"""Runs: tried by one, confirmed by another, the same whenever repeated; scores, lots, parts."""

from datetime import timedelta

import pytest

from tests.vouchers.crowd import a_crowd
from tests.vouchers.story import AT, CHIEF, CLERK, FILE, a_programme, entries, refused
from vouchers import dividing, enrolling, issuing, lots
from vouchers.models import Reservation
from vouchers.pools import free_fen

pytestmark = pytest.mark.django_db
WAN = 1_000_000
SCORES = """
[[allocation.score]]
code = "SIZE"
title = "企业规模"
fact = "sme_class"
points = 60
clause = "演示方案第三条第三款"
[allocation.score.table]
unknown = 20
small = 60
"""


def a_scheme(rule, grant_fen=5 * WAN, scores="", min_score=0):
    text = FILE.read_text().replace('rule = "FIRST_COME"', f'rule = "{rule}"', 1)
    text = text.replace("min_score = 0", f"min_score = {min_score}", 1)
    head, tail = text.split("\n[validity]", 1)
    return a_programme(f"{head}\n{scores}\n[validity]{tail}", grant_fen=grant_fen)


def closed(programme):
    return programme.edition.windows.items[0].closes_at


def prepare(programme, at=None):
    return dividing.prepare_run(programme, 1, actor=CLERK, at=at or closed(programme))


def confirm(run, actor=CHIEF):
    return dividing.confirm_run(run, digest=run.digest, actor=actor, at=closed(run.programme))


def outcomes(run):
    return list(run.lines.values_list("rank", "granted_fen", "outcome"))


def a_revealed_draw(grant_fen=2 * WAN, count=5):
    programme = a_scheme("DRAW", grant_fen)
    seed = dividing.commit_seed(programme, 1, public_source="福彩 3D 开奖号", actor=CLERK, at=AT)
    crowd = a_crowd(programme, count, WAN)
    dividing.reveal_seed(seed, public_word="385", actor=CLERK, at=closed(programme))
    return programme, seed, crowd


def test_first_come_needs_no_run():
    programme = a_programme()
    a_crowd(programme, 1)
    with refused("first_come", "先到先得"):
        prepare(programme)


def test_nothing_is_divided_while_the_window_is_open_or_when_nobody_asks():
    programme = a_scheme("PRO_RATA")
    with refused("window_open"):
        prepare(programme, AT)
    with refused("nobody_asks"):
        prepare(programme)


def test_pro_rata_cuts_what_is_proposed_and_sets_it_aside():
    programme = a_scheme("PRO_RATA", 3 * WAN)
    crowd = a_crowd(programme, 4, WAN, "proposed")
    run = confirm(prepare(programme))
    assert outcomes(run) == [(no, 750_000, "funded") for no in range(1, 5)]
    crowd[0].refresh_from_db()
    assert (crowd[0].proposed_fen, free_fen(programme)) == (750_000, 0)
    assert Reservation.objects.open().count() == 4
    assert entries("allocation.prepare") == entries("allocation.confirm") == 1


def test_the_highest_scores_are_funded_and_each_score_keeps_its_facts():
    programme = a_scheme("SCORED", 2 * WAN, SCORES, min_score=5)
    crowd = a_crowd(programme, 3, WAN)
    size = {"industry": "I6513", "employees": 36, "revenue_fen": 820_500_000}
    enrolling.record_facts(
        crowd[2].enterprise, size, source="self", as_of=AT.date(), actor=CLERK, at=AT
    )
    run = prepare(programme)
    told = [
        (each.application_id, each.score, each.outcome)
        for each in run.lines.select_related("application")
    ]
    assert told == [
        (crowd[2].pk, 60, "funded"),
        (crowd[0].pk, 20, "funded"),
        (crowd[1].pk, 20, "waitlisted"),
    ]
    (score,) = run.lines.first().grounds["scores"]
    assert (score["fact"], score["value"], score["points"]) == ("sme_class", "small", "60")
    assert score["source"]
    assert score["as_of"]


def test_a_run_takes_two_people_and_what_the_second_saw():
    programme = a_scheme("PRO_RATA")
    a_crowd(programme, 2, WAN, "proposed")
    run = prepare(programme)
    with refused("run_waiting"):
        prepare(programme)
    with refused("same_person"):
        confirm(run, CLERK)
    with refused("run_changed"):
        dividing.confirm_run(run, digest="0" * 64, actor=CHIEF, at=AT)
    a_crowd(programme, 1, WAN, "proposed", begin=2)
    with refused("run_changed", "重新试算"):
        confirm(run)
    dividing.drop_run(run, actor=CLERK, at=AT)
    with refused("run_dropped"):
        confirm(run)
    again = confirm(prepare(programme))
    assert confirm(again).confirmed_at
    with refused("run_confirmed"):
        dividing.drop_run(again, actor=CLERK, at=AT)


def test_the_same_asks_and_money_give_the_same_digest_again():
    programme = a_scheme("PRO_RATA")
    a_crowd(programme, 3, WAN, "proposed")
    run = prepare(programme)
    dividing.drop_run(run, actor=CLERK, at=AT)
    assert prepare(programme).digest == run.digest


def test_a_draw_is_committed_before_revealed_after_and_recomputed_by_anybody():
    programme, seed, _ = a_revealed_draw()
    run = confirm(prepare(programme))
    lines = [
        {
            "application": each.application.application_no,
            "ticket": each.grounds["ticket"],
            "asked_fen": str(each.asked_fen),
            "granted_fen": str(each.granted_fen),
        }
        for each in run.lines.select_related("application")
    ]
    draw = {
        "seed": seed.seed, "commitment": seed.commitment, "public_word": "385",
        "free_fen": str(run.free_fen), "lines": lines,
    }  # fmt: skip
    assert lots.faults_of(draw) == []
    assert [each.outcome for each in run.lines.all()] == ["funded"] * 2 + ["waitlisted"] * 3
    assert entries("draw.commit") == entries("draw.reveal") == 1


def test_a_seed_is_chosen_once_and_in_time():
    programme = a_scheme("DRAW")
    told = {"public_source": "福彩 3D", "actor": CLERK}
    with refused("draw_too_late"):
        dividing.commit_seed(programme, 1, at=closed(programme), **told)
    with refused("source_missing"):
        dividing.commit_seed(programme, 1, at=AT, **told | {"public_source": " "})
    seed = dividing.commit_seed(programme, 1, at=AT, **told)
    with refused("draw_committed"):
        dividing.commit_seed(programme, 1, at=AT, **told)
    with refused("window_open"):
        dividing.reveal_seed(seed, public_word="1", actor=CLERK, at=AT)
    a_crowd(programme, 1)
    with refused("draw_not_revealed"):
        prepare(programme)
    after = closed(programme) + timedelta(hours=1)
    first = dividing.reveal_seed(seed, public_word="1", actor=CLERK, at=after)
    assert dividing.reveal_seed(seed, public_word="1", actor=CHIEF, at=after) == first
    with refused("draw_revealed"):
        dividing.reveal_seed(seed, public_word="2", actor=CLERK, at=after)


def test_without_a_run_nothing_is_issued_where_a_run_decides():
    programme = a_scheme("SCORED", scores=SCORES)
    application = a_crowd(programme, 1, WAN)[0]
    with refused("not_allocated", "分配"):
        issuing.issue_voucher(application, actor=CHIEF, at=AT)

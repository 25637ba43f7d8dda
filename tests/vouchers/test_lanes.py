"""The fast lane with its verifiable check, and support without application."""

import hashlib
import json

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse

from ledger.models import LogEntry
from tests.vouchers.story import (
    AT,
    CHIEF,
    CLERK,
    OTHER_USCC,
    USCC,
    a_draft,
    a_programme,
    admin_of,
    an_enterprise,
    entries,
    refused,
    submit,
)  # fmt: skip
from tests.vouchers.test_case_pages import at, clerk, firm, roles, text_of
from tests.vouchers.test_objecting import fresh
from vouchers import entitling, reviewing
from vouchers.fast_tracking import confirm_fast_batch, fast_lane, open_fast_batch
from vouchers.models import Application, FastBatch
from vouchers.sampling import choose, rank, seed_digest

__all__ = ["at", "roles"]  # fixtures of the doors, used here as well
THIRD_USCC = "91310107MAFAKE0355"


# The choice, pure -------------------------------------------------------------------------------


def test_the_choice_depends_on_seed_and_list_alone_and_is_never_empty():
    seed, cases = "ab" * 32, [f"case-{n}" for n in range(25)]
    chosen = choose(seed, cases, share_bp=1000)
    assert len(chosen) == 3  # ten per cent of 25, rounded up
    assert choose(seed, reversed(cases), share_bp=1000) == chosen
    assert choose(seed, cases + cases, share_bp=1000) == chosen
    by_hand = sorted(cases, key=lambda c: hashlib.sha256(f"{seed}:{c}".encode()).hexdigest())
    assert list(chosen) == by_hand[:3]
    assert choose(seed, ["one"], share_bp=1) == ("one",)
    assert choose(seed, [], share_bp=1000) == choose(seed, cases, share_bp=0) == ()
    assert choose("cd" * 32, cases, share_bp=1000) != chosen
    assert rank(seed, "a") != rank(seed, "b")
    for share in (-1, 10_001):
        with pytest.raises(ValueError):
            choose(seed, cases, share_bp=share)


def test_each_case_is_chosen_about_as_often_as_the_share_says():
    cases = [f"case-{n}" for n in range(10)]
    times = sum("case-3" in choose(f"{n:064x}", cases, share_bp=1000) for n in range(2000))
    assert 140 < times < 260


# The batch --------------------------------------------------------------------------------------


def three_small():
    programme = a_programme()
    firms = [
        an_enterprise(),
        an_enterprise(OTHER_USCC, "上海别家科技有限公司"),
    ]
    return programme, [submit(a_draft(each, programme)) for each in firms]


@pytest.mark.django_db
def test_one_person_confirms_what_the_machine_proposes_and_the_seed_was_fixed_before():
    programme, cases = three_small()
    batch = open_fast_batch(programme, actor=CLERK, at=AT)
    logged = json.loads(bytes(LogEntry.objects.get(type="fastlane.commit").body))
    assert logged["body"]["seed_digest"] == seed_digest(batch.seed)
    assert batch.seed not in json.dumps(logged)
    with refused("batch_open"):
        open_fast_batch(programme, actor=CLERK, at=AT)
    assert {each.pk for each in fast_lane(programme)} == {each.pk for each in cases}
    batch = confirm_fast_batch(batch, cases, actor=CLERK, at=AT)
    told = json.loads(bytes(LogEntry.objects.get(type="fastlane.confirm").body))["body"]
    assert told["seed"] == batch.seed
    again = choose(told["seed"], told["cases"], share_bp=int(told["share_bp"]))
    assert list(again) == told["chosen"] == batch.chosen == batch.recomputed()
    states = {str(each.pk): fresh(each) for each in cases}
    (sampled,) = batch.chosen
    assert (states[sampled].state, states[sampled].lane) == ("accepted", "sample")
    (other,) = set(states) - {sampled}
    proposed = states[other]
    assert (proposed.state, proposed.lane) == ("proposed", "fast")
    assert proposed.proposed_fen == proposed.requested_fen
    # Whoever confirmed is the first reviewer: another natural person approves.
    notice = reviewing.publish_notice([proposed], actor=CLERK, at=AT)
    reviewing.close_notice(notice, actor=CLERK, at=notice.ends_at)
    with refused("same_person"):
        reviewing.approve_application(fresh(proposed), actor=CLERK, at=notice.ends_at)
    reviewing.approve_application(fresh(proposed), actor=CHIEF, at=notice.ends_at)
    # The one that was chosen is reviewed in full, by two.
    case = reviewing.first_review(
        states[sampled], "pass", approved_fen=880_000, reason="符合", actor=CLERK, at=AT
    )
    assert reviewing.second_review(case, "agree", actor=CHIEF, at=AT).state == "proposed"
    assert fast_lane(programme) == []
    with refused("batch_confirmed"):
        confirm_fast_batch(batch, cases, actor=CLERK, at=AT)
    for change in ({"seed": "00" * 32}, {"chosen": []}, {"confirmed_at": None}):
        with pytest.raises(DatabaseError), transaction.atomic():
            FastBatch.objects.update(**change)


@pytest.mark.django_db
def test_what_is_flagged_too_large_or_begun_stays_out_of_the_fast_lane():
    programme = a_programme()
    flagged = submit(a_draft(programme=programme, enterprise={"large_controlled": "yes"}))
    assert flagged.check_outcome == "flagged"
    batch = open_fast_batch(programme, actor=CLERK, at=AT)
    assert fast_lane(programme) == []
    with refused("not_fast", flagged.application_no):
        confirm_fast_batch(batch, [flagged], actor=CLERK, at=AT)
    with refused("batch_empty"):
        confirm_fast_batch(batch, [], actor=CLERK, at=AT)
    with pytest.raises(DatabaseError, match="digest_of_seed"), transaction.atomic():
        FastBatch.objects.create(
            programme=a_programme(), batch_no="X", seed="1", seed_digest="2", opened_at=AT,
            share_bp=1, confirmed_at=AT,
        )  # fmt: skip


@pytest.mark.django_db
def test_the_page_opens_and_confirms_a_batch_without_showing_an_open_seed(client, at, roles):
    programme, cases = three_small()
    address = reverse("office_fast")
    clerk(client).post(address, {"deed": "open", "programme": str(programme.pk)})
    batch = FastBatch.objects.get()
    page = text_of(client.get(address))
    assert batch.seed_digest in page
    assert batch.seed not in page
    assert client.post(address, {"deed": "confirm", "batch": str(batch.pk)}).status_code == 409
    told = {"deed": "confirm", "batch": str(batch.pk)}
    assert client.post(
        address, told | {"applications": [str(each.pk) for each in cases]}
    ).status_code == 302  # fmt: skip
    page = text_of(client.get(address))
    assert batch.seed in page
    assert "复算一致" in page


# Support without application --------------------------------------------------------------------

HEAD = "统一社会信用代码,企业名称,金额（元）\n"
LIST = (
    f"{HEAD}{USCC},上海智算科技有限公司,8800.00\n{OTHER_USCC},上海别家科技有限公司,5000.00\n"
    f"{THIRD_USCC},没有登记的公司,100.00\n"
)


def bring(programme, text=LIST, document_no="普数据〔2026〕10号"):
    return entitling.import_entitlements(
        programme, text, document_no=document_no, actor=CLERK, at=AT
    )


@pytest.mark.django_db
def test_a_listed_enterprise_only_confirms_and_may_go_by_the_fast_lane():
    programme, firm_ = a_programme(), an_enterprise()
    an_enterprise(OTHER_USCC, "上海别家科技（更名）有限公司")
    brought = bring(programme)
    (offer,) = brought.applications
    assert [reason for _, reason in brought.left_out] == [
        "名称与平台登记的“上海别家科技（更名）有限公司”不一致", "企业还没有在平台登记",
    ]  # fmt: skip
    assert (offer.state, offer.origin, offer.requested_fen) == ("draft", "no_application", 880_000)
    with refused("not_entitled"):
        entitling.confirm_entitlement(offer, actor=CLERK, at=AT)
    case = entitling.confirm_entitlement(offer, actor=admin_of(firm_), at=AT)
    assert (case.state, case.check_outcome) == ("submitted", "passed")
    assert "普数据〔2026〕10号" in json.dumps(case.verdict, ensure_ascii=False)
    again = entitling.confirm_entitlement(case, actor=admin_of(firm_), at=AT)
    assert again.application_no == case.application_no
    assert [each.pk for each in fast_lane(programme)] == [case.pk]
    assert bring(programme).left_out[0][1] == "本窗口已有申请"
    assert entries("entitlement.import") == 2


@pytest.mark.django_db
def test_a_list_with_a_fault_is_refused_whole_with_every_fault_by_its_line():
    programme = a_programme()
    an_enterprise()
    for text, code, words in (
        ("a,b,c\n", "list_head", "表头"),
        (HEAD, "list_empty", "空的"),
        (HEAD + f"{USCC},甲,8,8\n{USCC},甲,0\n,乙,1\n", "list_faults", "第 3 行"),
        (HEAD + f"{USCC},甲,1\n{USCC},甲,1\n", "list_faults", "两次"),
    ):
        with refused(code, words):
            bring(programme, text)
    with refused("document_missing"):
        bring(programme, document_no=" ")
    assert Application.objects.count() == 0


@pytest.mark.django_db
def test_the_enterprise_confirms_by_a_page_of_one_button(client, at, roles):
    programme, _ = a_programme(), an_enterprise()
    (offer,) = bring(programme).applications
    address = reverse("application_entitlement", args=[offer.pk])
    page = firm(client, offer).get(reverse("application_tasks", args=[offer.pk]))
    assert page.url == address
    assert "8,800.00 元" in text_of(client.get(address))
    assert client.post(address).status_code == 302
    assert fresh(offer).state == "submitted"
    clerk(client)
    assert "PTSLQ-2026-000001" in text_of(client.get(reverse("office_entitlements")))

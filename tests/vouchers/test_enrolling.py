"""Enterprises: registering, facts with source and date, verifying, seats, suspension."""

from datetime import date, timedelta

import pytest
from django.contrib.auth.models import Group

from tests.roles import give_group
from tests.vouchers.story import (
    AT,
    CLERK,
    USCC,
    admin_of,
    an_enterprise,
    entries,
    refused,
    user_of,
)
from vouchers import enrolling
from vouchers.models import Enterprise, EnterpriseSeat, StateRow

pytestmark = pytest.mark.django_db


def register(uscc=USCC, name="上海智算科技有限公司", **changes):
    return enrolling.register_enterprise(name, uscc, **{"actor": CLERK, "at": AT} | changes)


def test_registering_writes_enterprise_seat_row_and_entry():
    user = user_of("管理员")
    enterprise = register(user=user)
    assert (enterprise.state, enterprise.uscc_flag) == ("registered", "")
    assert EnterpriseSeat.objects.get().role == "enterprise_admin"
    assert [row.event for row in StateRow.objects.of(enterprise)] == ["register"]
    assert entries("enterprise.register") == 1


CODES = [
    (f"  {USCC.lower()} ", USCC, ""),
    ("91350203M0001QAY9B", "91350203M0001QAY9B", "pilot_code"),
]


@pytest.mark.parametrize(("typed", "kept", "flag"), CODES)
def test_a_code_is_normalised_and_a_pilot_code_flagged(typed, kept, flag):
    enterprise = register(typed)
    assert (enterprise.uscc, enterprise.uscc_flag) == (kept, flag)


REFUSALS = [
    ({"uscc": "91310107MAFAKE0196"}, "uscc_check_18", "校验码不正确"),
    ({"uscc": "91310107MAFAKEO195"}, "uscc_letter", "很可能是“0”"),
    ({"uscc": "91310107MAFAKE019"}, "uscc_length", "17 位"),
    ({"uscc": ""}, "uscc_empty", "18 位"),
    ({"uscc": "91310107MAFAKEO195", "insist": True}, "uscc_letter", "第 15 位"),
    ({"name": "名"}, "name_invalid", "至少两个字"),
    ({"name": "公司😀"}, "name_invalid", "符号"),
    ({"name": "公\u200b司"}, "name_invalid", "控制字符"),
]


@pytest.mark.parametrize(("changes", "code", "words"), REFUSALS)
def test_a_registration_is_refused_with_its_reason(changes, code, words):
    with refused(code, words):
        register(**changes)


def test_insisting_sends_a_failed_check_to_a_person():
    assert register("91310107MAFAKE0196", insist=True).uscc_flag == "check_failed"


def test_a_code_is_registered_once():
    register()
    with refused("already_registered", "已由“上海智算科技有限公司”登记"):
        register(name="别的名字")


def test_bureau_staff_get_no_seat():
    officer = user_of("王初审")
    give_group(officer, Group.objects.get(name="reviewer"))
    with refused("two_realms", "工作人员"):
        register(user=officer)
    enterprise = register()
    with refused("two_realms"):
        enrolling.add_seat(enterprise, officer, "enterprise_clerk", actor=CLERK, at=AT)


def facts(enterprise, told=None, **changes):
    given = {"source": "self", "as_of": date(2025, 12, 31), "actor": CLERK, "at": AT} | changes
    return enrolling.record_facts(enterprise, told or {"employees": 36}, **given)


def test_a_fact_has_source_date_and_expiry():
    (row,) = facts(register())
    assert (row.source, row.as_of, row.expires_on) == (
        "self",
        date(2025, 12, 31),
        date(2026, 12, 31),
    )
    assert entries("enterprise.facts") == 1


def test_a_leap_day_expires_on_the_28th():
    (row,) = facts(register(), as_of=date(2024, 2, 29))
    assert row.expires_on == date(2025, 2, 28)


def test_a_newer_fact_wins_and_the_older_stays():
    enterprise = register()
    facts(enterprise)
    facts(enterprise, {"employees": 40}, as_of=date(2026, 6, 30), source="bureau")
    assert enterprise.facts_at(AT)["employees"].value == 40
    assert enterprise.facts.count() == 2


def test_a_fact_is_not_known_before_it_was_recorded():
    enterprise = register()
    facts(enterprise)
    assert enterprise.facts_at(AT - timedelta(seconds=1)) == {}


def test_an_older_statement_recorded_later_does_not_win():
    enterprise = register()
    facts(enterprise, as_of=date(2026, 6, 30))
    facts(enterprise, {"employees": 1}, as_of=date(2025, 6, 30))
    assert enterprise.facts_at(AT)["employees"].value == 36


FACT_REFUSALS = [
    ({"told": {"shoe_size": 43}}, "unknown_fact", "shoe_size"),
    ({"source": "rumour"}, "unknown_source", "来源"),
    ({"as_of": date(2026, 9, 2)}, "as_of_future", "不能晚于今天"),
]


@pytest.mark.parametrize(("changes", "code", "words"), FACT_REFUSALS)
def test_a_fact_is_refused_with_its_reason(changes, code, words):
    enterprise = register()
    with refused(code, words):
        facts(enterprise, **changes)


def test_verifying_names_what_was_compared():
    enterprise = register()
    with refused("evidence_missing"):
        enrolling.verify_enterprise(enterprise, evidence=" ", actor=CLERK, at=AT)
    done = enrolling.verify_enterprise(enterprise, evidence="营业执照", actor=CLERK, at=AT)
    assert (done.state, done.verified_at) == ("active", AT)
    with refused("wrong_state"):
        enrolling.verify_enterprise(enterprise, evidence="营业执照", actor=CLERK, at=AT)


def test_a_seat_is_given_once_and_changed_in_place():
    enterprise = an_enterprise()
    user = user_of("同事")
    enrolling.add_seat(enterprise, user, "enterprise_clerk", actor=admin_of(enterprise), at=AT)
    enrolling.add_seat(enterprise, user, "enterprise_admin", actor=admin_of(enterprise), at=AT)
    assert enterprise.seats.filter(user=user).count() == 1
    with refused("unknown_role"):
        enrolling.add_seat(enterprise, user, "king", actor=CLERK, at=AT)


def test_an_enterprise_is_shown_by_its_name():
    assert str(register()) == "上海智算科技有限公司"
    assert Enterprise.objects.count() == 1

"""Registers: prepared by one, confirmed by another, and what they do to those they name."""

from datetime import date

import pytest
from django.db import DatabaseError, connection, transaction

from tests.vouchers.registers import confirmed, content, prepared
from tests.vouchers.story import AT, CHIEF, CLERK, USCC, a_draft, an_enterprise, entries, refused
from vouchers import proposing, registering, registers
from vouchers.models import (
    ContractUse,
    CriterionDecision,
    RegisterImport,
    RegisterRow,
    StandingRequest,
    Succession,
)
from vouchers.register_files import KINDS

pytestmark = pytest.mark.django_db
LINE = f"{USCC},上海智算科技有限公司,沪信〔2026〕1号,2026-01-05,"
TODAY = date(2026, 9, 1)


def test_the_kinds_of_the_files_are_those_of_the_table():
    assert {code: kind.title for code, kind in KINDS.items()} == dict(
        RegisterImport.Register.choices
    )


def test_a_register_is_previewed_confirmed_by_another_and_bars_whom_it_names():
    enterprise = an_enterprise()
    batch = prepared("dishonesty", LINE)
    assert (batch.row_count, batch.rows.count(), len(batch.sha256)) == (1, 1, 64)
    assert registers.Entries(USCC).on_list("dishonesty", TODAY) == []
    with refused("same_person"):
        registering.confirm_import(batch, actor=CLERK, at=AT)
    registering.confirm_import(batch, actor=CHIEF, at=AT)
    enterprise.refresh_from_db()
    assert (enterprise.state, enterprise.barred_until) == ("barred", date(2029, 9, 1))
    assert [row.document_no for row in registers.Entries(USCC).on_list("dishonesty", TODAY)]
    assert entries("register.prepare") == entries("register.confirm") == 1
    with refused("register_decided", "已确认"):
        registering.confirm_import(batch, actor=CHIEF, at=AT)
    with refused("register_decided"):
        registering.discard_import(batch, reason="x", actor=CHIEF, at=AT)


def test_an_abnormal_firm_is_suspended_and_a_removal_takes_the_line_off():
    enterprise = an_enterprise()
    confirmed("abnormal", LINE)
    enterprise.refresh_from_db()
    assert enterprise.state == "suspended"
    confirmed("abnormal", f"{LINE}2026-08-30", as_of=date(2026, 9, 1))
    assert registers.Entries(USCC).on_list("abnormal", TODAY) == []
    assert registers.Entries(USCC).on_list("abnormal", TODAY, years=1)
    assert registers.Entries(USCC).on_list("abnormal", date(2027, 8, 30), years=1) == []


REFUSALS = [
    ({"register": "rumours"}, "unknown_register", "没有这种名录"),
    ({"source": " "}, "source_missing", "来源"),
    ({"source": "x" * 201}, "source_invalid", "来源"),
    ({"as_of": date(2026, 9, 2)}, "as_of_future", "不能晚于今天"),
    ({"content": content("dishonesty", "1,2,3,4,")}, "register_faulty", "第 2 行"),
    ({"content": content("dishonesty")}, "register_faulty", "没有内容"),
]


def test_a_file_is_refused_with_its_reason():
    told = {
        "register": "dishonesty", "content": content("dishonesty", LINE), "file_name": "a.csv",
        "source": "市信用中心", "as_of": TODAY, "actor": CLERK, "at": AT,
    }  # fmt: skip
    for changes, code, words in REFUSALS:
        with refused(code, words):
            registering.prepare_import(**told | changes)
    batch = registering.prepare_import(**told)
    with refused("register_known", "2026-09-01"):
        registering.prepare_import(**told)
    with refused("reason_missing"):
        registering.discard_import(batch, reason=" ", actor=CLERK, at=AT)
    registering.discard_import(batch, reason="传错了", actor=CLERK, at=AT)
    assert registering.prepare_import(**told).pk != batch.pk


def test_the_newer_file_about_a_company_counts_and_numbers_of_people_are_marks():
    head = f"{USCC},甲公司"
    person = "310107199001011234"
    confirmed("shareholding", f"{head},{person},张三,60", f"{head},91310107MAFAKE0270,乙,40")
    assert not RegisterRow.objects.filter(other=person).exists()
    graph = registers.graph_around(USCC, 2500)
    assert graph.holdings(registers.mark(person)) == {USCC: 6000}
    confirmed("shareholding", f"{head},{person},张三,100", as_of=date(2026, 9, 1))
    graph = registers.graph_around(USCC, 2500)
    assert graph.above(USCC) == {registers.mark(person)}


@pytest.mark.superuser
def test_the_database_keeps_a_decided_register_as_it_is():
    batch = confirmed("large", f"{USCC},甲公司")
    for change in ({"source": "别处"}, {"row_count": 2}, {"confirmed_at": None}):
        with pytest.raises(DatabaseError), transaction.atomic():
            RegisterImport.objects.filter(pk=batch.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        RegisterRow.objects.create(batch=batch, line_no=9, uscc=USCC, name="晚到")
    for verb in ("UPDATE {} SET name = ''", "DELETE FROM {}"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(verb.format("vouchers_registerrow"))
    barring = prepared("dishonesty", LINE)
    with pytest.raises(DatabaseError, match="two_persons"), transaction.atomic():
        RegisterImport.objects.filter(pk=barring.pk).update(
            confirmed_at=AT, confirmed_person=CLERK.person
        )


@pytest.mark.superuser
def test_what_people_decided_and_claimed_stays_as_it_is():
    case = a_draft()
    firm = case.enterprise
    Succession.objects.create(
        kind="rename", enterprise=firm, old_name="旧", new_name="新", document_no="1",
        effective_on=TODAY, recorded_at=AT,
    )  # fmt: skip
    CriterionDecision.objects.create(
        application=case, code="C01", met=True, reason="x", evidence="y", decided_at=AT
    )
    ContractUse.objects.create(number="HT-1", application=case, used_at=AT)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for table in ("succession", "criteriondecision", "contractuse"):
        for verb in ("UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"):
            with (
                pytest.raises(DatabaseError, match="append-only"),
                transaction.atomic(),
                connection.cursor() as cursor,
            ):
                cursor.execute(verb.format(f"vouchers_{table}"))
    request = proposing.propose_standing(firm, "deregister", reason="注销", actor=CLERK, at=AT)
    with refused("request_waits"):
        proposing.propose_standing(firm, "deregister", reason="注销", actor=CLERK, at=AT)
    with pytest.raises(DatabaseError), transaction.atomic():
        StandingRequest.objects.filter(pk=request.pk).update(event="bar")
    done = proposing.decide_standing(request, agreed=False, actor=CLERK, at=AT)
    with pytest.raises(DatabaseError), transaction.atomic():
        StandingRequest.objects.filter(pk=done.pk).update(agreed=True)

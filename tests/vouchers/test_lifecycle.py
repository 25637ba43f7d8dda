"""Every state times every event, as one literal table a machine; the database holds the same."""

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from ledger.lifecycle import can, edges, label, step
from ledger.periods import Month
from ledger.refusals import Refused
from tests.house.test_machines import edges_in_the_database
from tests.roles import SUPERUSER, as_role
from tests.vouchers.story import AT, CLERK, a_draft, a_programme, a_voucher, an_enterprise, submit
from vouchers import spending
from vouchers.models import (
    Application,
    Enterprise,
    Hold,
    Inquiry,
    NoticeObjection,
    Programme,
    PublicNotice,
    StateRow,
    Voucher,
)
from vouchers.states import move

NO = ""

PROGRAMME = """
            propose    send_back  consult     publish    pause   resume     close   settle    evaluate   archive
draft       in_review  -          -           -          -       -          -       -         -          -
in_review   -          draft      consulting  -          -       -          -       -         -          -
consulting  -          draft      -           published  -       -          -       -         -          -
published   -          -          -           -          paused  -          closed  -         -          -
paused      -          -          -           -          -       published  closed  -         -          -
closed      -          -          -           -          -       -          -       settling  -          -
settling    -          -          -           -          -       -          -       -         evaluated  -
evaluated   -          -          -           -          -       -          -       -         -          archived
archived    -          -          -           -          -       -          -       -         -          -
"""  # noqa: E501 - a table is read across
ENTERPRISE = """
              verify  watch  clear_watch  suspend    reinstate  bar     end_bar  move_out   move_in  deregister
registered    active  -      -            suspended  -          barred  -        -          -        deregistered
active        -       watch  -            suspended  -          barred  -        moved_out  -        deregistered
watch         -       -      active       suspended  -          barred  -        moved_out  -        deregistered
suspended     -       -      -            -          active     barred  -        moved_out  -        deregistered
barred        -       -      -            -          -          -       watch    -          -        deregistered
moved_out     -       -      -            -          -          barred  -        -          active   deregistered
deregistered  -       -      -            -          -          -       -        -          -        -
"""  # noqa: E501 - a table is read across
APPLICATION = """
                  submit     accept    refuse_acceptance  ask_supplement  resubmit  lapse   confirm_fast  recommend         send_back  agree        reject    propose   hit       put_on_notice  object     resume_notice  dismiss_objection  uphold_objection  finish_notice  approve   waitlist    issue   pass_over  ask_reconsider  uphold    overturn  withdraw
draft             submitted  -         -                  -               -         lapsed  -             -                 -          -            -         -         -         -              -          -              -                  -                 -              -         -           -       -          -               -         -         withdrawn
submitted         -          accepted  rejected           -               -         -       -             -                 -          -            -         -         -         -              -          -              -                  -                 -              -         -           -       -          -               -         -         withdrawn
accepted          -          -         -                  supplement      -         -       proposed      in_second_review  -          -            -         -         -         -              -          -              -                  -                 -              -         -           -       -          -               -         -         withdrawn
supplement        -          -         -                  -               accepted  lapsed  -             -                 -          -            -         -         -         -              -          -              -                  -                 -              -         -           -       -          -               -         -         withdrawn
in_second_review  -          -         -                  supplement      -         -       -             -                 accepted   joint_check  rejected  -         -         -              -          -              -                  -                 -              -         -           -       -          -               -         -         withdrawn
joint_check       -          -         -                  -               -         -       -             -                 -          -            -         proposed  accepted  -              -          -              -                  -                 -              -         -           -       -          -               -         -         withdrawn
proposed          -          -         -                  -               -         -       -             -                 -          -            -         -         -         in_notice      -          -              -                  -                 -              -         -           -       -          -               -         -         withdrawn
in_notice         -          -         -                  -               -         -       -             -                 -          -            -         -         -         -              objection  -              -                  -                 notice_done    -         -           -       -          -               -         -         -
objection         -          -         -                  -               -         -       -             -                 -          -            -         -         -         -              -          in_notice      notice_done        rejected          -              -         -           -       -          -               -         -         -
notice_done       -          -         -                  -               -         -       -             -                 -          -            -         -         -         -              -          -              -                  -                 -              approved  -           -       -          -               -         -         -
approved          -          -         -                  -               -         -       -             -                 -          -            -         -         -         -              -          -              -                  -                 -              -         waitlisted  issued  rejected   -               -         -         -
waitlisted        -          -         -                  -               -         -       -             -                 -          -            -         -         -         -              -          -              -                  -                 -              -         -           issued  rejected   -               -         -         -
issued            -          -         -                  -               -         -       -             -                 -          -            -         -         -         -              -          -              -                  -                 -              -         -           -       -          -               -         -         -
rejected          -          -         -                  -               -         -       -             -                 -          -            -         -         -         -              -          -              -                  -                 -              -         -           -       -          reconsider      -         -         -
reconsider        -          -         -                  -               -         -       -             -                 -          -            -         -         -         -              -          -              -                  -                 -              -         -           -       -          -               rejected  accepted  -
lapsed            -          -         -                  -               -         -       -             -                 -          -            -         -         -         -              -          -              -                  -                 -              -         -           -       -          -               -         -         -
withdrawn         -          -         -                  -               -         -       -             -                 -          -            -         -         -         -              -          -              -                  -                 -              -         -           -       -          -               -         -         -
"""  # noqa: E501 - a table is read across
NOTICE = """
           close
published  closed
closed     -
"""
OBJECTION = """
              accept    investigate   send_back  uphold  dismiss    refuse
received      accepted  investigated  -          -       -          -
accepted      -         investigated  -          -       -          -
investigated  -         -             accepted   upheld  dismissed  not_admitted
upheld        -         -             -          -       -          -
dismissed     -         -             -          -       -          -
not_admitted  -         -             -          -       -          -
"""
VOUCHER = """
             use_up   expire   revoke   surrender
active       used_up  expired  revoked  surrendered
used_up      -        -        -        -
expired      -        -        -        -
revoked      -        -        -        -
surrendered  -        -        -        -
"""
HOLD = """
        close
open    closed
closed  -
"""
INQUIRY = """
           uphold  dismiss
open       upheld  dismissed
upheld     -       -
dismissed  -       -
"""
TABLES = {
    Programme: PROGRAMME,
    Enterprise: ENTERPRISE,
    Application: APPLICATION,
    PublicNotice: NOTICE,
    NoticeObjection: OBJECTION,
    Voucher: VOUCHER,
    Hold: HOLD,
    Inquiry: INQUIRY,
}


def cells(table):
    head, *rows = [line.split() for line in table.strip().splitlines()]
    return [
        (row[0], event, NO if target == "-" else target)
        for row in rows
        for event, target in zip(head, row[1:], strict=True)
    ]


CASES = [
    pytest.param(machine, *cell, id=f"{machine.__name__}-{cell[0]}-{cell[1]}")
    for machine, table in TABLES.items()
    for cell in cells(table)
]


@pytest.mark.parametrize(("machine", "state", "event", "target"), CASES)
def test_an_event_leads_where_the_table_says_and_nowhere_else(machine, state, event, target):
    thing = machine(state=state)
    if target:
        assert can(thing, event)
        assert step(thing, event) == (state, target)
        assert thing.state == target
    else:
        assert not can(thing, event)
        with pytest.raises(Refused) as refusal:
            step(thing, event)
        assert refusal.value.code == "wrong_state"
        assert thing.state == state


@pytest.mark.parametrize("machine", TABLES, ids=lambda each: each.__name__)
def test_the_table_names_every_state_and_every_event(machine):
    table = cells(TABLES[machine])
    assert {state for state, _, _ in table} == set(machine.State.values)
    assert {event for _, event, _ in table} == {event for _, event, _ in edges(machine)}


@pytest.mark.parametrize("machine", TABLES, ids=lambda each: each.__name__)
def test_the_guards_of_the_database_know_the_same_edges(machine):
    told = edges_in_the_database("vouchers")[machine._meta.model_name]
    assert told == {f"{source}>{target}" for source, _, target in edges(machine)}


@pytest.mark.parametrize("machine", TABLES, ids=lambda each: each.__name__)
def test_every_state_and_event_has_a_chinese_word(machine):
    words = [word for _, word in machine.State.choices]
    words += [label(machine(), event) for _, event, _ in edges(machine)]
    assert all(any("\u4e00" <= c <= "\u9fff" for c in word) for word in words)


def test_a_state_cannot_be_written_past_the_machine():
    with pytest.raises(AttributeError):
        Application(state="draft").state = "approved"


def test_a_refusal_names_the_state_and_the_step_in_chinese():
    with pytest.raises(Refused, match="当前状态为“已发放”，不能办理“受理”"):
        step(Application(state="issued"), "accept")


@pytest.mark.django_db
def test_the_database_refuses_an_illegal_edge():
    draft = a_draft()
    with pytest.raises(DatabaseError, match="no edge from draft to issued"), transaction.atomic():
        Application.objects.filter(pk=draft.pk).update(state="issued", approved_fen=1)


@pytest.mark.django_db
def test_the_database_refuses_an_unknown_state():
    draft = a_draft()
    with pytest.raises(DatabaseError), transaction.atomic():
        Application.objects.filter(pk=draft.pk).update(state="dreaming")


def end_of_transaction():
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def move_without_row(draft):
    with transaction.atomic():
        Application.objects.filter(pk=draft.pk).update(state="withdrawn")
        end_of_transaction()


def move_on_an_old_row(draft):
    with transaction.atomic(), connection.cursor() as cursor:
        move(draft, "withdraw", actor=CLERK, at=AT)
        with as_role(SUPERUSER):
            cursor.execute("ALTER TABLE vouchers_staterow DISABLE TRIGGER append_only")
            cursor.execute("UPDATE vouchers_staterow SET txid = 1")
        draft.save()
        end_of_transaction()


@pytest.mark.django_db
def test_a_move_without_its_state_row_is_refused_when_the_transaction_ends():
    draft = a_draft()
    with pytest.raises(DatabaseError, match="left no state row"):
        move_without_row(draft)


@pytest.mark.django_db
def test_a_state_row_of_another_transaction_does_not_cover_a_move():
    draft = a_draft()
    with pytest.raises(DatabaseError, match="left no state row"):
        move_on_an_old_row(draft)


PROTECTED = ["staterow", "redemption", "enterprisefact", "budgetgrant"]


@pytest.mark.django_db
@pytest.mark.superuser
@pytest.mark.parametrize("table", PROTECTED)
@pytest.mark.parametrize("verb", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_what_is_remembered_cannot_be_changed_or_removed(table, verb):
    submit(a_draft())
    hold = a_hold_with_redemption() if table == "redemption" else None
    statement = verb.format(f"vouchers_{table}")
    end_of_transaction()
    with pytest.raises(DatabaseError, match="append-only"):
        run(statement)
    assert hold is None or hold.redemptions.count() == 1


def run(statement):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def a_hold_with_redemption():
    voucher = a_voucher(an_enterprise("91310107MAFAKE0270", "别家公司"), Programme.objects.get())
    hold = spending.hold_amount(
        voucher, 100, order_ref="o", provider_ref="p", expires_at=voucher.valid_until,
        actor=CLERK, at=voucher.issued_at,
    )  # fmt: skip
    spending.redeem(
        hold, 100, month=Month(2026, 9), charge_ref="c", terms={}, compute=0,
        provider_ref="p", keep_open=False, actor=CLERK, at=voucher.issued_at,
    )  # fmt: skip
    return hold


@pytest.mark.django_db
def test_the_rules_of_a_published_edition_cannot_be_changed():
    programme = a_programme()
    for change in ({"digest": "0" * 64}, {"rules": {}}, {"cap_fen": 1}, {"edition_no": 9}):
        with pytest.raises(DatabaseError, match="is locked"), transaction.atomic():
            Programme.objects.filter(pk=programme.pk).update(**change)


@pytest.mark.django_db
@pytest.mark.parametrize("change", [{"face_fen": 1}, {"voucher_no": "X"}, {"returned_fen": -1}])
def test_face_and_number_of_a_voucher_never_change(change):
    voucher = a_voucher()
    with pytest.raises(DatabaseError), transaction.atomic():
        Voucher.objects.filter(pk=voucher.pk).update(**change)


@pytest.mark.django_db
def test_a_voucher_cannot_be_deleted():
    voucher = a_voucher()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM vouchers_voucher WHERE id = %s", [voucher.pk])


@pytest.mark.django_db
def test_each_move_of_a_story_left_its_row():
    voucher = a_voucher()
    rows = StateRow.objects.of(voucher.application)
    assert [(row.from_state, row.to_state) for row in rows] == [
        ("", "draft"),
        ("draft", "submitted"),
        ("submitted", "accepted"),
        ("accepted", "in_second_review"),
        ("in_second_review", "joint_check"),
        ("joint_check", "proposed"),
        ("proposed", "in_notice"),
        ("in_notice", "notice_done"),
        ("notice_done", "approved"),
        ("approved", "issued"),
    ]
    assert all(row.actor_name and row.at <= timezone.now() for row in rows)

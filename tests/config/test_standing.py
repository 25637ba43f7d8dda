"""Who may do nothing alone: roles by two, delegation for a time, one side of the table at once.

Every rule is tried twice: by the act, which refuses with a sentence, and past it, in the database.
"""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import DatabaseError, IntegrityError, transaction
from django.test import Client

from config.delegating import delegate_right, end_delegation
from config.granting import (
    confirm_role,
    disable_account,
    enable_account,
    end_role,
    found_role,
    propose_role,
)
from config.models import Delegation, RoleGrant, Tenure
from config.standing_in import delegated_to
from ledger import clock
from ledger.actors import Actor, system_actor
from tests.config.entry import PASSWORD, officer, sign_in, someone
from tests.vouchers import story
from tests.vouchers.story import refused
from vouchers.models import EnterpriseSeat

pytestmark = pytest.mark.django_db
AT = story.AT


def acting(user, role):
    return Actor(
        kind="user", id=str(user.pk), name=user.display_name, role=role, person=user.person_hash
    )


@pytest.fixture
def house():
    """A founded house: its platform and its approver as actors."""
    zhou, wang = officer("zhou", "platform"), officer("wang", "approver")
    return acting(zhou, "platform"), acting(wang, "approver")


def breaks(change):
    with pytest.raises(DatabaseError), transaction.atomic():
        change()


def test_a_role_takes_three_persons_of_two_offices(house):
    platform, approver = house
    user = someone("chen")
    asked = propose_role(user, "reviewer", reason="新入职人员", actor=platform, at=AT)
    assert not user.has_perm("vouchers.review_application")
    for actor, code in (
        (platform, "same_person"),
        (acting(user, "approver"), "same_person"),
        (acting(officer("qian", "platform"), "platform"), "needs_both"),
    ):
        with refused(code):
            confirm_role(asked, actor=actor, at=AT)
    confirm_role(asked, actor=approver, at=AT)
    user = get_user_model().objects.get(pk=user.pk)
    assert user.has_perm("vouchers.review_application")
    assert (story.entries("account.propose_role"), story.entries("account.grant_role")) == (1, 1)
    with refused("not_waiting"):
        confirm_role(asked, actor=approver, at=AT)
    with refused("already_granted"):
        propose_role(user, "reviewer", reason="再申请一次", actor=platform, at=AT)
    with refused("same_person"):
        propose_role(user, "finance", reason="自己申请", actor=acting(user, "platform"), at=AT)


def test_past_the_acts_the_database_lets_nobody_into_a_role(house):
    platform, _ = house
    user, group = someone("chen"), Group.objects.get(name="reviewer")
    breaks(lambda: user.groups.add(group))
    asked = propose_role(user, "reviewer", reason="新入职人员", actor=platform, at=AT)
    breaks(lambda: user.groups.add(group))
    rows = RoleGrant.objects.filter(pk=asked.pk)
    confirmed = {"confirmed_at": AT, "confirmed_by_name": "x", "confirmed_by_role": "approver"}
    for person in (asked.proposed_by_person, asked.person, ""):
        breaks(lambda person=person: rows.update(**confirmed, confirmed_by_person=person))
    same_office = confirmed | {"confirmed_by_role": "platform", "confirmed_by_person": "third"}
    breaks(lambda: rows.update(**same_office))
    breaks(lambda: rows.update(role="finance"))
    breaks(lambda: rows.update(person="x"))
    breaks(rows.delete)
    told = {"user": user, "person": user.person_hash, "reason": "r", "proposed_at": AT}
    told |= {"proposed_by_name": "x", "proposed_by_person": "y", "proposed_by_role": "platform"}
    breaks(
        lambda: RoleGrant.objects.create(
            role="finance", **told, **confirmed | {"confirmed_by_person": "z"}
        )
    )
    breaks(lambda: RoleGrant.objects.create(role="finance", founding=True, **told))


def test_a_house_is_founded_once():
    call = {"actor": system_actor("founding"), "at": AT}
    first = found_role(someone("zhou"), "platform", **call)
    assert first.user.groups.get().name == "platform"
    breaks(lambda: found_role(someone("other"), "platform", **call))


def test_platform_and_audit_stand_alone_under_every_account(house):
    platform, _ = house
    double = someone("zhou2", person_hash=platform.person)
    with refused("stands_alone"):
        propose_role(
            double,
            "finance",
            reason="兼任财务",
            actor=acting(officer("sun", "platform"), "platform"),
            at=AT,
        )
    user = officer("li", "auditor")
    with refused("stands_alone"):
        propose_role(user, "reviewer", reason="兼任初审", actor=platform, at=AT)


def test_ending_a_role_or_an_account_counts_at_once_and_ends_the_sessions(house):
    platform, approver = house
    user = someone("chen")
    grant = propose_role(user, "approver", reason="新入职人员", actor=platform, at=AT)
    confirm_role(grant, actor=approver, at=AT)
    client = Client()
    sign_in(client, "chen", PASSWORD)
    assert client.get("/office/books/").status_code == 200
    with refused("reason_missing"):
        end_role(grant, reason="", actor=platform, at=AT)
    end_role(grant, reason="调离本岗位", actor=platform, at=AT)
    assert client.get("/office/books/").status_code == 302
    sign_in(client, "chen", PASSWORD)
    assert client.get("/office/books/").status_code == 403, "H2: the right is gone"
    with refused("oneself"):
        disable_account(user, reason="停用自己", actor=acting(user, "platform"), at=AT)
    disable_account(user, reason="人员离职", actor=platform, at=AT)
    assert client.get("/account/").status_code == 302
    assert sign_in(client, "chen", PASSWORD)["Location"] == "/account/inactive/"
    enable_account(user, reason="返聘回岗", actor=platform, at=AT)
    assert sign_in(client, "chen", PASSWORD)["Location"] == "/enter/"


def delegating():
    giver, taker = officer("wang", "approver"), officer("chen", "reviewer")
    now = clock.now()
    told = {"begins_at": now, "until": now + timedelta(days=5), "reason": "出差五天"}
    return giver, taker, told | {"actor": acting(giver, "approver"), "at": now}


DECIDE = "vouchers.decide_application"


def test_u19_a_colleague_stands_in_until_the_day_and_no_longer():
    giver, taker, told = delegating()
    assert not taker.has_perm(DECIDE)
    delegate_right(giver, taker, DECIDE, **told)
    fresh = get_user_model().objects.get(pk=taker.pk)
    assert fresh.has_perm(DECIDE)
    assert not fresh.has_perm("vouchers.issue_voucher"), "one right, not the role"
    assert delegated_to(fresh) == {DECIDE: giver.display_name}
    giver.is_active = False
    giver.save()
    assert not get_user_model().objects.get(pk=taker.pk).has_perm(DECIDE)
    giver.is_active = True
    giver.save()
    with clock.set_to(told["until"]):
        assert not get_user_model().objects.get(pk=taker.pk).has_perm(DECIDE)
    assert story.entries("account.delegate") == 1


def test_a_delegation_is_refused_where_it_would_pass_on_or_reach_too_far():
    giver, taker, told = delegating()
    auditor = officer("sun", "auditor")
    second_account = someone("wang2", person_hash=giver.person_hash)
    long = {"until": told["begins_at"] + timedelta(days=32)}
    cases = (
        ("not_delegable", taker, "vouchers.grant_budget", {}),
        ("not_held", taker, "vouchers.review_application", {}),
        ("same_person", second_account, DECIDE, {}),
        ("not_an_officer", auditor, DECIDE, {}),
        ("not_an_officer", someone("li"), DECIDE, {}),
        ("time_invalid", taker, DECIDE, long),
        ("time_invalid", taker, DECIDE, {"until": told["begins_at"]}),
        ("reason_missing", taker, DECIDE, {"reason": " "}),
        ("not_oneself", taker, DECIDE, {"actor": acting(taker, "reviewer")}),
    )
    for code, whom, right, change in cases:
        with refused(code):
            delegate_right(giver, whom, right, **told | change)
    made = delegate_right(giver, taker, DECIDE, **told)
    with refused("already_delegated"):
        delegate_right(giver, taker, DECIDE, **told)
    third = officer("zhao", "reviewer")
    with refused("not_held", "不能再委托"):
        delegate_right(taker, third, DECIDE, **told | {"actor": acting(taker, "reviewer")})
    end_delegation(made, actor=acting(taker, "reviewer"), at=told["at"])
    assert not get_user_model().objects.get(pk=taker.pk).has_perm(DECIDE)
    with refused("not_waiting"):
        end_delegation(made, actor=acting(giver, "approver"), at=told["at"])


def test_past_the_acts_the_database_holds_delegations_too():
    giver, taker, told = delegating()
    third, auditor = officer("zhao", "reviewer"), officer("sun", "auditor")
    row = {"right": DECIDE, "reason": "r", "made_at": told["at"], "begins_at": told["begins_at"]}
    row |= {"giver": giver, "taker": taker, "until": told["until"]}
    for change in (
        {"taker": giver},
        {"giver": taker, "taker": third},
        {"taker": auditor},
        {"until": told["begins_at"] + timedelta(days=40)},
        {"until": told["begins_at"]},
        {"taker": someone("wang2", person_hash=giver.person_hash)},
    ):
        breaks(lambda change=change: Delegation.objects.create(**row | change))
    made = Delegation.objects.create(**row)
    rows = Delegation.objects.filter(pk=made.pk)
    breaks(lambda: rows.update(until=told["until"] + timedelta(days=1)))
    breaks(lambda: rows.update(taker=third))
    breaks(rows.delete)
    rows.update(ended_at=told["at"])
    breaks(lambda: rows.update(ended_at=None))


def test_one_natural_person_sits_on_one_side_of_the_table():
    enterprise = story.a_voucher().enterprise
    user = officer("chen", "reviewer")
    second = someone("chen2", person_hash=user.person_hash)
    seat = {"enterprise": enterprise, "role": "enterprise_clerk"}
    for each in (user, second):
        breaks(lambda each=each: EnterpriseSeat.objects.create(user=each, **seat))
    assert Tenure.objects.get(person=user.person_hash).realm == "bureau"
    member = EnterpriseSeat.objects.create(user=someone("li"), **seat)
    open_ones = Tenure.objects.filter(person=member.user.person_hash)
    assert open_ones.get(ended_at__isnull=True).realm == "enterprise"
    member.active = False
    member.save()
    assert open_ones.get().ended_at is not None, "history stays"
    breaks(lambda: Tenure.objects.create(person="x", realm="bureau", began_at=AT))


def test_the_person_behind_an_account_stays_the_same():
    user = someone("li")
    with pytest.raises(IntegrityError), transaction.atomic():
        get_user_model().objects.filter(pk=user.pk).update(person_hash="somebody-else")

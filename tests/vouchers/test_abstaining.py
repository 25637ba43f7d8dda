"""Who declared a tie to an enterprise abstains: by the acts, and by the database behind them."""

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction

from ledger.actors import Actor
from tests.vouchers import story
from tests.vouchers.story import refused
from vouchers.abstaining import declare_conflict, end_conflict
from vouchers.barring import suspend_enterprise
from vouchers.conflicts import conflicted, refuse_if_conflicted
from vouchers.models import ConflictDeclaration
from vouchers.states import write_row

pytestmark = pytest.mark.django_db
RELATION = "配偶在该企业任职"


def officer(name="officer", person="person-officer"):
    user = get_user_model().objects.create(username=name, display_name="陈经办", person_hash=person)
    return user, Actor(
        kind="user", id=str(user.pk), name=user.display_name, role="reviewer", person=person
    )


def test_who_declared_a_tie_can_do_nothing_on_the_enterprise_under_any_account():
    enterprise = story.a_voucher().enterprise
    application, voucher = enterprise.applications.get(), enterprise.vouchers.get()
    user, actor = officer()
    refuse_if_conflicted(actor, enterprise)
    declare_conflict(enterprise, user, relation=RELATION, actor=actor, at=story.AT)
    assert story.entries("conflict.declare") == 1
    _, second_account = officer("officer-2")
    for each in (actor, second_account):
        with refused("conflict_of_interest", "回避"):
            refuse_if_conflicted(each, enterprise)
        for thing in (enterprise, application, voucher):
            with pytest.raises(IntegrityError, match="declared a tie"), transaction.atomic():
                write_row(thing, "note", "记录", ("a", "a"), actor=each, at=story.AT)
    with refused("conflict_of_interest"):
        suspend_enterprise(enterprise, reason="核查", actor=actor, at=story.AT)
    suspend_enterprise(enterprise, reason="核查", actor=story.CHIEF, at=story.AT)


def test_a_declaration_is_ones_own_told_in_words_and_made_once():
    enterprise = story.a_voucher().enterprise
    user, actor = officer()
    with refused("not_oneself"):
        declare_conflict(enterprise, user, relation=RELATION, actor=story.CHIEF, at=story.AT)
    with refused("reason_missing"):
        declare_conflict(enterprise, user, relation=" 亲戚 ", actor=actor, at=story.AT)
    declare_conflict(enterprise, user, relation=RELATION, actor=actor, at=story.AT)
    with refused("already_declared"):
        declare_conflict(enterprise, user, relation=RELATION, actor=actor, at=story.AT)


def test_only_another_person_ends_a_declaration_and_nobody_edits_it():
    enterprise = story.a_voucher().enterprise
    user, actor = officer()
    made = declare_conflict(enterprise, user, relation=RELATION, actor=actor, at=story.AT)
    with refused("same_person"):
        end_conflict(made, reason="已经离职", actor=actor, at=story.AT)
    rows = ConflictDeclaration.objects.filter(pk=made.pk)
    for change in (
        {"person": "somebody"},
        {"relation": "没有关系"},
        {"ended_at": story.AT, "ended_by_person": actor.person},
        {"ended_at": story.AT},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**change)
    end_conflict(made, reason="配偶已于九月离职", actor=story.CHIEF, at=story.AT)
    assert not conflicted(actor.person, enterprise)
    with refused("already_ended"):
        end_conflict(made, reason="再解除一次", actor=story.CHIEF, at=story.AT)
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(ended_at=None, ended_by_person="")

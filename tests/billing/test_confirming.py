"""Both sides look: confirm, object, decide; only the disputed part waits."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from billing import settling
from billing.models import Confirmation, Objection, Statement, StateRow
from ledger.balances import balance
from ledger.chart import invoice, redeemed, rejected, unmatched, used_voucher
from ledger.models import LogEntry
from ledger.refusals import Refused
from tests.billing.served import open_messages
from tests.billing.world import CLOSE_AT, World, fresh, small_world
from tests.guards import guards_off
from vouchers.spending import voucher_position

pytestmark = pytest.mark.django_db


@pytest.fixture
def month() -> tuple[World, Statement]:
    world, order = small_world()
    world.use(order, hours=500)
    return world, world.close().statements.get()


def seats(world: World, statement: Statement) -> tuple[Any, Any]:
    """Return one person of the enterprise and one of the provider."""
    clerk = world.seat("王敏", enterprise=statement.enterprise)
    engineer = world.seat("李强", provider=statement.provider)
    open_messages(statement.close, clerk)
    return world.seated(clerk), world.seated(engineer)


def confirm(statement: Statement, side: str, actor: Any, **changes: Any) -> Confirmation:
    asked = {"side": side, "digest": statement.digest, "actor": actor, "at": CLOSE_AT} | changes
    return settling.confirm_statement(statement, **asked)


def object_to(statement: Statement, side: str, actor: Any, **changes: Any) -> Objection:
    asked = {
        "side": side, "ordinal": 1, "reason": "机房断电重跑", "actor": actor, "at": CLOSE_AT,
    } | changes  # fmt: skip
    return settling.object_statement(statement, **asked)


def test_the_second_yes_confirms(month: tuple[World, Statement]) -> None:
    world, statement = month
    clerk, engineer = seats(world, statement)
    confirm(statement, "enterprise", clerk)
    assert fresh(statement).state == "in_review"
    confirm(statement, "provider", engineer)
    assert fresh(statement).state == "confirmed"
    assert LogEntry.objects.filter(type="statement.confirmed").count() == 2


def test_confirming_twice_is_one_confirmation(month: tuple[World, Statement]) -> None:
    world, statement = month
    clerk, _ = seats(world, statement)
    assert confirm(statement, "enterprise", clerk) == confirm(statement, "enterprise", clerk)
    assert Confirmation.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"digest": "0" * 64}, "changed"), ({"side": "bureau"}, "no_such_side")],
)
def test_a_confirmation_of_something_else_is_refused(
    month: tuple[World, Statement], changes: dict[str, str], code: str
) -> None:
    world, statement = month
    clerk, _ = seats(world, statement)
    with pytest.raises(Refused) as refused:
        confirm(statement, **{"side": "enterprise", "actor": clerk} | changes)
    assert refused.value.code == code
    assert not Confirmation.objects.exists()


def test_nobody_answers_for_an_organisation_of_others(month: tuple[World, Statement]) -> None:
    world, statement = month
    clerk, _ = seats(world, statement)
    stranger = world.seated(world.seat("旁人", enterprise=world.make_enterprise("别家")))
    for act, side, actor in (
        (confirm, "enterprise", stranger),
        (confirm, "provider", clerk),
        (object_to, "provider", clerk),
    ):
        with pytest.raises(Refused) as refused:
            act(statement, side, actor)
        assert refused.value.code == "not_your_statement"


def test_one_person_does_not_answer_for_both_sides(month: tuple[World, Statement]) -> None:
    world, statement = month
    clerk, _ = seats(world, statement)
    twin = world.seat("同一人", provider=statement.provider)
    # The house does not let one person sit on both sides; the act must not rely on that.
    with guards_off(connection, ["config_user"]) as cursor:
        cursor.execute(
            "UPDATE config_user SET person_hash = %s WHERE id = %s", [clerk.person, twin.pk]
        )
    confirm(statement, "enterprise", clerk)
    with pytest.raises(Refused) as refused:
        confirm(statement, "provider", world.seated(fresh(twin)))
    assert refused.value.code == "same_person"


def test_an_objection_holds_back_only_its_line(month: tuple[World, Statement]) -> None:
    world, statement = month
    clerk, _ = seats(world, statement)
    objection = object_to(statement, "enterprise", clerk)
    now = fresh(statement)
    assert (now.state, now.held_back_fen, now.payable_fen) == ("disputed", 880_000, 0)
    assert objection.amount_fen == 880_000
    assert fresh(statement.close).digest != statement.close.digest


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"ordinal": 9}, "no_such_line"),
        ({"reason": "  "}, "reason_needed"),
        ({"reason": "长" * 1001}, "reason_needed"),
        ({"at": CLOSE_AT + timedelta(days=30)}, "too_late"),
    ],
)
def test_an_objection_without_ground_is_refused(
    month: tuple[World, Statement], changes: dict[str, Any], code: str
) -> None:
    world, statement = month
    clerk, _ = seats(world, statement)
    with pytest.raises(Refused) as refused:
        object_to(statement, "enterprise", clerk, **changes)
    assert refused.value.code == code
    assert fresh(statement).held_back_fen == 0


def test_an_objection_counts_until_the_last_second(month: tuple[World, Statement]) -> None:
    world, statement = month
    clerk, _ = seats(world, statement)
    until = statement.close.objections_until
    with pytest.raises(Refused):
        object_to(statement, "enterprise", clerk, at=until)
    object_to(statement, "enterprise", clerk, at=until - timedelta(seconds=1))


def test_who_said_yes_does_not_object_and_who_objects_does_not_say_yes(
    month: tuple[World, Statement],
) -> None:
    world, statement = month
    clerk, engineer = seats(world, statement)
    confirm(statement, "enterprise", clerk)
    with pytest.raises(Refused) as refused:
        object_to(statement, "enterprise", clerk)
    assert refused.value.code == "already_confirmed"
    object_to(statement, "provider", engineer)
    with pytest.raises(Refused) as refused:
        confirm(statement, "provider", engineer)
    assert refused.value.code == "objection_open"


def test_a_dismissed_objection_leads_back_to_confirmation(month: tuple[World, Statement]) -> None:
    world, statement = month
    clerk, engineer = seats(world, statement)
    objection = object_to(statement, "enterprise", clerk)
    confirm(statement, "provider", engineer)
    settling.resolve_objection(
        objection, uphold=False, resolution="记录属实", actor=world.approver, at=CLOSE_AT
    )
    now = fresh(statement)
    assert (now.state, now.held_back_fen, now.version) == ("in_review", 0, 1)
    confirm(now, "enterprise", clerk)
    assert fresh(statement).state == "confirmed"


def test_an_upheld_objection_takes_the_line_back_by_new_rows(
    month: tuple[World, Statement],
) -> None:
    world, statement = month
    clerk, engineer = seats(world, statement)
    objection = object_to(statement, "enterprise", clerk)
    confirm(statement, "provider", engineer)
    settling.resolve_objection(
        objection, uphold=True, resolution="核对断电记录", actor=world.approver, at=CLOSE_AT
    )
    now = fresh(statement)
    assert (now.state, now.version) == ("in_review", 2)
    assert (now.gross_fen, now.public_fen, now.self_fen) == (0, 0, 0)
    assert now.digest != statement.digest
    first, reversal = now.lines.order_by("ordinal")
    assert (reversal.reverses, reversal.public_fen) == (first, -880_000)
    slug, provider = world.programme.slug, str(statement.provider_id)
    assert balance(redeemed(slug, provider)).posted == 0
    assert balance(statement.voucher.account).available == 10_000_000 - 5_000_000 + 880_000
    assert balance(invoice(provider, "2026-10")).posted == 0
    assert balance(used_voucher(slug, str(statement.voucher_id))).posted == 0
    assert balance(unmatched(provider, "2026-10")).posted == 0
    assert balance(rejected(provider, "2026-10")).posted == 4_000 * 3600 * 313_000
    position = voucher_position(statement.voucher)
    assert (position.face, position.redeemed, position.expired) == (10_000_000, 0, 0)
    assert position.available + position.held == position.face
    # both sides look at the new version
    assert list(type(now).objects.filter(pk=now.pk).waiting_for("provider")) == [now]


def test_an_objection_is_decided_once_by_somebody_else(month: tuple[World, Statement]) -> None:
    world, statement = month
    clerk, _ = seats(world, statement)
    objection = object_to(statement, "enterprise", clerk)
    for actor, resolution, code in (
        (clerk, "我说了算", "same_person"),
        (world.approver, " ", "reason_needed"),
    ):
        with pytest.raises(Refused) as refused:
            settling.resolve_objection(
                objection, uphold=True, resolution=resolution, actor=actor, at=CLOSE_AT
            )
        assert refused.value.code == code
    settling.resolve_objection(
        objection, uphold=False, resolution="不成立", actor=world.approver, at=CLOSE_AT
    )
    with pytest.raises(Refused) as refused:
        settling.resolve_objection(
            objection, uphold=True, resolution="再来", actor=world.approver, at=CLOSE_AT
        )
    assert refused.value.code == "already_decided"


def test_moves_of_a_dispute_are_remembered(month: tuple[World, Statement]) -> None:
    world, statement = month
    clerk, _ = seats(world, statement)
    objection = object_to(statement, "enterprise", clerk)
    settling.resolve_objection(
        objection, uphold=False, resolution="不成立", actor=world.approver, at=CLOSE_AT
    )
    events = [row.event for row in StateRow.objects.of(statement)]
    assert events == ["put_out", "dispute", "settle_dispute"]

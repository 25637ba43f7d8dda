"""Who may act on a month, a payment or a claw-back at this moment: the right, and who they are."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import NoReverseMatch, reverse

from billing import settling
from billing.models import BankResult, Clawback, MonthClose, PaymentLine
from config.delegating import delegate_right
from config.matrix import actions, asks_again
from ledger import clock
from ledger.actors import Actor
from ledger.models import LogEntry, Transfer
from ledger.refusals import Refused
from tests.billing.payments import send
from tests.billing.test_clawbacks import opened, paid_month
from tests.billing.test_doors import FINANCE, staff, text_of
from tests.billing.test_payment_batches import answers, owed_month
from tests.billing.world import CLOSE_AT, World, fresh, small_world
from tests.config.entry import PASSWORD, officer, sign_in
from tests.roles import SUPERUSER, as_role

pytestmark = pytest.mark.django_db
#: Lines of the matrix: approving, paying, closing and finishing a month, claims.
SETTLING = (24, 25, 26, 63)
METHODS = "account_authentication_methods"


@pytest.fixture(autouse=True)
def _story_time() -> Any:
    with clock.set_to(CLOSE_AT):
        yield


def prepared_month() -> MonthClose:
    world, order = small_world()
    world.use(order, hours=500)
    close = world.close()
    world.confirm_all(close)
    return settling.prepare_settlement(close, actor=world.finance, at=CLOSE_AT)


def signed_in(name: str, role: str, seconds_ago: int = 0) -> tuple[Any, Client]:
    """Return an officer and a browser in which they showed who they are so long ago."""
    user, client = officer(name, role), Client()
    sign_in(client, name, PASSWORD)
    session = client.session
    for each in session[METHODS]:
        each["at"] = CLOSE_AT.timestamp() - seconds_ago
    session.save()
    return user, client


def lose_role(user: Any) -> None:
    with as_role(SUPERUSER):  # the application itself takes no role without a record
        user.groups.clear()


def month_acts() -> tuple[str, list[tuple[str, Any, dict[str, str]]]]:
    close = prepared_month()
    told = {"digest": close.digest, "seen": "on", "reason": "退回"}
    names = ("office_approve_now", "office_send_back")
    return "approver", [(name, close.month, told) for name in names]


def signature_acts() -> tuple[str, list[tuple[str, Any, dict[str, str]]]]:
    world, close = owed_month()
    batch = settling.export_payment_list(close, actor=world.cashier, at=CLOSE_AT)
    told = {"step": "first", "digest": batch.sha256, "seen": "on", "reason": "退回"}
    names = ("office_pay_batch_approve", "office_pay_batch_return")
    return "approver", [(name, batch.pk, told) for name in names]


def payment_acts() -> tuple[str, list[tuple[str, Any, dict[str, str]]]]:
    world, close = owed_month()
    line = send(world, close, CLOSE_AT).lines.first()
    told = {"bank_reference": "B-1", "paid_on": "2026-11-04", "reason": "退汇"}
    names = ("office_pay", "office_pay_failed", "office_pay_suspend", "office_pay_withdraw")
    return "finance", [(name, line.pk, told) for name in names]


def clawback_acts() -> tuple[str, list[tuple[str, Any, dict[str, str]]]]:
    world, _, statement = paid_month()
    case = opened(world, statement)
    told = {"reason": "撤销", "amount_fen": "3000.00", "interest_bp": "0", "ground": "第十一条"}
    names = ("office_clawback_notify", "office_clawback_propose", "office_clawback_drop")
    return "approver", [(name, case.pk, told) for name in names]


def everything() -> tuple[Any, ...]:
    return (
        LogEntry.objects.count(),
        Transfer.objects.count(),
        list(MonthClose.objects.values_list("state", "approved_person", "digest")),
        list(PaymentLine.objects.values_list("state", "bank_reference")),
        list(Clawback.objects.values_list("state", flat=True)),
    )


@pytest.mark.parametrize("acts", [month_acts, signature_acts, payment_acts, clawback_acts])
def test_h2_who_lost_the_role_in_a_live_session_does_nothing(acts: Callable[[], Any]) -> None:
    role, asked = acts()
    user, client = signed_in("chen", role)
    assert client.get(reverse("office_settlement")).status_code == 200
    lose_role(user)
    before = everything()
    for name, about, told in asked:
        assert client.post(reverse(name, args=[about]), told).status_code == 403, name
    assert client.get("/account/").status_code == 200, "the session itself goes on"
    assert everything() == before


def test_h2_nobody_stands_in_for_who_approves_or_pays() -> None:
    """So no right of a settlement can outlive its hour in somebody else's session."""
    giver, taker = officer("wang", "approver", "finance"), officer("chen", "reviewer")
    actor = Actor(
        kind="user", id=str(giver.pk), name=giver.display_name, role="approver",
        person=giver.person_hash,
    )  # fmt: skip
    for right in ("approve_settlement", "release_payment", "close_month", "prepare_settlement"):
        with pytest.raises(Refused) as refused:
            delegate_right(
                giver, taker, f"billing.{right}", begins_at=CLOSE_AT,
                until=CLOSE_AT + timedelta(minutes=5), reason="开会", actor=actor, at=CLOSE_AT,
            )  # fmt: skip
        assert refused.value.code == "not_delegable"


def address(name: str) -> str:
    """Return an address of the settlement, about a month or about something that is not there."""
    for args in (["2026-10"], [uuid4()], [uuid4(), "check"]):
        try:
            return reverse(name, args=args)
        except NoReverseMatch:
            continue
    raise LookupError(name)


def test_h5_no_act_of_a_settlement_goes_through_without_showing_who_it_is(settings: Any) -> None:
    """Every act of the matrix, one second too late; looking stays free."""
    settings.ENTRY = replace(settings.ENTRY, confirm_again_seconds=300)
    prepared_month()
    names = {
        name for each in actions() if each.number in SETTLING for name in each.acts + each.both
    }
    assert len(names) > 30
    assert names <= asks_again()
    before = everything()
    _, client = signed_in("chen", "approver", seconds_ago=300)
    for name in sorted(names):
        answer = client.post(address(name), {"digest": "x"})
        assert (answer.status_code, answer["Location"].split("?")[0]) == (
            302, "/account/confirm/",
        ), name  # fmt: skip
    assert client.get(reverse("office_approve", args=["2026-10"])).status_code == 200
    assert everything() == before


def test_h5_the_approval_goes_on_once_the_password_was_right(settings: Any) -> None:
    settings.ENTRY = replace(settings.ENTRY, confirm_again_seconds=300)
    close = prepared_month()
    _, client = signed_in("chen", "approver", seconds_ago=300)
    approve = reverse("office_approve_now", args=[close.month])
    told = {"digest": close.digest, "seen": "on"}
    asked = client.post(approve, told)
    assert client.post(asked["Location"], {"password": "wrong"}).status_code == 200
    assert fresh(close).state == "review"
    client.post(asked["Location"], {"password": PASSWORD})
    assert (fresh(close).state, fresh(close).approved_name) == ("closed", "chen某")


def test_h5_299_seconds_are_recent(settings: Any) -> None:
    settings.ENTRY = replace(settings.ENTRY, confirm_again_seconds=300)
    close = prepared_month()
    _, client = signed_in("chen", "approver", seconds_ago=299)
    approve = reverse("office_approve_now", args=[close.month])
    client.post(approve, {"digest": close.digest, "seen": "on"})
    assert fresh(close).state == "closed"


def sent() -> tuple[World, Any, Client]:
    world, close = owed_month()
    file = send(world, close, CLOSE_AT).files.get()
    return world, file, staff("吴出纳", *FINANCE)


def test_h13_a_file_of_501_lines_for_two_payments_books_nothing() -> None:
    """A money file is not cut down to what is right in it: a payment named twice is told."""
    _, file, client = sent()
    good = answers(file, "成功,B-1,2026-11-04,", "成功,B-2,2026-11-04,").decode().split("\r\n")
    many = good + [good[2].replace("B-1", f"C-{number}") for number in range(499)]
    before = everything()
    load = reverse("office_load_results", args=[file.pk])
    page = text_of(client.post(load, {"file": as_file("\r\n".join(many))}), 409)
    assert "499 处不一致" in page
    assert everything() == before
    assert not BankResult.objects.exists()


def as_file(text: str) -> Any:
    return SimpleUploadedFile("results.csv", text.encode(), content_type="text/csv")


def test_h13_one_payment_in_another_state_stops_the_file_and_is_named() -> None:
    world, file, client = sent()
    content = answers(file, "成功,B-1,2026-11-04,", "成功,B-2,2026-11-04,")
    result = settling.load_results(file, content, actor=world.cashier, at=CLOSE_AT)
    first, second = file.batch.lines.order_by("ordinal")
    settling.record_failure(second, reason="账户销户", actor=world.cashier, at=CLOSE_AT)
    before = everything()
    book = reverse("office_book_results", args=[result.pk])
    page = text_of(client.post(book, {"digest": result.sha256}), 409)
    assert f"{second.reference}：这笔款项未付成" in page
    assert "整份回单没有入账" in page
    assert everything() == before
    assert (fresh(first).state, fresh(result).booked_at) == ("sent", None)


def test_h13_a_list_asked_for_twice_is_one_and_signed_once_by_one_hand() -> None:
    _, close = owed_month()
    approver = staff("陈副局", "view_settlement", "approve_settlement")
    cashier = staff("吴出纳", *FINANCE)
    for _ in range(2):
        cashier.post(reverse("office_export", args=[close.month]))
    batch = close.payments.get()
    url = reverse("office_pay_batch_approve", args=[batch.pk])
    for _ in range(2):
        approver.post(url, {"step": "first", "digest": batch.sha256, "seen": "on"})
    assert [each.step for each in batch.signs.all()].count("first") == 1
    before = everything()
    again = {"step": "second", "digest": batch.sha256, "seen": "on"}
    assert approver.post(url, again).status_code == 409
    assert everything() == before

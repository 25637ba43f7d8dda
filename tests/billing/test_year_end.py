"""The year of a programme ends: what lapsed and what was never promised goes back, once."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.urls import reverse

from billing import settling
from billing.models import YearEnd
from ledger import clock
from ledger.balances import balance
from ledger.chart import budget, expired, treasury
from ledger.refusals import Refused
from tests.billing.test_doors import signed_in, text_of
from tests.billing.world import World, fresh, small_world
from tests.roles import give_group
from vouchers.lapsing import lapse_due, overdue_holds

GRANTED, FACE, HELD, PAID = 700_000_000, 10_000_000, 5_000_000, 880_000
#: The vouchers end on 31 March 2027 (START + 150 days = 28 February); cut-off 30 November 2027.
OVER = datetime(2027, 12, 31, 2, 0, tzinfo=UTC)  # the tail of 30 days ended with 30 December


def code_of(call: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(Refused) as refused:
        call(*args, **kwargs)
    return refused.value.code


def seated(name: str, role: str) -> Any:
    """Return a browser of somebody in a role of the bureau."""
    call_command("sync_roles", verbosity=0)
    user = get_user_model().objects.create_user(
        username=name, password="x", display_name=name, person_hash=f"person-{name}"
    )
    give_group(user, Group.objects.get(name=role))
    return signed_in(user)


def ended_year() -> World:
    """One month is settled and paid; the rest of the voucher lapses with its hold."""
    world, order = small_world()
    world.use(order, hours=500)
    close = world.approve(world.close())
    world.pay(close)
    return world


@pytest.mark.django_db
def test_what_is_left_goes_back_when_everything_is_over_and_not_before() -> None:
    world = ended_year()
    programme, slug = world.programme, world.programme.slug
    asked = {"use": "return", "document_no": "普财〔2027〕9号", "actor": world.finance}
    early = datetime(2027, 11, 30, 2, 0, tzinfo=UTC)
    assert code_of(settling.prepare_year_end, programme, **asked, at=early) == "year_open"
    # Cut-off 30 November and 30 days more, as Shanghai counts days.
    assert "到 2027-12-30 才届满" in settling.standing_in_year_end(programme, early)[0]
    assert any("还有 1 张算力券" in each for each in settling.standing_in_year_end(programme, OVER))
    lapse_due(actor=world.clerk, at=OVER)
    assert not list(overdue_holds(OVER))
    assert balance(expired(slug)).available == FACE - PAID
    for wrong, code in (
        ({"use": "spend"}, "use_unknown"),
        ({"document_no": " "}, "document_missing"),
        ({"use": "carry"}, "successor_missing"),
        ({"use": "carry", "successor": programme}, "successor_missing"),
    ):
        assert code_of(settling.prepare_year_end, programme, **asked | wrong, at=OVER) == code
    closing = settling.prepare_year_end(programme, **asked, at=OVER)
    assert settling.prepare_year_end(programme, **asked, at=OVER) == closing
    told = {"digest": closing.digest, "at": OVER}
    assert code_of(settling.approve_year_end, closing, **told, actor=world.finance) == "same_person"
    assert code_of(
        settling.approve_year_end, closing, digest="x", at=OVER, actor=world.approver
    ) == ("changed")
    settling.approve_year_end(closing, **told, actor=world.approver)
    settling.approve_year_end(closing, **told, actor=world.approver)
    # granted - returned = paid: 700,000,000 - 699,120,000 = 880,000
    assert balance(treasury(slug)).credits_posted == GRANTED - PAID
    assert (balance(budget(slug)).posted, balance(expired(slug)).posted) == (0, 0)
    figures = settling.annual_figures(programme)
    assert (figures["issued_fen"], figures["paid_fen"], figures["lapsed_fen"]) == (
        FACE, PAID, FACE - PAID,
    )  # fmt: skip
    assert (figures["returned_fen"], figures["left_fen"]) == (GRANTED - PAID, 0)
    assert code_of(settling.prepare_year_end, programme, **asked, at=OVER) == "nothing_left"
    with pytest.raises(IntegrityError), transaction.atomic():
        YearEnd.objects.update(returned_fen=1)


@pytest.mark.django_db
def test_an_unpaid_statement_keeps_the_year_open() -> None:
    world, order = small_world()
    world.use(order, hours=500)
    world.approve(world.close())
    lapse_due(actor=world.clerk, at=OVER)
    open_things = settling.standing_in_year_end(world.programme, OVER)
    assert open_things == ["还有 1 份对账单没有付清或办结。"]


@pytest.mark.django_db
def test_a_year_is_closed_from_its_page_by_two_people() -> None:
    world = ended_year()
    page = reverse("office_year_end", args=[world.programme.slug])
    with clock.set_to(OVER):
        lapse_due(actor=world.clerk, at=OVER)
        finance, approver = seated("周会计", "finance"), seated("陈科长", "approver")
        assert "剩余可退回" in text_of(finance.get(page))
        asked = {"use": "return"}
        assert "请填写决定的文号" in text_of(finance.post(page + "prepare/", asked), 409)
        finance.post(page + "prepare/", asked | {"document_no": "9号"})
        digest = {"digest": YearEnd.objects.get().digest}
        assert "须由另一人审批" in text_of(finance.post(page + "approve/", digest), 409)
        approver.post(page + "approve/", digest)
        assert fresh(YearEnd.objects.get()).approved_name == "陈科长"
        assert approver.post(page + "approve/", digest).status_code == 404
        assert "审批。" in text_of(approver.get(page))

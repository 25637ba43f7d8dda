"""Orders: what may be ordered, what is held, what returns; hold and voucher move together."""

from datetime import date, timedelta

import pytest

from ledger.identifiers import new_id
from ledger.refusals import Refused
from providers import admitting, listing, ordering
from providers.models import Order, UsageRecord
from tests.providers import world
from tests.providers.world import CLERK, ENGINEER, World
from tests.vouchers import story
from tests.vouchers.registers import confirmed
from vouchers.spending import voucher_position

pytestmark = pytest.mark.django_db
AT = story.AT + timedelta(days=30)
FIRST, LAST = date(2026, 10, 10), date(2026, 10, 19)


@pytest.fixture
def there():
    made = World()
    made.voucher = story.a_voucher(made.order.enterprise)
    return made


def place(there, voucher=True, **changes):
    wanted = {
        "device_count": 2, "starts_on": FIRST, "ends_on": LAST, "planned_hours": 100,
        "actor": CLERK, "at": AT, "key": None,
    } | changes  # fmt: skip
    enterprise = there.order.enterprise
    price = wanted.pop("price", None) or there.offering.price_at(world.LATER)
    return ordering.place_order(
        enterprise, there.voucher if voucher else None, there.offering, price, **wanted
    )


def refusal(act, *args, **kwargs) -> str:
    with pytest.raises(Refused) as refused:
        act(*args, **kwargs)
    return refused.value.code


def test_the_expected_public_share_is_held_and_the_order_remembers_its_terms(there):
    order = place(there)
    assert order.estimated_gross_fen == 2 * 100 * 600
    assert (order.share_bp, order.held_fen) == (3000, 36_000)
    assert voucher_position(there.voucher).held == 36_000
    assert order.hold.order_ref == str(order.pk)
    assert order.order_no.startswith("PTDD-2026-")
    assert (order.ends_at - order.starts_at).days == 10


def test_a_domestic_card_has_the_higher_share(there):
    model = world.a_model("huawei-910b", 313_000, domestic=True)
    there.offering = world.an_offering(there.provider, model, "PFLOPS_HOUR", 1_000)
    order = place(there)
    assert order.estimated_gross_fen == 62_600
    assert (order.share_bp, order.held_fen) == (4000, 25_040)


def test_a_voucher_is_not_spent_within_the_own_group(there):
    """AF03: by holding, told with the path; without a voucher nobody minds."""
    own, provider = there.order.enterprise, there.provider
    confirmed("shareholding", f"{provider.uscc},{provider.name},{own.uscc},{own.name},25")
    assert refusal(place, there) == "provider_related"
    assert place(there, voucher=False).hold is None


def test_an_order_without_a_voucher_holds_nothing(there):
    order = place(there, voucher=False)
    assert (order.hold, order.held_fen, order.gross_limit_fen) == (None, 0, None)


def test_the_same_key_gives_the_same_order_and_nothing_twice(there):
    key = new_id()
    first = place(there, key=key)
    assert place(there, key=key) == first
    assert refusal(place, there, key=key, device_count=3) == "key_reused"
    assert voucher_position(there.voucher).held == 36_000


def test_the_same_order_with_a_new_key_within_a_minute_is_a_possible_duplicate(there):
    place(there, key=new_id())
    assert refusal(place, there, key=new_id()) == "possible_duplicate"
    later = AT + timedelta(minutes=1)
    assert place(there, key=new_id(), at=later).order_no


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"device_count": 0}, "out_of_range"),
        ({"device_count": 100_001}, "out_of_range"),
        ({"ends_on": FIRST - timedelta(days=1)}, "period_reversed"),
        ({"ends_on": FIRST + timedelta(days=3660)}, "period_too_long"),
        ({"ends_on": date(2027, 9, 1)}, "outside_validity"),
        ({"starts_on": date(2026, 1, 1)}, "outside_validity"),
        ({"planned_hours": 0}, "out_of_range"),
        ({"planned_hours": 241}, "out_of_range"),
        ({"hold_fen": 0}, "amount_invalid"),
        ({"hold_fen": -1}, "amount_invalid"),
        ({"hold_fen": 36_001}, "amount_invalid"),
        ({"device_count": 64, "planned_hours": None}, "insufficient_funds"),
    ],
)
def test_what_may_not_be_ordered_is_refused_and_holds_nothing(there, changes, code):
    before = Order.objects.count()
    assert refusal(place, there, **changes) == code
    assert Order.objects.count() == before
    assert voucher_position(there.voucher).held == 0


def test_another_enterprises_voucher_cannot_be_used(there):
    other = story.an_enterprise(story.OTHER_USCC, "另一家")
    answer = refusal(
        ordering.place_order, other, there.voucher, there.offering,
        there.offering.price_at(world.LATER), device_count=1, starts_on=FIRST, ends_on=LAST,
        actor=CLERK, at=AT,
    )  # fmt: skip
    assert answer == "voucher_unknown"


def test_a_price_that_changed_since_the_quote_is_told(there):
    old = there.offering.price_at(world.AT)
    listing.file_price(there.offering, "CARD_HOUR", 700, valid_from=world.AT + timedelta(days=1),
                       actor=ENGINEER, at=world.AT)  # fmt: skip
    now = world.AT + timedelta(days=2)
    assert refusal(place, there, price=old, at=now) == "quote_expired"


def test_nothing_is_ordered_from_a_withdrawn_offering_or_a_suspended_provider(there):
    admitting.suspend_provider(there.provider, reason="核查", actor=CLERK, at=AT)
    assert refusal(place, there) == "provider_not_admitted"
    admitting.readmit_provider(there.provider, reason="好", actor=CLERK, at=AT)
    listing.withdraw_offering(there.offering, actor=ENGINEER, at=AT)
    assert refusal(place, there) == "offering_closed"


def test_a_frozen_voucher_holds_nothing(there):
    there.voucher.frozen = True
    there.voucher.save()
    assert refusal(place, there) == "voucher_frozen"


def test_accepting_twice_is_accepting_once_and_refusing_returns_the_hold(there):
    order = place(there)
    ordering.accept_order(order, actor=ENGINEER, at=AT)
    assert ordering.accept_order(order, actor=ENGINEER, at=AT).state == "accepted"
    assert (
        refusal(ordering.refuse_order, order, reason="无卡", actor=ENGINEER, at=AT) == "wrong_state"
    )
    other = place(there, at=AT + timedelta(minutes=2))
    ordering.refuse_order(other, reason="无卡", actor=ENGINEER, at=AT)
    assert voucher_position(there.voucher).held == 36_000


def test_an_order_is_cancelled_once_and_not_after_use(there):
    order = ordering.accept_order(place(there), actor=ENGINEER, at=AT)
    assert refusal(ordering.cancel_order, order, reason=" ", actor=CLERK, at=AT) == "reason_missing"
    there.send(there.record(order_no=order.order_no, started_at="2026-10-11T00:00:00+08:00",
                            ended_at="2026-10-11T01:00:00+08:00"))  # fmt: skip
    assert refusal(ordering.cancel_order, order, reason="变更", actor=CLERK, at=AT) == "order_used"
    other = place(there, at=AT + timedelta(minutes=2))
    for _ in range(2):
        assert ordering.cancel_order(other, reason="变更", actor=CLERK, at=AT).state == "cancelled"
    assert voucher_position(there.voucher).held == 36_000


def test_a_finished_order_returns_the_rest_of_its_hold(there):
    order = ordering.accept_order(place(there), actor=ENGINEER, at=AT)
    assert refusal(ordering.complete_order, order, actor=CLERK, at=AT) == "order_running"
    for _ in range(2):
        done = ordering.complete_order(order, actor=CLERK, at=order.ends_at)
        assert done.state == "completed"
    assert voucher_position(there.voucher).held == 0


def test_use_beyond_the_ordered_amount_waits_until_the_limit_is_lifted(there):
    order = ordering.accept_order(place(there, planned_hours=2), actor=ENGINEER, at=AT)
    sent = {"order_no": order.order_no, "device_count": 2}
    first = there.record("h-1", started_at="2026-10-11T00:00:00+08:00",
                         ended_at="2026-10-11T02:00:00+08:00", **sent)  # fmt: skip
    over = there.record("h-2", started_at="2026-10-11T02:00:00+08:00",
                        ended_at="2026-10-11T03:00:00+08:00", **sent)  # fmt: skip
    counts = there.send(first, over).counts
    assert (counts["accepted"], counts["held"]) == (1, 1)
    assert UsageRecord.objects.get(record_id="h-2").hold_reason == "over_hold"
    lift = ordering.lift_limit
    assert refusal(lift, order, reason="", actor=CLERK, at=AT) == "reason_missing"
    lift(order, reason="企业同意自付", actor=CLERK, at=AT)
    assert UsageRecord.objects.get(record_id="h-2").state == "accepted"

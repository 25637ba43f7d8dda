from datetime import UTC, datetime

import pytest

from ledger import chart
from ledger.actors import system_actor
from ledger.balances import balance, movements
from ledger.book import Journal, Phase, Transfer, post, post_set
from ledger.chart import TransferCode
from ledger.identifiers import new_id
from ledger.refusals import Refused

AT = datetime(2026, 10, 1, tzinfo=UTC)
ACTOR = system_actor("test")
P = "p-2026"


def one(debit, credit, amount, code, **more):
    return Journal(
        new_id(), "test", AT, (Transfer(new_id(), debit, credit, amount, code, **more),)
    )


def grant(amount):
    return one(chart.treasury(P), chart.budget(P), amount, TransferCode.GRANT)


@pytest.mark.django_db
def test_a_posting_moves_both_balances():
    post(grant(100), actor=ACTOR, at=AT)
    assert balance(chart.budget(P)).available == 100
    assert balance(chart.treasury(P)).posted == -100
    v = chart.voucher(P, "v1")
    post(one(chart.budget(P), v, 60, TransferCode.ISSUE), actor=ACTOR, at=AT)
    hold = one(v, chart.redeemed(P, "q"), 50, TransferCode.RESERVE, phase=Phase.PENDING)
    post(hold, actor=ACTOR, at=AT)
    assert balance(v).available == 10
    assert balance(v).posted == 60
    with pytest.raises(Refused) as refused:
        post(
            one(v, chart.redeemed(P, "q"), 11, TransferCode.REDEEM), actor=ACTOR, at=AT
        )
    assert refused.value.code == "insufficient_funds"
    pending = hold.transfers[0].id
    part = one(
        v,
        chart.redeemed(P, "q"),
        30,
        TransferCode.POST_RESERVED,
        phase=Phase.POST,
        pending_id=pending,
    )
    first = post(part, actor=ACTOR, at=AT)
    assert post(part, actor=ACTOR, at=AT) == first
    assert balance(v).available == 30
    assert balance(chart.redeemed(P, "q")).posted == 30
    post(
        one(chart.redeemed(P, "q"), chart.settlement(P, "s"), 30, TransferCode.SETTLE),
        actor=ACTOR,
        at=AT,
    )
    with pytest.raises(Refused):
        post(
            one(
                chart.redeemed(P, "q"), chart.settlement(P, "s"), 1, TransferCode.SETTLE
            ),
            actor=ACTOR,
            at=AT,
        )
    for m in movements(v):
        print(m)
    again = grant(1)
    out = post_set([again, again, grant(5)], actor=ACTOR, at=AT)
    print(out)

"""PostgreSQL against the books in plain Python, driven by Hypothesis.

Goal: for any story of journals, posted one at a time or in sets cut anywhere, every result code
and every balance is the one the oracle gives; and the invariants hold after every step.
"""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ledger import chart
from ledger.balances import Balance, balances
from ledger.book import post_set
from ledger.chart import TransferCode
from ledger.invariants import findings
from tests.ledger.making import (
    ACTOR,
    AT,
    BUDGET,
    TREASURY,
    grant,
    hold,
    issue,
    journal,
    meter,
    move,
    redeem,
    redeemed,
    resolving,
    settle,
    voucher,
)
from tests.ledger.oracle import Oracle

NAMES = st.sampled_from(["v1", "v2", "v3"])
PROVIDERS = st.sampled_from(["q1", "q2"])
AMOUNTS = st.integers(1, 120)
KEYS = [
    TREASURY,
    BUDGET,
    *(voucher(each) for each in ("v1", "v2", "v3")),
    *(redeemed(each) for each in ("q1", "q2")),
    chart.settlement("p-2026", "s1"),
    chart.disputed("p-2026", "s1"),
    chart.paid("p-2026", "q1"),
    chart.expired("p-2026"),
    chart.unmatched("q1", "2026-10"),
    chart.used_voucher("p-2026", "v1"),
]
EXPIRY = AT + timedelta(days=1)
STATEMENT = chart.settlement("p-2026", "s1")


def simple(draw) -> object:
    """Draw one journal of one transfer."""
    made = [
        lambda: grant(draw(AMOUNTS)),
        lambda: issue(draw(AMOUNTS), draw(NAMES)),
        lambda: journal(move(voucher(draw(NAMES)), BUDGET, draw(AMOUNTS), TransferCode.REVOKE)),
        lambda: redeem(draw(AMOUNTS), draw(NAMES), draw(PROVIDERS)),
        lambda: settle(draw(AMOUNTS), "s1", draw(PROVIDERS)),
        lambda: journal(
            move(STATEMENT, chart.disputed("p-2026", "s1"), draw(AMOUNTS), TransferCode.DISPUTE)
        ),
        lambda: journal(
            move(STATEMENT, chart.paid("p-2026", "q1"), draw(AMOUNTS), TransferCode.PAY)
        ),
        lambda: journal(
            move(chart.paid("p-2026", "q1"), STATEMENT, draw(AMOUNTS), TransferCode.BOUNCE)
        ),
        lambda: journal(
            move(voucher(draw(NAMES)), chart.expired("p-2026"), draw(AMOUNTS), TransferCode.LAPSE)
        ),
        lambda: journal(
            move(chart.expired("p-2026"), BUDGET, draw(AMOUNTS), TransferCode.REBUDGET_LAPSED)
        ),
        lambda: meter(draw(AMOUNTS)),
        lambda: journal(
            move(
                chart.unmatched("q1", "2026-10"),
                chart.used_voucher("p-2026", "v1"),
                draw(AMOUNTS),
                TransferCode.MATCH_VOUCHER,
            )
        ),
    ]
    return draw(st.sampled_from(made))()


class Story(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.oracle = Oracle()
        self.holds: list = []
        self.past: list = []
        self.waiting: list = []
        self.atomic = transaction.atomic()
        self.atomic.__enter__()

    def teardown(self) -> None:
        self.flush()
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    @initialize(amount=st.integers(0, 300))
    def begin(self, amount) -> None:
        if amount:
            self.ask(grant(amount))
            self.ask(issue(amount, "v1"))

    def ask(self, made) -> None:
        self.waiting.append((made, self.oracle.post(made)))
        self.past.append(made)

    @rule()
    def flush(self) -> None:
        """Post what has gathered as one set: the cuts between sets fall anywhere."""
        made, wanted = [each for each, _ in self.waiting], [code for _, code in self.waiting]
        self.waiting = []
        got = post_set(made, actor=ACTOR, at=AT)
        assert [each.code for each in got] == wanted

    @rule(data=st.data())
    def something(self, data) -> None:
        self.ask(simple(data.draw))

    @rule(amount=AMOUNTS, name=NAMES, provider=PROVIDERS, expires=st.booleans())
    def reserve(self, amount, name, provider, expires) -> None:
        made = hold(amount, name, provider, expires_at=EXPIRY if expires else None)
        self.holds.append(made)
        self.ask(made)

    @precondition(lambda self: self.holds)
    @rule(
        data=st.data(),
        amount=AMOUNTS,
        code=st.sampled_from(
            [
                TransferCode.POST_RESERVED,
                TransferCode.VOID_RESERVED,
                TransferCode.EXPIRE_RESERVED,
            ]
        ),
        whole=st.booleans(),
        late=st.booleans(),
    )
    def resolve(self, data, amount, code, whole, late) -> None:
        held = data.draw(st.sampled_from(self.holds))
        taken = held.transfers[0].amount if whole else amount
        self.ask(journal(resolving(held, taken, code), at=EXPIRY if late else AT))

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), part=AMOUNTS, rest=AMOUNTS)
    def post_part_and_hold_the_rest(self, data, part, rest) -> None:
        held = data.draw(st.sampled_from(self.holds))
        first = held.transfers[0]
        again = hold(rest, first.debit.subject, first.credit.subject)
        legs = [resolving(held, part, TransferCode.POST_RESERVED), *again.transfers]
        made = journal(*(legs if data.draw(st.booleans()) else legs[::-1]))
        self.holds.append(again)
        self.ask(made)

    @precondition(lambda self: self.past)
    @rule(data=st.data(), bent=st.booleans())
    def ask_again(self, data, bent) -> None:
        made = data.draw(st.sampled_from(self.past))
        if bent:
            made = journal(*made.transfers, kind="bent", id=made.id, at=made.effective_at)
        self.ask(made)

    @precondition(lambda self: self.past)
    @rule(data=st.data())
    def reuse_a_transfer(self, data) -> None:
        self.ask(journal(*data.draw(st.sampled_from(self.past)).transfers))

    @invariant()
    def balances_agree(self) -> None:
        if self.waiting:
            return
        stored = balances(KEYS)
        assert {key: stored[key] for key in KEYS} == {
            key: Balance(*self.oracle.total(key)) for key in KEYS
        }
        assert findings() == []


@pytest.mark.django_db
@pytest.mark.slow
def test_any_story_goes_as_the_oracle_says():
    run_state_machine_as_test(
        Story,
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert connection.in_atomic_block

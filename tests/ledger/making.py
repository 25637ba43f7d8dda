"""Short words for the tests of the books: keys, journals, and posting them."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from ledger import audit, chart, models
from ledger.actors import Actor, system_actor
from ledger.audit import Checkpoint
from ledger.book import Journal, Phase, Posted, Transfer, post
from ledger.chart import AccountKey, TransferCode
from ledger.entries import JOURNAL_TYPE, envelope
from ledger.identifiers import new_id
from ledger.refusals import Refused
from tests.roles import as_role

AT = datetime(2026, 10, 1, 1, 2, 3, 456789, tzinfo=UTC)
LATER = AT + timedelta(days=10)
ACTOR = system_actor("test")
CLERK = Actor(kind="user", id="u-1", name="张三", role="finance", person="person-1")
P = "p-2026"
KEYS = 3  # entries that introduce the first keys of the log, one of each kind
TREASURY = chart.treasury(P)
BUDGET = chart.budget(P)


def voucher(name: str = "v1") -> AccountKey:
    return chart.voucher(P, name)


def redeemed(name: str = "q1") -> AccountKey:
    return chart.redeemed(P, name)


def move(
    debit: AccountKey, credit: AccountKey, amount: int, code: TransferCode, **more
) -> Transfer:
    return Transfer(more.pop("id", None) or new_id(), debit, credit, amount, code, **more)


def journal(*transfers: Transfer, kind: str = "test.event", **more) -> Journal:
    return Journal(more.pop("id", None) or new_id(), kind, more.pop("at", AT), transfers, **more)


def grant(amount: int) -> Journal:
    return journal(move(TREASURY, BUDGET, amount, TransferCode.GRANT))


def issue(amount: int, name: str = "v1") -> Journal:
    return journal(move(BUDGET, voucher(name), amount, TransferCode.ISSUE))


def hold(amount: int, name: str = "v1", provider: str = "q1", **more) -> Journal:
    return journal(
        move(
            voucher(name),
            redeemed(provider),
            amount,
            TransferCode.RESERVE,
            phase=Phase.PENDING,
            **more,
        )
    )


def resolving(held: Journal, amount: int, code: TransferCode) -> Transfer:
    first = held.transfers[0]
    phase = Phase.POST if code is TransferCode.POST_RESERVED else Phase.VOID
    return move(first.debit, first.credit, amount, code, phase=phase, pending_id=first.id)


def post_held(held: Journal, amount: int) -> Journal:
    return journal(resolving(held, amount, TransferCode.POST_RESERVED))


def void_held(held: Journal) -> Journal:
    return journal(resolving(held, held.transfers[0].amount, TransferCode.VOID_RESERVED))


def redeem(amount: int, name: str = "v1", provider: str = "q1") -> Journal:
    return journal(move(voucher(name), redeemed(provider), amount, TransferCode.REDEEM))


def settle(amount: int, statement: str = "s1", provider: str = "q1") -> Journal:
    target = chart.settlement(P, statement)
    return journal(move(redeemed(provider), target, amount, TransferCode.SETTLE))


def meter(amount: int, provider: str = "q1", month: str = "2026-10") -> Journal:
    return journal(
        move(
            chart.metered(provider, month),
            chart.unmatched(provider, month),
            amount,
            TransferCode.METER,
        )
    )


def book(*journals: Journal) -> list[Posted]:
    return [post(each, actor=ACTOR, at=each.effective_at) for each in journals]


def posting(made: Journal) -> Callable[[], str]:
    """Return a job that posts a journal and answers ``posted`` or the code of the refusal."""

    def run() -> str:
        try:
            post(made, actor=ACTOR, at=AT)
        except Refused as refused:
            return refused.code
        return "posted"

    return run


def entry_of(
    made: Journal, seq: int, *, log: str, actor: Actor = ACTOR, at: datetime = AT
) -> bytes:
    """Return the bytes that the log must hold for a journal, encoded as a whole."""
    return envelope(
        log=log,
        id=made.id,
        type=JOURNAL_TYPE,
        at=at,
        actor=actor.for_log(),
        body={**made.for_log(), "seq": str(seq)},
    )


def seal_all(at: datetime = AT) -> Checkpoint:
    """Seal everything written so far; introduce the key first.

    Waits for transactions of other tests on the same server: the sealer seals nothing that
    began after one that still runs, in whatever database.
    """
    audit.ensure_key(at)
    until = time.monotonic() + 60
    while models.LogEntry.objects.filter(logleaf=None).exists():
        with as_role("seal"):
            sealed = audit.seal(at)
        if sealed is None:
            assert time.monotonic() < until, "another transaction kept the log from being sealed"
            time.sleep(0.05)
    return audit.latest_checkpoint()


def a_small_month() -> list[Journal]:
    """Post a little of everything and return the journals: 10,000.00 yuan from grant to paid."""
    held = hold(400_00, expires_at=LATER)
    statement = chart.settlement(P, "s1")
    rest = hold(100_00)
    journals = [
        grant(10_000_00),
        issue(1_000_00),
        issue(500_00, "v2"),
        held,
        meter(3_600_000),
        journal(
            resolving(held, 300_00, TransferCode.POST_RESERVED),
            rest.transfers[0],
            move(
                chart.unmatched("q1", "2026-10"),
                chart.used_voucher(P, "v1"),
                3_000_000,
                TransferCode.MATCH_VOUCHER,
            ),
            kind="voucher.redeem",
            refs={"charge": "c-1"},
            approvals=(CLERK,),
        ),
        settle(300_00),
        journal(move(statement, chart.paid(P, "q1"), 300_00, TransferCode.PAY)),
        journal(resolving(rest, 100_00, TransferCode.VOID_RESERVED), kind="voucher.release"),
        journal(
            move(voucher("v2"), chart.expired(P), 500_00, TransferCode.LAPSE, reason="过期失效")
        ),
    ]
    book(*journals)
    return journals

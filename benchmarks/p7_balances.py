"""Balance of a redeemed account, 95th of 100 reads, beside the same after 10,000 transfers.

The account has no balance row; all the transfers are redemptions from 200 vouchers to 10
providers, loaded by the database itself through its guards, sealed in form and rolled up as the
house does it. A goal of 1.2 says: however full the books are, reading takes the same time.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from django.core.management import call_command
from django.db import connection, transaction

from ledger import chart
from ledger.actors import system_actor
from ledger.balances import balance
from ledger.book import Journal, Transfer, post_set
from ledger.chart import AccountKey, TransferCode
from ledger.identifiers import new_id
from ledger.rolling import roll_up

UNIT = "reads"
GOAL = "<= 1.2"
SIZES = (10_000, 100_000, 1_000_000)
RATIO = "time"
BASE = 10_000
READS = 100
VOUCHERS, PROVIDERS = 200, 10
BEHIND = 60  # journals booked since the last roll-up
AT = datetime(2026, 10, 1, tzinfo=UTC)
ACTOR = system_actor("benchmark")
P = "p-2026"
Measured = tuple[int, float]

#: Accounts by their place: vouchers from, providers to.
_PLACES = """
CREATE TEMP TABLE from_account AS SELECT row_number() OVER (ORDER BY id) - 1 AS place, id
    FROM ledger_account WHERE code = '2000' AND programme = %(p)s;
CREATE TEMP TABLE to_account AS SELECT row_number() OVER (ORDER BY id) - 1 AS place, id
    FROM ledger_account WHERE code = '3000' AND programme = %(p)s;
"""
_LOAD = (
    """
INSERT INTO ledger_journal (seq, id, kind, effective_at, recorded_at, actor, approvals, refs,
    request_hash)
SELECT %(first)s + n, gen_random_uuid(), 'voucher.redeem', %(at)s, %(at)s, '{}', '[]', '{}', ''
FROM generate_series(1, %(count)s) n
""",
    """
INSERT INTO ledger_transfer (id, journal_id, ordinal, debit_id, credit_id, amount, code, phase,
    reason)
SELECT gen_random_uuid(), %(first)s + n, 0, f.id, t.id, 1, 340, 'single', ''
FROM generate_series(1, %(count)s) n
JOIN from_account f ON f.place = n %% (SELECT count(*) FROM from_account)
JOIN to_account t ON t.place = n %% (SELECT count(*) FROM to_account)
""",
    """
INSERT INTO ledger_logentry (id, type, at, journal_seq, body)
SELECT j.id, 'ledger.journal', %(at)s, j.seq, '' FROM ledger_journal j
WHERE j.seq > %(first)s AND j.seq <= %(first)s + %(count)s ORDER BY j.seq
""",
)
#: What the sealer would do, without hashing: every entry has its place.
_SEAL = """
INSERT INTO ledger_logleaf (index, entry_id, hash)
SELECT (SELECT count(*) FROM ledger_logleaf) - 1 + row_number() OVER (ORDER BY e.xid, e.seq),
    e.seq, ''
FROM ledger_logentry e WHERE NOT EXISTS (SELECT FROM ledger_logleaf l WHERE l.entry_id = e.seq);
INSERT INTO ledger_checkpoint (size, root, sealed_at, key_id, note)
SELECT count(*), '', %(at)s, '', '' FROM ledger_logleaf;
"""
_STEP = 100_000


def open_accounts(programme: str, vouchers: list[str], providers: list[str]) -> None:
    """Grant, issue to every voucher, and redeem one fen at every provider."""
    budget = chart.budget(programme)
    moves = [(chart.treasury(programme), budget, 10**15, TransferCode.GRANT)]
    for each in vouchers:
        moves.append((budget, chart.voucher(programme, each), 10**11, TransferCode.ISSUE))
    first = chart.voucher(programme, vouchers[-1])
    moves += [(first, chart.redeemed(programme, q), 1, TransferCode.REDEEM) for q in providers]
    journals = [Journal(new_id(), "opening", AT, (Transfer(new_id(), *each),)) for each in moves]
    assert all(each.ok for each in post_set(journals, actor=ACTOR, at=AT))


def top_up(key: AccountKey) -> None:
    """Give one more voucher enough for its part of the load."""
    move = Transfer(new_id(), chart.budget(key.programme), key, 10**11, TransferCode.ISSUE)
    assert post_set([Journal(new_id(), "more", AT, (move,))], actor=ACTOR, at=AT)[0].ok


def load(count: int, programme: str = P) -> None:
    """Book ``count`` redemptions, spread evenly, seal and roll up; leave a tail behind."""
    with connection.cursor() as cursor:
        cursor.execute(_PLACES, {"p": programme})
        for done in range(0, count, _STEP):
            _book(min(_STEP, count - done))
            cursor.execute(_SEAL, {"at": AT})
        for table in ("account", "journal", "transfer", "logentry", "logleaf"):
            cursor.execute(f"VACUUM (ANALYZE) ledger_{table}")
    assert roll_up(AT) > 0
    _book(BEHIND)


def _book(count: int) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT max(seq) FROM ledger_journal")
        facts = {"first": cursor.fetchone()[0], "count": count, "at": AT}
        for statement in _LOAD:
            cursor.execute(statement, facts)
        cursor.execute(
            "SELECT setval(pg_get_serial_sequence('ledger_journal', 'seq'), %(first)s + %(count)s)",
            facts,
        )


def ready_for_pages() -> None:
    """Collect the static files that pages name, as a house that serves has them."""
    call_command("collectstatic", interactive=False, verbosity=0)


def slow_of(read: Callable[[], object], reads: int = READS) -> Measured:
    """Read again and again; return the 95th of 100 times as that of one read."""
    for _ in range(5):
        read()  # connection, plans and caches as in a running house
    times = []
    for _ in range(reads):
        started = time.perf_counter()
        read()
        times.append(time.perf_counter() - started)
    return 1, sorted(times)[reads * 95 // 100]


def prepare(size: int) -> AccountKey:
    """Load the books."""
    open_accounts(P, [f"v{n}" for n in range(VOUCHERS)], [f"q{n}" for n in range(PROVIDERS)])
    load(size)
    return chart.redeemed(P, "q3")


def prepare_floor(_size: int) -> AccountKey:
    """Load the small books that the others are compared with."""
    return prepare(BASE)


def ours(key: AccountKey) -> Measured:
    """Read the balance."""
    assert balance(key).posted > 0
    return slow_of(lambda: balance(key))


floor = ours

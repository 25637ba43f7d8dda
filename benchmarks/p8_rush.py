"""Opening rush over real HTTP: thousands of applicants, money for three of ten, 64 connections.

Everybody has a finished draft and an open session and presses "submit" once, as the browser does.
Ours is the whole site: session, seat, gates, verdict, number, place in line, log entries; then the
allocator sets money aside. Counted is what was accepted; none may be lost, exactly as many get
money as there is for, and their order must follow from the log alone. The floor is a bare view
with one insert on the same server program. Printed beside: the 99th percentile and the allocator.
"""

import hashlib
import http.client
import json
import os
import sys
import threading
import time
from collections import Counter
from datetime import timedelta
from importlib import import_module
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

import psycopg
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.db import connection, models
from django.urls import reverse
from django.utils.crypto import get_random_string

from benchmarks.sites import HOST, Site
from config import realms, sittings
from ledger import clock
from ledger.actors import system_actor
from ledger.identifiers import new_id
from ledger.models import LogEntry
from tests.vouchers import story
from vouchers.models import (
    Application,
    Attachment,
    EnterpriseFact,
    EnterpriseSeat,
    Reservation,
)
from vouchers.reserving import reserve_all

UNIT = "submits"
GOAL = ">= 60/s"
SIZES = (10_000,)
CLIENTS = 64
FUNDED_IN_TEN = 3
#: The scheme of the tests with a budget that three thousand grants fit into.
RICHER = ('total = "10000000.00"', 'total = "1000000000.00"')
TOKEN = "r" * 32
CHUNK = 1_000
PATIENCE_SECONDS = 300.0
_A_DAY = timedelta(days=1)


class Rush(NamedTuple):
    """A site that is up, and one request for every applicant."""

    site: Site
    requests: list[tuple[str, str, dict[str, str]]]
    programme: Any
    funded: int


def _copy_of(row: models.Model, no: int) -> UUID:
    """Return the id of a copy of a row."""
    return UUID(hashlib.md5(f"{row.pk}/{no}".encode(), usedforsecurity=False).hexdigest())


def _copies_of(row: models.Model) -> str:
    """Return the same as SQL, where ``n`` is the number of the copy."""
    return f"md5('{row.pk}/' || n)::uuid"


def _multiply(row: models.Model, count: int, **changes: str) -> None:
    """Insert copies of a row in one statement; ``changes`` are SQL with ``n``, its number."""
    table, key = row._meta.db_table, "id"
    made = {each.attname: f't."{each.attname}"' for each in row._meta.concrete_fields}
    made |= {key: _copies_of(row)} | changes
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{table}" ({", ".join(map(_quoted, made))})'
            f' SELECT {", ".join(made.values())} FROM "{table}" t, generate_series(0, %s) n'
            f" WHERE t.{_quoted(key)} = %s ORDER BY n",
            [count - 1, row.pk],
        )


def _quoted(name: str) -> str:
    return f'"{name}"'


def _applicants(size: int, draft: Application) -> EnterpriseSeat:
    """Make users and finished drafts of as many firms, all like the one there is."""
    firm = draft.enterprise
    seat: EnterpriseSeat = firm.seats.select_related("user").get()
    theirs = {"enterprise_id": _copies_of(firm)}
    _multiply(seat.user, size, username="'rush-' || n")
    _multiply(firm, size, uscc="'91310107R' || lpad(n::text, 9, '0')", name="'抢报 ' || n")
    _multiply(seat, size, user_id=_copies_of(seat.user), **theirs)
    for fact in EnterpriseFact.objects.filter(enterprise=firm):
        _multiply(fact, size, **theirs)
    _multiply(draft, size, **theirs)
    for file in Attachment.objects.filter(application=draft):
        _multiply(
            file,
            size,
            application_id=_copies_of(draft),
            stored_path=f"'rush/{file.slot}/' || n",
            sha256=f"encode(sha256(convert_to('{file.slot}/' || n, 'UTF8')), 'hex')",
            size="200000",
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # as in a house that has been up for a day
    return seat


def _sessions(size: int, seat: EnterpriseSeat) -> list[str]:
    """Sign everybody in and leave them on the last page; return the keys of their sessions.

    They wait there longer than a minute, so pressing the button also writes that they were seen.
    """
    engine = import_module(settings.SESSION_ENGINE).SessionStore()
    now = clock.now()
    told = {
        BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
        HASH_SESSION_KEY: seat.user.get_session_auth_hash(),  # all have the same password: none
        realms.SESSION_KEY: str(realms.Realm.ENTERPRISE),
        sittings.ENTERED: int(now.timestamp()) - 600,
        sittings.SEEN: int(now.timestamp()) - 2 * sittings.SEEN_STEP_SECONDS,
    }
    rows = [
        engine.model(
            session_key=get_random_string(32),
            session_data=engine.encode(told | {SESSION_KEY: str(_copy_of(seat.user, no))}),
            expire_date=now + _A_DAY,
        )
        for no in range(size)
    ]
    engine.model.objects.bulk_create(rows, batch_size=CHUNK)
    return [each.session_key for each in rows]


def prepare(size: int) -> Rush:
    """Make applicants with drafts and sessions, budget for three of ten, and start the site."""
    firm = story.an_enterprise()
    rules = story.FILE.read_text().replace(*RICHER)
    draft = story.a_draft(firm, story.a_programme(rules, grant_fen=0))
    funded = size * FUNDED_IN_TEN // 10
    programme = story.a_programme(rules, grant_fen=funded * draft.requested_fen)
    seat = _applicants(size, draft)
    requests = []
    for no, session in enumerate(_sessions(size, seat)):
        body = urlencode({"version": draft.version, "key": str(new_id())})
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": f"{settings.SESSION_COOKIE_NAME}={session}; "
            f"{settings.CSRF_COOKIE_NAME}={TOKEN}",
            "X-CSRFToken": TOKEN,
        }
        requests.append((reverse("application_check", args=[_copy_of(draft, no)]), body, headers))
    site = Site(
        "config.wsgi:application",
        DJANGO_SETTINGS_MODULE="config.settings",
        PUBLIC_ORIGIN=settings.PUBLIC_ORIGIN,
    )
    return Rush(site, requests, programme, funded)


def ours(rush: Rush) -> tuple[int, float]:
    """Let everybody press at once; then divide the money and check what the log says."""
    with rush.site:
        answers, waits, seconds = send(rush.site, rush.requests)
    accepted = answers[302]
    if accepted != len(rush.requests):
        raise SystemExit(f"not every submission was accepted: {dict(answers)}")
    if Application.objects.filter(state="submitted").count() != accepted:
        raise SystemExit("an acknowledged submission is lost")
    began = time.perf_counter()
    turn = reserve_all(rush.programme, actor=system_actor("rush"), at=clock.now())
    allocated = time.perf_counter() - began
    if turn.count != rush.funded:
        raise SystemExit(f"{turn.count} got money, there is money for {rush.funded}")
    if funded_by_the_log(rush.funded) != funded_by_the_books():
        raise SystemExit("the log does not prove who got money")
    slowest = sorted(waits)[len(waits) * 99 // 100]
    print(
        f"{accepted / seconds:,.0f} submits/s accepted, p99 {slowest:.2f} s; allocator "
        f"{turn.count / allocated:,.0f} grants/s; exactly {turn.count} of {accepted} funded",
        file=sys.stderr,
    )
    return accepted, seconds


def funded_by_the_log(count: int) -> list[str]:
    """Return who gets money by the entries of the log alone: the first in line."""
    bodies = LogEntry.objects.filter(type="allocation.intake").values_list("body", flat=True)
    told = [json.loads(bytes(each))["body"] for each in bodies]
    told.sort(key=lambda each: int(each["position"]))
    return [each["application"] for each in told[:count]]


def funded_by_the_books() -> list[str]:
    """Return for whom money is set aside, in the order of the line."""
    held = Reservation.objects.open().order_by("intake__position")
    return [str(each) for each in held.values_list("intake__application", flat=True)]


def send(
    site: Site, requests: list[tuple[str, str, dict[str, str]]]
) -> tuple[Counter[int], list[float], float]:
    """Send everything over 64 connections; return how often each status came, each wait, seconds.

    Connections stand before, and every worker has answered.
    """
    waiting, lock = iter(requests[CLIENTS:]), threading.Lock()
    answers: Counter[int] = Counter()
    waits: list[float] = []
    gate = threading.Barrier(len(requests[:CLIENTS]) + 1, timeout=PATIENCE_SECONDS)

    def client(asked: tuple[str, str, dict[str, str]] | None) -> None:
        assert asked is not None
        connection = http.client.HTTPConnection(HOST, site.port, timeout=PATIENCE_SECONDS)
        connection.request("GET", "/readyz")
        connection.getresponse().read()
        gate.wait()
        while asked is not None:
            began = time.perf_counter()
            connection.request("POST", asked[0], asked[1], asked[2])
            response = connection.getresponse()
            response.read()
            with lock:
                waits.append(time.perf_counter() - began)
                answers[response.status] += 1
                asked = next(waiting, None)

    threads = [threading.Thread(target=client, args=(each,)) for each in requests[:CLIENTS]]
    for each in threads:
        each.start()
    gate.wait()
    began = time.perf_counter()
    for each in threads:
        each.join()
    return answers, waits, time.perf_counter() - began


def prepare_floor(size: int) -> Rush:
    """Start the bare site."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("CREATE TABLE bench_bare (id bigserial PRIMARY KEY, body bytea)")
    requests: list[tuple[str, str, dict[str, str]]] = [
        ("/", urlencode({"no": no}), {}) for no in range(size)
    ]
    return Rush(Site("benchmarks.bare_insert:application"), requests, None, 0)


def floor(rush: Rush) -> tuple[int, float]:
    """Send as many bare requests."""
    with rush.site:
        answers, waits, seconds = send(rush.site, rush.requests)
    if answers[201] != len(rush.requests):
        raise SystemExit(f"not every request was taken: {dict(answers)}")
    print(f"floor: p99 {sorted(waits)[len(waits) * 99 // 100]:.2f} s", file=sys.stderr)
    return len(rush.requests), seconds

"""Read plain entries at speed: patterns that match only their canonical bytes.

Most of a log are journals, and nearly all of them have the plain form the house writes; most
other entries have a flat body of texts. For these the patterns are as strict as the full reading
(decode, write again, compare, schema of envelope and journal) and several times as quick. Whatever
they do not match is no fault: it is read in full.
"""

import json
import re
from itertools import pairwise
from typing import Any

from ledger.entries import JOURNAL_TYPE, canonical, key_count
from ledger.refusals import Broken
from ledger.replay import Flow, Leg, Replay, ReplayError, Stated, Sums, check_leg

MAX_TRANSFERS = 200
MOST_KEY_SETS = 1_000
_COMMA = ord(",")
_MOMENT = rb"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z)"
_ID = rb"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
_NUMBER = rb"([1-9][0-9]{0,18})"
#: A text that needs no escape, measured in bytes; lengths as in the schema, there in characters.
_PLAIN = rb'[^"\\\x00-\x1f]'
_KEY = rb"[ !#-\[\]-~]{1,60}"
_ACTOR = (
    rb'\{"id":"' + _PLAIN + rb'{0,100}","kind":"(?:user|provider_key|system)",'
    rb'"role":"' + _PLAIN + rb'{0,60}"\}'
)
_REF = rb'"' + _KEY + rb'":"' + _PLAIN + rb'{0,400}"'
_HEAD = re.compile(
    rb'\{"actor":' + _ACTOR + rb',"at":"' + _MOMENT + rb'","auth":null,"body":\{"approvals":\[(?:'
    + _ACTOR + rb"(?:," + _ACTOR + rb')*)?\],"effective_at":"' + _MOMENT
    + rb'","journal":"' + _ID + rb'","kind":"' + _PLAIN + rb'{1,60}",'
    rb'"refs":(\{(?:' + _REF + rb"(?:," + _REF + rb')*)?\}),"seq":"' + _NUMBER
    + rb'","transfers":\['
)  # fmt: skip
_FLAT = rb'"' + _KEY + rb'":(?:"' + _PLAIN + rb'*"|true|false|null)'
_EVENT = re.compile(
    rb'\{"actor":' + _ACTOR + rb',"at":"' + _MOMENT + rb'","auth":null,"body":(\{(?:'
    + _FLAT + rb"(?:," + _FLAT + rb')*)?\}),"id":"' + _ID + rb'","links":\[\],"log":("'
    + _PLAIN + rb'*"),"pii":\{\},"type":"([a-z][a-z0-9_.]{0,59})","v":"1"\}'
)  # fmt: skip
_JOURNAL = JOURNAL_TYPE.encode()
_ACCOUNT = rb"(\[[^\]\\\x00-\x1f]*\])"
_LEG = re.compile(
    rb'\{"amount":"' + _NUMBER + rb'","code":"([1-9][0-9]{2})","credit":' + _ACCOUNT
    + rb',"debit":' + _ACCOUNT + rb',(?:"expires_at":"' + _MOMENT + rb'",)?"id":"' + _ID
    + rb'",(?:"pending_id":"' + _ID + rb'",)?"phase":"(single|pending|post|void)",'
    rb'(?:"reason":"' + _PLAIN + rb'{1,200}",)?"unit":"([A-Z_]{1,8})"\}'
)  # fmt: skip


class QuickReader:
    """Reads journals of one log into the accounts of one replay.

    Args:
        origin: name of the log.
        books: where accounts and flows live; the reader books nothing itself.
    """

    def __init__(self, origin: str, books: Replay) -> None:
        self._tail = (
            b'","links":[],"log":' + canonical(origin) + b',"pii":{},'
            b'"type":"ledger.journal","v":"1"}'
        )
        self._log = canonical(origin)
        self._books = books
        self._accounts: dict[bytes, Sums] = {}
        self._flows: dict[tuple[bytes, bytes, bytes, int, int], Flow] = {}
        self._rising: set[tuple[bytes, ...]] = {()}

    def read(self, entry: bytes) -> tuple[bytes, Stated] | None:
        """Return the id and the journal of an entry; None where it must be read in full."""
        head = _HEAD.match(entry)
        if head is None:
            return None
        at, effective_at, journal, refs, seq = head.groups()
        legs: list[Leg] = []
        place = head.end() - 1
        while not legs or entry[place] == _COMMA:
            found = _LEG.match(entry, place + 1)
            if found is None:
                return None
            leg = self._leg(found)
            if leg is None:
                return None
            legs.append(leg)
            place = found.end()
            if place == len(entry):
                return None
        if entry[place:] != b']},"id":"' + journal + self._tail or len(legs) > MAX_TRANSFERS:
            return None
        if not (entry.isascii() or _is_text(entry)) or not self._rise(refs):
            return None
        return journal, Stated(int(seq), effective_at, at, legs)

    def event(self, entry: bytes) -> tuple[bytes, str, dict[str, Any]] | None:
        """Return id, type and body of an entry with a flat body that is no journal."""
        found = _EVENT.fullmatch(entry)
        if found is None:
            return None
        _at, raw, known, log, kind = found.groups()
        if log != self._log or kind == _JOURNAL or not (entry.isascii() or _is_text(entry)):
            return None
        body = json.loads(raw.decode())
        if key_count(body) != raw.count(b'":'):
            return None
        return known, kind.decode("ascii"), body

    def _leg(self, found: "re.Match[bytes]") -> Leg | None:
        amount, code, credit, debit, expires_at, known, pending_id, phase, unit = found.groups()
        into = self._accounts.get(credit) or self._account(credit)
        out = self._accounts.get(debit) or self._account(debit)
        if into is None or out is None:
            return None
        key = (code, phase, unit, out.group, into.group)
        flow = self._flows.get(key)
        try:
            if flow is None:
                way = (code.decode(), phase.decode(), unit.decode())
                flow = self._flows[key] = self._books.flow(way, out.name, into.name)
            leg = Leg(
                known,
                flow,
                out,
                into,
                int(amount),
                pending_id or b"",
                expires_at or b"",
            )
            if pending_id or expires_at or out is into or flow.phase != "single":
                check_leg(leg)
        except ReplayError:
            return None
        return leg

    def _rise(self, refs: bytes) -> bool:
        """Say whether the keys of a flat object of texts rise, as the canonical form demands."""
        keys = tuple(refs.split(b'"')[1::4])
        if keys in self._rising:
            return True
        rising = all(one < other for one, other in pairwise(keys))
        if rising and len(self._rising) < MOST_KEY_SETS:
            self._rising.add(keys)
        return rising

    def _account(self, literal: bytes) -> Sums | None:
        """Return the account of a literal seen for the first time, if it is a plain one."""
        try:
            parts = json.loads(literal.decode("utf-8"))
            plain = len(parts) == 3 and all(isinstance(each, str) for each in parts)
            if not plain or canonical(parts) != literal or max(map(len, parts)) > 200:
                return None
            sums = self._books.account((parts[0], parts[1], parts[2]))
        except (ValueError, RecursionError, Broken):
            return None
        self._accounts[literal] = sums
        return sums


def _is_text(entry: bytes) -> bool:
    try:
        entry.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True

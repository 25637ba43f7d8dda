"""Read the entry of a journal at speed: one pattern that matches only its canonical bytes.

Most of a log are journals, and nearly all of them have the plain form the house writes. For
these the pattern is as strict as the full reading (decode, write again, compare, schema) and ten
times as quick. Whatever it does not match is no fault: it is read in full, by ``replay``.
"""

import json
import re
from itertools import pairwise

from ledger.entries import canonical
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
_KEYS = re.compile(rb'[{,]"(' + _KEY + rb')":"' + _PLAIN + rb'*"')
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
        stated = Stated(int(seq), effective_at.decode(), at.decode(), legs)
        return bytes.fromhex(journal.replace(b"-", b"").decode()), stated

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
                bytes.fromhex(known.replace(b"-", b"").decode()),
                flow,
                out,
                into,
                int(amount),
                bytes.fromhex(pending_id.replace(b"-", b"").decode()) if pending_id else b"",
                expires_at.decode() if expires_at else "",
            )
            if pending_id or expires_at or out is into or flow.phase != "single":
                check_leg(leg)
        except ReplayError:
            return None
        return leg

    def _rise(self, refs: bytes) -> bool:
        """Say whether the keys of a flat object rise, as the canonical form demands."""
        keys = tuple(_KEYS.findall(refs))
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

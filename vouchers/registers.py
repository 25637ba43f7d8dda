"""Ask the registers about one enterprise: what stands on lists, what it got elsewhere, who owns it.

Reads only confirmed files; where two files speak of the same thing the newer one counts.
"""

from collections.abc import Iterable
from datetime import date
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils.crypto import salted_hmac

from vouchers.models import Enterprise, RegisterRow
from vouchers.related import Graph, Share

MARK = 32
NEIGHBOURLY = ("shareholding", "profile")  # registers that tie bodies to each other
MOST_STEPS = 8  # holdings are followed this far in both directions
LARGE_CONTROL_BP = 5000


def mark(number: str) -> str:
    """Return a mark of a person's or an account's number: equal numbers, equal marks, no way back.

    The key is PERSON_SALT, which is set once and never changed.
    """
    salt = "vouchers.register"
    made = salted_hmac(salt, number, secret=settings.PERSON_SALT, algorithm="sha256")
    return f"#{made.hexdigest()[:MARK]}"


class Entries:
    """What all registers say of one body: read once, asked many times."""

    def __init__(self, uscc: str) -> None:
        self.uscc = uscc

    @cached_property
    def _rows(self) -> list[RegisterRow]:
        named = Q(uscc=self.uscc) | Q(other=self.uscc)
        return list(RegisterRow.objects.standing().filter(named))

    def _own(self, register: str) -> list[RegisterRow]:
        """Return the lines of one register about the body, the newest statement first."""
        rows = (each for each in self._rows if each.uscc == self.uscc)
        return [each for each in rows if each.batch.register == register]

    def on_list(self, register: str, day: date, years: int = 0) -> list[RegisterRow]:
        """Return the lines of a list that weigh on the body on a day.

        Args:
            register: ``dishonesty``, ``abnormal`` or ``penalty``.
            day: when.
            years: for how long a removed line still weighs.
        """
        newest: dict[str, RegisterRow] = {}
        for row in self._own(register):
            newest.setdefault(row.document_no, row)
        return [row for row in newest.values() if row.on_list(day, years)]

    def figures(self) -> RegisterRow | None:
        """Return the newest figures other offices hold of the body."""
        rows = self._own("figures")
        return max(rows, key=lambda each: each.listed_on or date.max, default=None)

    def graph(self, limit_bp: int) -> Graph:
        """Return the holdings and marks around the body, as far as a group can reach."""
        if any(each.batch.register in NEIGHBOURLY for each in self._rows):
            return graph_around(self.uscc, limit_bp)
        return Graph([], {}, {}, limit_bp)  # nobody is near it: nothing more to ask


def other_fundings(document_nos: Iterable[str], invoices: Iterable[str] = ()) -> list[RegisterRow]:
    """Return public money that was given for one of these contracts or invoices."""
    contracts, papers = set(filter(None, document_nos)), set(filter(None, invoices))
    rows = RegisterRow.objects.standing("funding")
    found = {row.pk: row for row in rows.filter(document_no__in=contracts)} if contracts else {}
    if papers:
        found |= {row.pk: row for row in rows.filter(other__in=papers)}
    return list(found.values())


def fundings_of(uscc: str) -> list[RegisterRow]:
    """Return the public money a body got elsewhere, one line per contract and invoice."""
    newest: dict[tuple[str, str], RegisterRow] = {}
    for row in RegisterRow.objects.standing("funding").filter(uscc=uscc):
        newest.setdefault((row.document_no, row.other), row)
    return list(newest.values())


def certificates_of(uscc: str, day: date) -> list[RegisterRow]:
    """Return the certificates of a body that are valid on a day."""
    newest: dict[tuple[str, str], RegisterRow] = {}
    for row in RegisterRow.objects.standing("certificate").filter(uscc=uscc):
        newest.setdefault((row.other_name, row.document_no), row)
    return [
        row
        for row in newest.values()
        if row.listed_on and row.removed_on and row.listed_on <= day <= row.removed_on
    ]


def large_among(codes: Iterable[str]) -> set[str]:
    """Return those that stand on the list of large enterprises."""
    rows = RegisterRow.objects.standing("large").filter(uscc__in=set(codes))
    return set(rows.values_list("uscc", flat=True))


def graph_around(uscc: str, limit_bp: int) -> Graph:
    """Return the holdings and marks around a body, as far as a group can reach."""
    codes = {uscc}
    marks: dict[str, dict[str, str]] = {}
    names: dict[str, str] = {}
    shares: dict[tuple[str, str], Share] = {}
    fresh = {uscc}
    for _ in range(MOST_STEPS):
        found = _marks_of(fresh, names)
        marks |= found
        near = _same_marks(found, names)
        for row in _newest_shares(fresh):
            shares[row.uscc, row.other] = Share(row.other, row.uscc, row.share_bp or 0)
            names |= {row.uscc: row.name, row.other: row.other_name}
            near |= {row.uscc, row.other}
        fresh = near - codes
        codes |= near
        if not fresh:
            break
    marks |= _marks_of(codes, names)
    own = Enterprise.objects.filter(uscc__in=codes).values_list("uscc", "name")
    return Graph(shares.values(), marks, names | dict(own), limit_bp)


def related_codes(codes: Iterable[str]) -> set[str]:
    """Return those of some bodies that hold or are held, or whose profile is known."""
    wanted = set(codes)
    shares = RegisterRow.objects.standing("shareholding")
    named = set(shares.filter(uscc__in=wanted).values_list("uscc", flat=True))
    named |= set(shares.filter(other__in=wanted).values_list("other", flat=True))
    profiles = RegisterRow.objects.standing("profile").filter(uscc__in=wanted)
    return named | set(profiles.values_list("uscc", flat=True))


def _newest_shares(codes: set[str]) -> list[RegisterRow]:
    """Return the holdings in and of these bodies; each company by the newest file naming it."""
    rows = RegisterRow.objects.standing("shareholding")
    companies = set(rows.filter(uscc__in=codes).values_list("uscc", flat=True))
    companies |= set(rows.filter(other__in=codes).values_list("uscc", flat=True))
    newest: dict[str, Any] = {}
    kept = []
    for row in rows.filter(uscc__in=companies):
        if newest.setdefault(row.uscc, row.batch_id) == row.batch_id:
            kept.append(row)
    return kept


def _marks_of(codes: set[str], names: dict[str, str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for row in RegisterRow.objects.standing("profile").filter(uscc__in=codes):
        if row.uscc not in found:
            found[row.uscc] = row.values
            names.setdefault(row.uscc, row.name)
    return found


def _same_marks(marks: dict[str, dict[str, str]], names: dict[str, str]) -> set[str]:
    """Return the bodies that share a mark with one of these."""
    near: set[str] = set()
    rows = RegisterRow.objects.standing("profile")
    for values in marks.values():
        for kind, value in values.items():
            for other, name in rows.filter(**{f"values__{kind}": value}).values_list(
                "uscc", "name"
            ):
                near.add(other)
                names.setdefault(other, name)
    return near

"""Rate past months under other rules, beside what the same way of rating gives unchanged.

Nothing is posted, recorded in the log or changed: the plan of a month is made twice in memory, by
the very function that closes a month, over the usage and the limits in the order of the months.
What is compared are the two plans; what was really settled stands beside them, and differs where
objections were upheld or the rules of a programme changed since.

Units: fen.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from copy import copy
from dataclasses import replace
from typing import Any
from uuid import UUID

import rfc8785
from django.db.models import Sum

from billing.filed import Filed
from billing.limits import CapsLeft, Editions
from billing.models import MonthClose, Statement
from billing.planning import Sources, plan_from, sources_of
from billing.rating import Limits
from billing.redeeming import share_rule
from billing.what_if_rules import Changes
from ledger.balances import balances
from ledger.chart import treasury
from ledger.periods import Month
from providers.metering import MonthlyUsage
from providers.models import OfferingPrice, Order

Step = Callable[[int, int, str], None]
#: Months whose statements were put out, so that their usage stands.
RATED = ("review", "closed", "paid")
BEFORE, AFTER = "before", "after"


class Spent:
    """What was granted so far in a run, on top of what stood before its first month."""

    def __init__(self, first: str) -> None:
        self.first = first
        self.orders: dict[UUID, tuple[int, int]] = {}
        self.firms: dict[tuple[str, str, UUID], int] = defaultdict(int)
        self.schemes: dict[str, int] = defaultdict(int)
        stood = Statement.objects.filter(month__lt=first).exclude(state="draft").order_by()
        sums = stood.values_list("order_id").annotate(Sum("eligible_fen"), Sum("public_fen"))
        for order_id, eligible, public in sums:
            self.orders[order_id] = (eligible, public)
        named = stood.values_list("month", "voucher__programme__slug", "enterprise_id")
        for month, slug, firm, public in named.annotate(Sum("public_fen")):
            self.firms[month[:4], slug, firm] += public
            self.schemes[slug] += public

    def take(self, statement: Statement, slug: str) -> None:
        """Count a statement of the plan for the months after it."""
        eligible, public = self.orders.get(statement.order_id, (0, 0))
        self.orders[statement.order_id] = (
            eligible + statement.eligible_fen,
            public + statement.public_fen,
        )
        self.firms[statement.month[:4], slug, statement.enterprise_id] += statement.public_fen
        self.schemes[slug] += statement.public_fen


class CapsTried(CapsLeft):
    """The limits of a month as they would stand after the earlier months of the same run.

    A hold has what it was made for, less what the run granted on it.
    """

    def __init__(
        self, month: Month, orders: Collection[Order], editions: Editions, spent: Spent
    ) -> None:
        super().__init__(month, orders, editions)
        year = str(month.year)
        self._spent = spent
        self._before = dict(spent.orders)
        self._granted = {
            (slug, firm): fen for (when, slug, firm), fen in spent.firms.items() if when == year
        }
        granted = balances(treasury(slug) for slug in self._programmes)
        self._programmes = {
            slug: -granted[treasury(slug)].posted - spent.schemes.get(slug, 0)
            for slug in self._programmes
        }

    def limits_for(self, order: Order) -> Limits:
        """Return the limits of one order; where other money may not be added, none is left."""
        limits = super().limits_for(order)
        assert order.voucher is not None
        used = self._spent.orders.get(order.pk, (0, 0))[1]
        held = max(order.held_fen - used, 0)
        rules = self._editions[order.voucher.programme_id]
        if rules.stacking.rule == "NONE" and limits.other_funding_fen > 0:
            return replace(limits, held_fen=0, other_funding_fen=0)
        return replace(limits, held_fen=held)


class FiledTried(Filed):
    """The catalogue with the prices as they would be."""

    def __init__(self, real: Filed, changes: Changes) -> None:
        self.models, self.rates = real.models, real.rates
        self._real, self._changes = real, changes

    def market(self, price: OfferingPrice) -> list[int]:
        """Return the filed prices for the same model and unit, changed; the lowest first."""
        key, change = price.offering.model.key, self._changes.price_fen
        return sorted(change(fen, key, tier) for fen, tier in self._real.listed(price))


def changed_sources(sources: Sources, changes: Changes) -> Sources:
    """Return what a month's plan reads, with everything that would be otherwise."""
    editions = {pk: changes.edition(each) for pk, each in sources.editions.items()}
    return replace(
        sources,
        orders=[_order(each, changes) for each in sources.orders],
        own=_usages(sources, sources.own, changes),
        earlier=_usages(sources, sources.earlier, changes),
        filed=FiledTried(sources.filed, changes),
        editions=editions,
        rules={pk: share_rule(each) for pk, each in editions.items()},
    )


def _order(order: Order, changes: Changes) -> Order:
    """Return an order at the price list it would have; a copy, which nobody saves."""
    tried, price = copy(order), copy(order.price)
    key = price.offering.model.key
    price.price_fen = changes.price_fen(price.price_fen, key, 1 if price.tiers else 0)
    price.tiers = [
        {**each, "price_fen": changes.price_fen(each["price_fen"], key, tier)}
        for tier, each in enumerate(price.tiers, start=2)
    ]
    tried.price = price
    return tried


def _usages(
    sources: Sources, found: Mapping[UUID, list[MonthlyUsage]], changes: Changes
) -> dict[UUID, list[MonthlyUsage]]:
    keys = {pk: each.key for pk, each in sources.filed.models.items()}
    return {
        order: [
            replace(each, gflops=changes.rate(each.gflops, keys[each.model_id])) for each in listed
        ]
        for order, listed in found.items()
    }


def months_between(first: str, last: str) -> list[MonthClose]:
    """Return the months that can be rated again, in order."""
    found = MonthClose.objects.filter(month__gte=first, month__lte=last, state__in=RATED)
    return list(found.order_by("month"))


class Tally:
    """Sums of two plans by scheme, provider and enterprise."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.totals = {
            side: {"statements": 0, "gross_fen": 0, "public_fen": 0, "self_fen": 0}
            for side in (BEFORE, AFTER)
        }
        self.binding: dict[str, dict[str, int]] = {BEFORE: {}, AFTER: {}}

    def add(self, side: str, statement: Statement, slug: str) -> None:
        """Take a statement of one of the two plans into the sums."""
        total = self.totals[side]
        total["statements"] += 1
        for name in ("gross_fen", "public_fen", "self_fen"):
            total[name] += getattr(statement, name)
        counts = self.binding[side]
        counts[statement.binding] = counts.get(statement.binding, 0) + 1
        key = slug, str(statement.provider_id), str(statement.enterprise_id)
        row = self.rows.setdefault(
            key,
            {
                "programme": slug,
                "provider": statement.provider.name,
                "enterprise": statement.enterprise.name,
                "enterprise_uscc": statement.enterprise.uscc,
                "before_fen": 0,
                "after_fen": 0,
                "self_before_fen": 0,
                "self_after_fen": 0,
            },
        )
        row[f"{side}_fen"] += statement.public_fen
        row[f"self_{side}_fen"] += statement.self_fen


def try_changes(
    slug: str, first: str, last: str, changes: Changes, progress: Step
) -> dict[str, Any]:
    """Return what the months would have come to, as canonical plain data; nothing is written.

    Args:
        slug: one scheme; empty for all.
        progress: told after each month.
    """
    months, tally = months_between(first, last), Tally()
    spent = {side: Spent(months[0].month if months else first) for side in (BEFORE, AFTER)}
    for place, close in enumerate(months, 1):
        sources = sources_of(close, close.cutoff_at or close.period.end_at)
        own = [
            each
            for each in sources.orders
            if each.voucher is not None and slug in ("", each.voucher.programme.slug)
        ]
        sources = replace(sources, orders=own)
        for side, read in ((BEFORE, sources), (AFTER, changed_sources(sources, changes))):
            caps = CapsTried(close.period, read.orders, read.editions, spent[side])
            for statement in plan_from(read, caps).statements:
                scheme = statement.voucher.programme.slug
                tally.add(side, statement, scheme)
                spent[side].take(statement, scheme)
        progress(place, len(months), f"已测算 {close.month}")
    settled = Statement.objects.filter(close__in=months).exclude(state="draft")
    if slug:
        settled = settled.filter(voucher__programme__slug=slug)
    return {
        "slug": slug,
        "months": [each.month for each in months],
        "changes": {name: str(value) for name, value in changes.as_plain().items()},
        "totals": _texts(tally.totals),
        "settled_public_fen": str(settled.aggregate(total=Sum("public_fen", default=0))["total"]),
        "binding": tally.binding,
        "rows": [_texts(tally.rows[key]) for key in sorted(tally.rows)],
    }


def _texts(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return amounts as texts, as in every canonical form of the house."""
    return {
        name: _texts(value)
        if isinstance(value, dict)
        else str(value)
        if name.endswith("_fen")
        else value
        for name, value in plain.items()
    }


def digest_of(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of plain data in its canonical form (RFC 8785)."""
    return hashlib.sha256(rfc8785.dumps(dict(content))).hexdigest()

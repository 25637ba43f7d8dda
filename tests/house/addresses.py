"""Every address of the house by the resolver, with real things in its gaps."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.urls import URLPattern, get_resolver, reverse

#: Beginning of an address -> what stands in its gaps: a thing of the stage, or "=text" as it is.
GAPS: tuple[tuple[str, dict[str, str]], ...] = (
    ("/portal/apply/<uuid:pk>/files/", {"pk": "draft", "file_pk": "draft_file"}),
    ("/portal/apply/", {"pk": "draft", "code": "=enterprise"}),
    ("/portal/applications/", {"pk": "application"}),
    ("/portal/vouchers/", {"pk": "voucher"}),
    ("/portal/orders/", {"pk": "order"}),
    ("/portal/statements/", {"pk": "open_statement"}),
    ("/office/vouchers/cases/", {"pk": "application", "file_pk": "file"}),
    ("/office/vouchers/notices/", {"pk": "notice"}),
    ("/office/vouchers/programmes/", {"pk": "programme", "request_pk": "grant_request"}),
    ("/office/figures/", {"slug": "=putuo-demo-2026", "detail": "=face"}),
    ("/office/reports/", {"pk": "report"}),
    ("/office/settlement/statements/", {"pk": "statement"}),
    ("/office/settlement/objections/", {"pk": "objection"}),
    ("/office/settlement/lists/", {"pk": "payment_batch"}),
    ("/office/settlement/payments/", {"pk": "payment_line"}),
    ("/office/settlement/", {"month": "=2026-11"}),
    ("/office/books/", {"pk": "incident_request"}),
    ("/office/providers/desk/gaps/", {"month": "=2026-11"}),
    ("/office/providers/desk/records/", {"pk": "record"}),
    ("/office/providers/desk/requests/", {"pk": "desk_request"}),
    ("/office/providers/desk/conflicts/", {"pk": "conflict"}),
    ("/office/providers/desk/findings/", {"pk": "finding"}),
    ("/office/providers/rates/", {"pk": "rate"}),
    ("/office/providers/keys/", {"pk": "key"}),
    ("/office/providers/capacities/", {"pk": "capacity"}),
    ("/office/providers/batches/", {"pk": "batch"}),
    ("/office/providers/conflicts/", {"pk": "=1"}),
    ("/office/providers/", {"pk": "provider"}),
    ("/console/statements/reports/", {"pk": "report"}),
    ("/console/statements/", {"pk": "open_statement"}),
    ("/console/batches/", {"pk": "batch"}),
    ("/console/records/", {"pk": "record"}),
    ("/console/rows/", {"pk": "left_out"}),
    ("/console/orders/", {"pk": "order"}),
    ("/console/keys/", {"pk": "key"}),
    ("/console/offerings/", {"pk": "offering"}),
    ("/public/notices/", {"pk": "notice"}),
    ("/public/verify/", {"code": "=0000-0000-0000-0000"}),
    ("/office/log/", {"pk": "inspection"}),
    ("/public/log/", {"index": "=0", "level": "=0", "rest": "=000.p/1", "size": "=1"}),
    ("/api/v1/metering/", {"batch_id": "batch"}),
    ("/api/v1/problems/", {"code": "=key_unknown"}),
)


@dataclass(frozen=True)
class Address:
    """One line of the table: the pattern, its name, the right it states."""

    route: str
    name: str
    right: str
    gaps: tuple[str, ...]

    def fill(self, things: dict[str, Any]) -> str:
        """Return the address with real things in its gaps."""
        values = next((v for start, v in GAPS if self.route.startswith(start)), {})
        given = {
            gap: values[gap][1:] if values[gap].startswith("=") else things[values[gap]]
            for gap in self.gaps
        }
        return reverse(self.name, kwargs=given)


def _patterns(found: Any, before: str = "/") -> Iterator[tuple[str, URLPattern]]:
    for each in found:
        route = before + str(each.pattern)
        if isinstance(each, URLPattern):
            yield route, each
        else:
            yield from _patterns(each.url_patterns, route)


@cache
def addresses() -> tuple[Address, ...]:
    """Return every address that has a name."""
    return tuple(
        Address(
            route=route,
            name=each.name or "",
            right=getattr(each.callback, "right", ""),
            gaps=tuple(each.pattern.converters),
        )
        for route, each in _patterns(get_resolver().url_patterns)
    )


def walkable() -> list[Address]:
    """Return the addresses a reader walks: not the way out, not the net under the API."""
    return [each for each in addresses() if each.name not in {"logout", "api_nothing"}]

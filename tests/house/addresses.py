"""Every address of the house by the resolver, with real things in its gaps."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.urls import URLPattern, get_resolver, reverse

#: Beginning of an address -> what stands in its gaps: a thing of the stage, or "=text" as it is.
GAPS: tuple[tuple[str, dict[str, str]], ...] = (
    ("/portal/members/invitations/", {"pk": "firm_invitation"}),
    ("/portal/members/", {"pk": "firm_seat"}),
    ("/console/members/invitations/", {"pk": "provider_invitation"}),
    ("/console/members/", {"pk": "provider_seat"}),
    ("/office/people/invitations/", {"pk": "bureau_invitation"}),
    ("/office/people/accounts/", {"pk": "account"}),
    ("/office/people/grants/", {"pk": "grant"}),
    ("/office/standing/delegations/", {"pk": "delegation"}),
    ("/office/standing/conflicts/", {"pk": "declaration"}),
    ("/account/identity/", {"provider_id": "=government"}),
    ("/office/standing/appeals/", {"pk": "appeal"}),
    ("/account/factor/keys/", {"pk": "security_key"}),
    ("/account/", {"secret": "=no-such-link", "key": "=no-such-key", "uidb36": "=1"}),
    ("/portal/apply/<uuid:pk>/files/", {"pk": "draft", "file_pk": "draft_file"}),
    ("/portal/apply/", {"pk": "draft", "code": "=enterprise"}),
    ("/portal/applications/", {"pk": "application", "row_pk": "letter_row"}),
    ("/portal/vouchers/", {"pk": "voucher"}),
    ("/portal/messages/", {"pk": "message_enterprise"}),
    ("/console/messages/", {"pk": "message_provider"}),
    ("/office/messages/log/", {"pk": "mail"}),
    ("/office/messages/", {"pk": "message_right"}),
    ("/portal/orders/", {"pk": "order"}),
    ("/portal/statements/reports/", {"pk": "firm_report", "month": "=2026-10"}),
    ("/portal/statements/files/", {"month": "=2026-10", "table": "=focus", "form": "=csv"}),
    ("/portal/statements/<uuid:pk>/claim/", {"pk": "open_statement", "paper_pk": "paper"}),
    (
        "/portal/statements/",
        {"pk": "open_statement", "objection_pk": "objection", "file_pk": "statement_file"},
    ),
    ("/office/vouchers/cases/", {"pk": "application", "file_pk": "file", "row_pk": "letter_row"}),
    ("/office/vouchers/enterprises/", {"pk": "enterprise"}),
    ("/office/vouchers/standing/", {"pk": "standing_request"}),
    ("/office/vouchers/inquiries/", {"pk": "inquiry"}),
    ("/office/vouchers/registers/", {"pk": "register", "kind": "=large"}),
    ("/office/vouchers/bulk/", {"pk": "case_batch"}),
    ("/office/vouchers/exports/", {"pk": "case_export"}),
    ("/office/vouchers/notices/", {"pk": "notice"}),
    ("/office/vouchers/objections/", {"pk": "notice_objection"}),
    ("/office/vouchers/issue/", {"pk": "issue_batch"}),
    ("/office/vouchers/vouchers/", {"pk": "voucher", "request_pk": "voucher_request"}),
    ("/public/draws/", {"pk": "draw"}),
    (
        "/office/vouchers/programmes/",
        {"pk": "programme", "request_pk": "grant_request", "step": "=pause", "code": "=ratio"},
    ),
    ("/office/figures/", {"slug": "=putuo-demo-2026", "detail": "=face"}),
    ("/office/what-if/", {"pk": "what_if"}),
    ("/office/reports/", {"pk": "report"}),
    (
        "/office/settlement/statements/<uuid:pk>/files/",
        {"pk": "open_statement", "file_pk": "statement_file"},
    ),
    ("/office/settlement/statements/", {"pk": "statement"}),
    ("/office/settlement/claims/", {"pk": "claim"}),
    ("/office/settlement/objections/", {"pk": "objection"}),
    ("/office/settlement/lists/", {"pk": "payment_batch"}),
    ("/office/settlement/batches/", {"pk": "payment_batch"}),
    ("/office/settlement/files/", {"pk": "bank_file"}),
    ("/office/settlement/results/", {"pk": "bank_result"}),
    ("/office/settlement/payments/", {"pk": "payment_line"}),
    ("/office/year-end/", {"slug": "=putuo-demo-2026"}),
    ("/office/payees/", {"pk": "payee_account"}),
    ("/office/clawbacks/about/", {"pk": "statement"}),
    ("/office/clawbacks/refund/", {"pk": "statement"}),
    ("/office/clawbacks/", {"pk": "clawback", "event": "=notify"}),
    ("/portal/clawbacks/", {"pk": "clawback_portal", "event": "=notify"}),
    ("/console/clawbacks/", {"pk": "clawback", "event": "=notify"}),
    (
        "/office/settlement/<str:month>/files/",
        {"month": "=2026-10", "table": "=lines", "form": "=xlsx"},
    ),
    ("/office/settlement/", {"month": "=2026-11", "item_pk": "inspection_item"}),
    ("/office/books/", {"pk": "incident_request"}),
    ("/office/providers/desk/gaps/", {"month": "=2026-11"}),
    ("/office/providers/desk/records/", {"pk": "record"}),
    ("/office/providers/desk/requests/", {"pk": "desk_request"}),
    ("/office/providers/desk/conflicts/", {"pk": "conflict"}),
    ("/office/providers/desk/findings/", {"pk": "finding"}),
    ("/office/providers/rates/", {"pk": "rate"}),
    ("/office/providers/keys/", {"pk": "key"}),
    ("/office/providers/capacities/", {"pk": "capacity"}),
    ("/office/providers/efficiency/grid/", {"pk": "grid_factor"}),
    ("/office/providers/efficiency/", {"pk": "efficiency"}),
    ("/office/providers/networks/", {"pk": "networks"}),
    ("/office/providers/aliases/", {"pk": "alias"}),
    ("/office/providers/batches/", {"pk": "batch"}),
    ("/office/providers/conflicts/", {"pk": "=1"}),
    ("/office/providers/", {"pk": "provider"}),
    ("/console/statements/reports/", {"pk": "report", "month": "=2026-10"}),
    ("/console/statements/files/", {"month": "=2026-10", "table": "=payments", "form": "=json"}),
    (
        "/console/statements/",
        {"pk": "open_statement", "objection_pk": "objection", "file_pk": "statement_file"},
    ),
    ("/console/batches/", {"pk": "batch"}),
    ("/console/records/", {"pk": "record"}),
    ("/console/rows/", {"pk": "left_out"}),
    ("/console/efficiency/", {"pk": "efficiency"}),
    ("/console/orders/", {"pk": "order"}),
    ("/console/keys/", {"pk": "key"}),
    ("/console/access/keys/", {"pk": "key"}),
    ("/console/access/webhooks/", {"pk": "webhook"}),
    ("/console/access/deliveries/", {"pk": "delivery"}),
    ("/console/offerings/", {"pk": "offering"}),
    ("/public/notices/", {"pk": "notice"}),
    ("/public/programmes/", {"pk": "programme"}),
    ("/public/verify/", {"code": "=0000-0000-0000-0000"}),
    ("/office/log/", {"pk": "inspection"}),
    ("/public/log/", {"index": "=0", "level": "=0", "rest": "=000.p/1", "size": "=1"}),
    ("/api/v1/metering/statements/", {"month": "=2026-10"}),
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


LEFT_OUT = {"logout", "account_logout", "api_nothing"}


def walkable() -> list[Address]:
    """Return the addresses a reader walks: not the way out, not the net under the API."""
    return [each for each in addresses() if each.name not in LEFT_OUT]

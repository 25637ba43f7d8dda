"""What the bureau's one search box finds: kinds of things, who may see them, where they lead."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from billing.models import Statement
from providers.models import Provider
from vouchers import pages_queue, searching
from vouchers.models import Application, SearchRow
from vouchers.searching import Entry, Source
from vouchers.spelling import wanted


@dataclass(frozen=True)
class Kind:
    """One group of hits: its words, the right to see it, its page."""

    code: str
    title: str
    right: str
    page: str


KINDS = (
    Kind("application", "办件", "vouchers.view_cases", "office_case"),
    Kind("enterprise", "企业", "vouchers.view_cases", "office_firm"),
    Kind("voucher", "算力券", "vouchers.view_cases", "office_case"),
    Kind("provider", "服务商", "providers.view_providers", "office_provider"),
    Kind("statement", "对账单", "billing.view_settlement", "office_statement"),
)
ANY_RIGHT = tuple(sorted({each.right for each in KINDS}))


def provider_entry(found: Provider) -> Entry:
    """Return how a provider is found: by name, first letters and code."""
    return Entry("provider", found.pk, found.pk, found.name, (found.uscc,))


def statement_entry(found: Statement) -> Entry:
    """Return how a statement is found: by its number, its enterprise and its provider."""
    return Entry(
        "statement",
        found.pk,
        found.pk,
        f"{found.enterprise.name} / {found.provider.name}",
        (found.statement_no,),
    )


#: Everything that is searched, from all rooms; a task gives what is new its row.
SOURCES = (
    *searching.OWN,
    Source("provider", lambda: Provider.objects.all(), provider_entry),
    Source("statement", lambda: Statement.objects.put_out().with_parties(), statement_entry),
)


def search(typed: str, user: Any) -> dict[str, Any]:
    """Return what a person finds, in groups, and where to go when only one thing was meant."""
    kinds = [each for each in KINDS if user.has_perm(each.right)]
    found = searching.find(typed, [each.code for each in kinds], only=_scope(user))
    one = searching.exact(found, typed)
    by_code = {each.code: each for each in KINDS}
    return {
        "typed": typed,
        "short": bool(typed.strip()) and not wanted(typed),
        "groups": [
            {"title": each.title, "hits": [_hit(row, each) for row in found[each.code]]}
            for each in kinds
            if found.get(each.code)
        ],
        "straight": _address(one, by_code[one.kind]) if one else "",
    }


def _scope(user: Any) -> dict[str, Any] | None:
    """Return what a reviewer is kept to where the house says so."""
    if not pages_queue.sees_only_own(user):
        return None
    cases = pages_queue.visible_cases(user).order_by()
    own = cases.values("pk")
    firms = Application.objects.filter(pk__in=own).values("enterprise_id")
    vouchers = Application.objects.filter(pk__in=own).values("vouchers__pk")
    return {"application": own, "enterprise": firms, "voucher": vouchers}


def _hit(row: SearchRow, kind: Kind) -> dict[str, str]:
    return {"number": row.number, "title": row.title, "url": _address(row, kind)}


def _address(row: SearchRow, kind: Kind) -> str:
    return reverse(kind.page, args=[row.page_id])

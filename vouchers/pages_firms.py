"""What the bureau's pages about enterprises show: plain values, no markup."""

from datetime import date, datetime
from typing import Any

from django.db.models import Q

from ledger.periods import day_of
from vouchers import caps, pages, registers, standing
from vouchers.eligibility import open_findings
from vouchers.facts import size_of
from vouchers.forms_firms import ALONE
from vouchers.models import (
    Application,
    Enterprise,
    EnterpriseFact,
    Inquiry,
    Programme,
    RegisterImport,
    StandingRequest,
    StateRow,
)
from vouchers.pages_verdict import verdict_lines
from vouchers.questions import ENTERPRISE, show
from vouchers.radar import group_around
from vouchers.register_files import KINDS
from vouchers.rulebook import Edition

ACTIONS = {"apply": "申请", "accept": "受理", "issue": "发券", "hold": "用券", "pay": "拨付"}
SHOWN_FACTS = 60


def firms(state: str, asked: str) -> Any:
    """Return the enterprises in a state that match a name or code, by name."""
    found = Enterprise.objects.all()
    if state in Enterprise.State.values:
        found = found.filter(state=state)
    if asked:
        code = "".join(asked.split()).upper()
        found = found.filter(Q(name__icontains=asked) | Q(uscc__icontains=code))
    return found.order_by("name", "pk")


def states(current: str) -> list[dict[str, Any]]:
    """Return the states as tabs."""
    tabs = [("", "全部"), *Enterprise.State.choices]
    return [{"code": c, "title": t, "current": c == current} for c, t in tabs]


def firm_context(firm: Enterprise, at: datetime, person: str) -> dict[str, Any]:
    """Return everything the page of an enterprise shows."""
    today, programme = day_of(at), Programme.objects.current()
    edition = programme.edition if programme else None
    facts = firm.facts_at(at)
    limit_bp = edition.review.related_party_bp if edition else caps.LIMIT_BP
    return {
        "allowed": _allowed(firm),
        "alone": ALONE.get(firm.state, {}),
        "requests": _requests(firm, person),
        "size": size_of(facts) if "industry" in facts else None,
        "facts": _fact_lines(firm, edition) if edition else [],
        "listed": _listed(firm, edition, today),
        "fundings": registers.fundings_of(firm.uscc),
        "certificates": registers.certificates_of(firm.uscc, today),
        "group": group_around(firm, limit_bp),
        "used": _used(firm, programme, at) if programme else None,
        "inquiries": firm.inquiries.order_by("-opened_at"),
        "successions": firm.successions.order_by("-recorded_at"),
        "applications": firm.applications.handed_in().order_by("-submitted_at"),
        "history": pages.timeline(StateRow.objects.of(firm), inside=True),
    }


def imports() -> Any:
    """Return the imported registers, the newest first."""
    return RegisterImport.objects.newest_first()


def register_kinds() -> list[dict[str, Any]]:
    """Return the registers with what they do and their columns."""
    return [
        {
            "code": each.code,
            "title": each.title,
            "effect": each.effect,
            "bars": each.bars,
            "columns": "、".join(name.rstrip("*") for name in each.columns),
        }
        for each in KINDS.values()
    ]


def row_lines(rows: Any) -> list[dict[str, Any]]:
    """Return the lines of a register the way people read them, and whom they name here."""
    rows = list(rows)
    known = dict(
        Enterprise.objects.filter(uscc__in=[row.uscc for row in rows]).values_list("uscc", "name")
    )
    return [{"row": row, "known": row.uscc in known, "rest": _rest(row)} for row in rows]


def inquiries() -> Any:
    """Return the inquiries, those that wait first."""
    return Inquiry.objects.select_related("enterprise").order_by("decided_at", "opened_at")


def requests_waiting() -> Any:
    """Return the changes of standing that wait for a second person."""
    return StandingRequest.objects.waiting().order_by("prepared_at")


def all_requests() -> Any:
    """Return every prepared change of standing."""
    return StandingRequest.objects.select_related("enterprise")


def firm_of_code(code: str) -> Enterprise | None:
    """Return the enterprise of a credit code as somebody typed it."""
    return Enterprise.objects.filter(uscc="".join(code.split()).upper()).first()


def criterion_lines(found: Application) -> list[dict[str, Any]]:
    """Return the findings of a case that a person may settle, with what was decided so far."""
    verdict = found.verdict or {}
    waiting = {each["code"] for each in open_findings(verdict, {})}
    rows = found.decisions.filter(verdict_digest=found.verdict_digest).order_by("decided_at", "id")
    decided = {each.code: each for each in rows}
    hard = {
        each["code"]
        for each in verdict.get("criteria", [])
        if each["hard"] and each["outcome"] == "fail"
    }
    return [
        {**line, "hard": line["code"] in hard, "decision": decided.get(line["code"])}
        for line in verdict_lines(verdict, found.programme.edition)
        if line["code"] in waiting
    ]


def _allowed(firm: Enterprise) -> list[dict[str, Any]]:
    return [
        {"title": word, "yes": standing.may(firm.state, action).allowed}
        for action, word in ACTIONS.items()
    ]


def _requests(firm: Enterprise, person: str) -> list[dict[str, Any]]:
    waiting = StandingRequest.objects.waiting().filter(enterprise=firm)
    return [{"request": each, "own": each.prepared_person == person} for each in waiting]


def _fact_lines(firm: Enterprise, edition: Edition) -> list[dict[str, Any]]:
    """Return the history of an enterprise's facts, the newest of each first."""
    asked = {each.name: each for each in ENTERPRISE.questions}
    sources = dict(EnterpriseFact.Source.choices)
    rows = firm.facts.order_by("name", "-as_of", "-recorded_at")[:SHOWN_FACTS]
    return [
        {
            "label": asked[row.name].label,
            "value": show(asked[row.name], row.value, edition),
            "source": sources[row.source],
            "as_of": row.as_of,
            "expires_on": row.expires_on,
            "by": row.recorded_by,
        }
        for row in rows
        if row.name in asked
    ]


def _listed(firm: Enterprise, edition: Edition | None, today: date) -> list[Any]:
    years, entries = edition.review.credit_years if edition else 3, registers.Entries(firm.uscc)
    return [
        row
        for kind in ("dishonesty", "abnormal", "penalty")
        for row in entries.on_list(kind, today, years)
    ]


def _used(firm: Enterprise, programme: Programme, at: datetime) -> dict[str, Any]:
    rules = programme.edition.caps
    members = caps.group_members(firm, programme)
    return {
        "year": day_of(at).year,
        "own_fen": caps.used_by_enterprise_fen(firm, programme, at),
        "own_cap_fen": rules.enterprise_year_fen,
        "group_fen": caps.used_by_group_fen(members, programme, at),
        "group_cap_fen": rules.group_year_fen,
        "members": len(members),
    }


def _rest(row: Any) -> str:
    """Return what a line says beside code and name."""
    parts = [row.document_no, row.other_name]
    if row.share_bp is not None:
        parts.append(f"{row.share_bp // 100}.{row.share_bp % 100:02d}%")
    if row.amount_fen is not None:
        parts.append(f"{row.amount_fen // 100:,}.{row.amount_fen % 100:02d} 元")
    parts += [f"{row.listed_on} 起" if row.listed_on else ""]
    parts += [f"{row.removed_on} 止" if row.removed_on else ""]
    return "，".join(part for part in parts if part)

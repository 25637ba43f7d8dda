"""Look up what speaks against an application: registers, its group, other applications, contracts.

The looking stands here, the judging in ``abuse``; nothing is written.
"""

from datetime import date, datetime
from typing import Any

from ledger.periods import day_of
from vouchers import abuse, registers
from vouchers.abuse import Known
from vouchers.credit_codes import normalise
from vouchers.eligibility import Fact, Finding
from vouchers.models import Application, Attachment, Enterprise, RegisterRow
from vouchers.registers import Entries
from vouchers.related import Graph, Relation, group_of, hints
from vouchers.rulebook import Edition

#: Applications that no longer use anything up.
OVER = ("draft", "withdrawn", "rejected", "lapsed")
#: Files that prove a contract; the same file twice is the same contract twice.
CONTRACT_SLOTS = ("contract", "invoice")
LEAST_PROOF_BYTES = 4096  # an empty page is nobody's contract


def findings(
    application: Application, facts: dict[str, Fact], entries: Entries, at: datetime
) -> tuple[Finding, ...]:
    """Return what the rules against abuse say about an application at a moment."""
    edition, today = application.programme.edition, day_of(at)
    enterprise, need = application.enterprise, application.answers.get("need") or {}
    graph = entries.graph(edition.review.related_party_bp)
    group = list(group_of(graph, enterprise.uscc).values())
    weak = hints(graph, enterprise.uscc)
    told = [
        *abuse.related_applicants(
            edition, group, weak, _applicants(application, [*group, *weak]), today
        ),
        *abuse.used_twice(edition, _inside(application, need, today), _outside(need)),
        *abuse.own_provider(edition, _own_provider(enterprise, need, graph, group), today),
        *abuse.bad_standing(edition, enterprise.state, _listed(entries, edition, today), today),
        *_conflicts(edition, entries, facts),
        *abuse.hidden_contract(edition, need, today),
    ]
    return tuple(told)


def dishonest(entries: Entries, edition: Edition, today: date) -> Fact | None:
    """Return the fact that a list of serious dishonesty holds an enterprise, if one does."""
    rows = entries.on_list("dishonesty", today, edition.review.credit_years)
    if not rows:
        return None
    row = rows[0]
    if row.removed_on and row.removed_on <= today:
        years = edition.review.credit_years
        change = f"{row.removed_on} 已移出名单，自移出之日起满 {years} 年后可以再次申请。"
    else:
        change = "完成信用修复并移出名单后，附移出决定再次申请。"
    note = f"严重失信主体名单 {row.document_no}（{row.batch.source}）"
    return Fact("dishonest", True, "register", row.batch.as_of, note=note, change=change)


def large_owner(entries: Entries, edition: Edition, today: date) -> Fact | None:
    """Return the fact that a listed large enterprise controls an enterprise, with the path."""
    graph = entries.graph(edition.review.related_party_bp)
    for code in sorted(registers.large_among(graph.above(entries.uscc))):
        if graph.holdings(code).get(entries.uscc, 0) >= registers.LARGE_CONTROL_BP:
            return Fact(
                "large_controlled",
                True,
                "register",
                today,
                note=graph.path(code, entries.uscc),
                change="控股关系解除并完成变更登记后，附最新章程或股东名册再次申请。",
            )
    return None


def registered_industry(entries: Entries) -> Fact | None:
    """Return the class of industry another office registered; it goes before a free choice."""
    row = entries.figures()
    if row is None or not row.values.get("industry"):
        return None
    return Fact(
        "industry", row.values["industry"], "register", row.batch.as_of, note=row.batch.source
    )


def group_around(enterprise: Enterprise, limit_bp: int) -> list[Relation]:
    """Return everybody related to an enterprise by strong reasons, with the path in words."""
    graph = registers.graph_around(enterprise.uscc, limit_bp)
    return list(group_of(graph, enterprise.uscc).values())


def tie_to(enterprise: Enterprise, uscc: str, limit_bp: int) -> str:
    """Tell by which path an enterprise belongs together with another body; empty when not."""
    if uscc == enterprise.uscc:
        return "服务商就是用券企业"
    graph = registers.graph_around(enterprise.uscc, limit_bp)
    found = group_of(graph, enterprise.uscc).get(uscc)
    return found.path if found else ""


def _applicants(application: Application, near: list[Relation]) -> dict[str, str]:
    """Return which of these bodies applied under the scheme too: code -> name."""
    if not near:
        return {}
    others = (
        Application.objects.filter(
            programme__slug=application.programme.slug,
            enterprise__uscc__in=[each.other for each in near],
        )
        .exclude(enterprise=application.enterprise_id)
        .exclude(state__in=OVER)
    )
    return dict(others.values_list("enterprise__uscc", "enterprise__name"))


def _inside(application: Application, need: dict[str, Any], today: date) -> list[Known]:
    """Return other applications that use the same contract number or the same file."""
    others = Application.objects.exclude(pk=application.pk).exclude(state__in=OVER)
    seen = []
    number = normalise(str(need.get("contract_no") or ""))
    if number:
        same = others.filter(answers__need__contract_no=need["contract_no"])
        seen += [Known(f"合同编号 {number}：{_named(each)}", "system", today) for each in same]
    digests = [
        each.sha256
        for each in application.standing_files
        if each.slot in CONTRACT_SLOTS and each.size >= LEAST_PROOF_BYTES
    ]
    if not digests:
        return seen
    files = (
        Attachment.objects.standing()
        .filter(sha256__in=digests, slot__in=CONTRACT_SLOTS)
        .exclude(application=application)
        .exclude(application__state__in=OVER)
        .exclude(application__enterprise=application.enterprise_id)
        .select_related("application")
    )
    seen += [Known(f"合同文件相同：{_named(each.application)}", "system", today) for each in files]
    return seen


def _named(application: Application) -> str:
    return application.application_no or "另一件申请"


def _outside(need: dict[str, Any]) -> list[Known]:
    """Return public money other offices gave for the same contract, beyond what was declared."""
    number = normalise(str(need.get("contract_no") or ""))
    rows = registers.other_fundings([number]) if number else []
    if sum(row.amount_fen or 0 for row in rows) <= int(need.get("other_funding_fen") or 0):
        return []
    return [_funded(row) for row in rows]


def _funded(row: RegisterRow) -> Known:
    yuan = (row.amount_fen or 0) // 100
    note = f"{row.other_name}：合同 {row.document_no}，{yuan:,} 元（{row.batch.source}）"
    return Known(note, "register", row.batch.as_of)


def _own_provider(
    enterprise: Enterprise, need: dict[str, Any], graph: Graph, group: list[Relation]
) -> str:
    """Tell why the provider the applicant named is itself or of its group; empty when it is not."""
    wish = normalise(str(need.get("provider_wish") or ""))
    if not wish:
        return ""
    if wish in (normalise(enterprise.name), enterprise.uscc):
        return "意向服务商就是申请企业"
    for each in group:
        if wish in (normalise(graph.name(each.other)), each.other):
            return each.path
    return ""


def _listed(entries: Entries, edition: Edition, today: date) -> list[Known]:
    years = edition.review.credit_years
    rows = entries.on_list("abnormal", today)
    rows += entries.on_list("penalty", today, years)
    return [
        Known(
            f"{row.batch.get_register_display()} {row.document_no}（{row.batch.source}）",
            "register",
            row.batch.as_of,
        )
        for row in rows
    ]


def _conflicts(edition: Edition, entries: Entries, facts: dict[str, Fact]) -> list[Finding]:
    row = entries.figures()
    if row is None:
        return []
    stated = {name: fact.value for name, fact in facts.items() if fact.source == "self"}
    seen = Known(f"{row.batch.source} {row.listed_on}", "register", row.batch.as_of)
    return abuse.conflicting(edition, stated, row.values, seen)

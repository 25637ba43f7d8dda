"""Decide what the machine left open about an application, criterion by criterion, with proof."""

from datetime import datetime

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.refusals import Refused
from vouchers import gates
from vouchers.eligibility import PASS, is_hard_failure
from vouchers.models import Application, CriterionDecision
from vouchers.states import write_row
from vouchers.wording import clean_text

LONGEST_REASON = 1000
LONGEST_EVIDENCE = 300


@transaction.atomic
def decide_criterion(
    application: Application,
    code: str,
    *,
    met: bool,
    reason: str,
    evidence: str,
    actor: Actor,
    at: datetime,
) -> CriterionDecision:
    """Decide one criterion of a case's verdict that asks for a person; a later decision counts.

    Args:
        application: an accepted case.
        code: the criterion.
        met: whether it is met.
        reason: why.
        evidence: the paper or register the decision rests on.
        actor: who decides.
        at: when.

    Writes: the decision, a state row with its reason, log entry.

    Raises:
        Refused: the case is not being reviewed, the criterion needs no person or is a hard
            failure, or reason or evidence is missing.
    """
    application = gates.taken(application)
    if application.state not in gates.UNDER_REVIEW:
        raise Refused(
            "wrong_state",
            f"这件申请当前为“{application.get_state_display()}”，受理后、复审前才能认定。",
        )
    finding = _open_finding(application, code)
    told = _told(reason, "理由", "reason", LONGEST_REASON)
    proof = _told(evidence, "依据材料", "evidence", LONGEST_EVIDENCE)
    decision = CriterionDecision.objects.create(
        application=application,
        code=code,
        met=met,
        reason=told,
        evidence=proof,
        verdict_digest=application.verdict_digest,
        decided_at=at,
        decided_by=actor.name,
        decided_person=actor.person,
    )
    _remember(application, decision, finding["title"], actor, at)
    return decision


def _remember(
    application: Application, decision: CriterionDecision, title: str, actor: Actor, at: datetime
) -> None:
    """Leave the decision in the case's history and in the log."""
    write_row(
        application,
        "decide_criterion",
        "认定符合" if decision.met else "认定不符合",
        (application.state,) * 2,
        actor=actor,
        at=at,
        internal=f"{decision.code} {title}：{decision.reason}（依据：{decision.evidence}）",
    )
    audit.record(
        "application.decide_criterion",
        {
            "application": application.pk,
            "code": decision.code,
            "outcome": "met" if decision.met else "not_met",
            "verdict_digest": application.verdict_digest,
        },
        actor=actor,
        at=at,
    )


def _open_finding(application: Application, code: str) -> dict[str, str]:
    criteria = (application.verdict or {}).get("criteria", [])
    found = next((each for each in criteria if each["code"] == code), None)
    if found is None:
        raise Refused("unknown_criterion", "这件申请没有这一条件，请刷新页面。", field="code")
    if found["outcome"] == PASS:
        raise Refused("criterion_met", f"“{found['title']}”已由系统核验符合，无须认定。")
    if is_hard_failure(found):
        raise Refused(
            "criterion_hard",
            f"“{found['title']}”是硬性条件且不符合，不能由人工认定通过。"
            "请要求补正，或建议不予支持。",
            clause=found["clause"],
        )
    return dict(found)


def _told(text: str, title: str, field: str, longest: int) -> str:
    try:
        told = clean_text(text, longest=longest, lines=True)
    except ValueError as error:
        raise Refused(f"{field}_invalid", f"{title}：{error}。", field=field) from error
    if not told:
        raise Refused(f"{field}_missing", f"请写明{title}，认定须留下依据。", field=field)
    return told

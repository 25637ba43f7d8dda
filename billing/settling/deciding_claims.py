"""Decide claims: one person checks, another reviews, then the books follow; some are kept back.

Source: domain.md 2.10; decision 0191.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import combinations
from uuid import uuid5

from django.db import transaction

from billing.certifying import issue_certificate
from billing.claim_rules import INVOICE, RECEIPT, judge
from billing.limits import CapsLeft
from billing.models import Claim, Statement, move
from billing.models.state_row import who_did
from billing.rating import Limits, Share, ShareLine, ShareRule, Term, public_share
from billing.redeeming import share_rule
from billing.settling.claim_clock import claim_until
from billing.settling.claiming import said_by, subject_of, taken_claim
from billing.settling.outcomes import (
    CHECKS_CLAIMS,
    REVIEWS_CLAIMS,
    tell_claim,
    tell_claim_waits,
)
from billing.settling.postings import book_claim
from ledger import audit
from ledger.actors import Actor
from ledger.amounts import yuan_text
from ledger.periods import day_of
from ledger.refusals import Refused
from vouchers.spending import redeem

SHORTEST_REASON = 10
LONGEST_REASON = 1000


@transaction.atomic
def ask_supplement(claim: Claim, *, text: str, actor: Actor, at: datetime) -> Claim:
    """Ask the enterprise, once and in full, for what is missing. Writes: state row, log entry."""
    claim = taken_claim(claim)
    _need_reason(text)
    move(claim, "ask_supplement", actor=actor, at=at, reason=text.strip())
    claim.supplement = text.strip()
    claim.save()
    _log("claim.supplement", claim, actor, at)
    until = claim_until(claim.statement)
    facts = {"reason": text.strip(), "until": until and day_of(until)}
    tell_claim(claim, "claim_supplement", facts, at)
    return claim


@dataclass(frozen=True)
class Grant:
    """What a claim comes to, and why."""

    fen: int
    share: Share
    terms: tuple[Term, ...]
    binding: str


def grant_of(claim: Claim) -> Grant:
    """Return what a claim's papers entitle to, by the rule of its mode, at most what was foreseen.

    Raises:
        Refused: the rule itself refuses, e.g. an invoice for use that nobody metered (U22).
    """
    statement = claim.statement
    edition = statement.voucher.programme.edition
    gone = {each.reverses_id for each in statement.lines.all() if each.reverses_id}
    rule = share_rule(edition)
    shares = [
        ShareLine(
            list_fen=each.gross_fen,
            metered_fen=each.metered_fen,
            bonus_codes=_codes_of(rule, each.ratio_bp),
        )
        for each in statement.lines.all()
        if each.reverses_id is None
        and each.pk not in gone
        and not each.unpaid_reason
        and each.gross_fen >= 0
    ]
    share = public_share(rule, shares, _limits(claim))
    granted = min(share.grant_fen, claim.expected_fen)
    cut = share.grant_fen > claim.expected_fen
    term = Term(
        "claimable",
        "本次核销",
        yuan_text(granted),
        f"不超过对账单可申请金额 {yuan_text(claim.expected_fen)}",
        edition.settlement.clause,
    )
    return Grant(granted, share, (*share.terms, term), "CLAIMABLE" if cut else share.binding)


def _codes_of(rule: ShareRule, ratio_bp: int) -> frozenset[str]:
    """Return the bonuses with which a line got its ratio when it was rated: the fewest that do."""
    codes = [each.code for each in rule.bonuses]
    for count in range(len(codes) + 1):
        for chosen in combinations(codes, count):
            if rule.ratio_bp(frozenset(chosen)) == ratio_bp:
                return frozenset(chosen)
    return frozenset()


def _limits(claim: Claim) -> Limits:
    """Return the limits of a claim: those of the plan without this statement, and its papers."""
    statement = claim.statement
    programme = statement.voucher.programme
    editions = {programme.pk: programme.edition}
    order = statement.order
    left = CapsLeft(statement.close.period, [order], editions).limits_for(order)
    own = statement.public_fen
    papers = said_by(claim)
    invoiced = sum(each.amount_fen for each in papers if each.kind == INVOICE)
    paid = sum(each.amount_fen for each in papers if each.kind == RECEIPT)
    group, contract = left.cap_left_group_fen, left.cap_left_contract_fen
    return replace(
        left,
        cap_left_enterprise_fen=left.cap_left_enterprise_fen + own,
        cap_left_programme_fen=left.cap_left_programme_fen + own,
        cap_left_group_fen=None if group is None else group + own,
        cap_left_contract_fen=None if contract is None else contract + own,
        eligible_before_fen=left.eligible_before_fen - statement.eligible_fen,
        granted_before_fen=left.granted_before_fen - own,
        paid_fen=paid,
        invoiced_fen=invoiced,
        bank_paid_fen=paid,
    )


@transaction.atomic
def check_claim(claim: Claim, *, support: bool, note: str, actor: Actor, at: datetime) -> Claim:
    """Say, as the first person, what a claim comes to: an amount, or nothing.

    Writes: proposed amount with its terms, fresh checks, state row, log entry, message.

    Raises:
        Refused: no words where a rule failed or nothing is proposed, or a file not yet checked.
    """
    claim = taken_claim(claim)
    if claim.state == Claim.State.CHECKED and actor.person == claim.checked_person:
        return claim
    if claim.papers.filter(active=True).exclude(file__scan="clean").exists():
        raise Refused("file_waits", "还有文件没有通过安全检查，请稍后再核验或要求补正。")
    checks = judge(subject_of(claim.statement, at), said_by(claim))
    claim.checks = [each.as_plain() for each in checks]
    if not support or any(each.outcome != "ok" for each in checks):
        _need_reason(note, "有规则不符或拟不予核销的，请写明核验情况和理由（至少 10 个字）。")
    if not actor.person or actor.person == claim.submitted_person:
        raise Refused("same_person", "提交申请的人不能核验同一申请。")
    claim.proposed_fen = 0
    if support:
        grant = grant_of(claim)
        claim.proposed_fen, claim.binding = grant.fen, grant.binding
        claim.eligible_fen = int(grant.share.eligible_fen)
        claim.terms = [each.as_plain() for each in grant.terms]
    claim.check_note = note.strip()
    claim.checked_at, claim.checked_name = at, actor.name
    claim.checked_person = actor.person
    move(claim, "verify", actor=actor, at=at)
    claim.save()
    body = {
        "claim": claim.pk,
        "statement": claim.statement_id,
        "proposed_fen": claim.proposed_fen,
    }
    audit.record("claim.checked", body, actor=actor, at=at)
    tell_claim_waits(claim, REVIEWS_CLAIMS, at)
    return claim


@transaction.atomic
def send_back_claim(claim: Claim, *, reason: str, actor: Actor, at: datetime) -> Claim:
    """Send a checked claim back to be looked at again. Writes: state row, log entry."""
    claim = taken_claim(claim)
    _other_person(claim, actor)
    _need_reason(reason)
    move(claim, "send_back", actor=actor, at=at, reason=reason.strip())
    claim.save()
    _log("claim.sent_back", claim, actor, at)
    tell_claim_waits(claim, CHECKS_CLAIMS, at)
    return claim


@transaction.atomic
def review_claim(claim: Claim, *, reason: str, actor: Actor, at: datetime) -> Claim:
    """Follow, as the second natural person, what was proposed: write off, in part, or refuse.

    Writes: the redemption (310) and what is owed on it (400), own share of the rest (750), the
        certificate, state rows, log entries, message. A refusal frees the numbers of its papers.

    Raises:
        Refused: the same person, the amount came out otherwise since, or no reason for less.
    """
    claim = taken_claim(claim)
    _other_person(claim, actor)
    statement, proposed = claim.statement, claim.proposed_fen or 0
    if proposed and grant_of(claim).fen != proposed:
        raise Refused("changed", "核验以后额度有变化，请退回重新核验。")
    if proposed < claim.expected_fen:
        _need_reason(reason, "核销少于对账单金额的，请写明理由和依据（至少 10 个字）。")
    claim.reviewed_at, claim.reviewed_name = at, actor.name
    claim.reviewed_person, claim.reason = actor.person, reason.strip()
    move(claim, "review", actor=actor, at=at)
    claim.save()  # the database allows one edge at a time
    if proposed:
        _spend(claim, statement, proposed, actor, at)
    else:
        claim.papers.filter(active=True).update(active=False)
    event = "refuse"
    if proposed:
        event = "write_off" if proposed == claim.expected_fen else "write_off_part"
    move(claim, event, actor=actor, at=at, reason=reason.strip())
    claim.granted_fen = proposed or None
    body = {
        "claim": claim.pk,
        "statement": statement.pk,
        "outcome": str(claim.state),
        "granted_fen": proposed,
        "expected_fen": claim.expected_fen,
    }
    claim.entry_id = audit.record("claim.decided", body, actor=actor, at=at).id
    claim.save()
    if proposed:
        issue_certificate(statement, claim, actor=actor, at=at)
    facts = {
        "outcome": claim.get_state_display(),
        "granted_fen": proposed,
        "reason": claim.reason or claim.check_note,
    }
    tell_claim(claim, "claim_decided", facts, at)
    return claim


def _spend(
    claim: Claim, statement: Statement, granted_fen: int, actor: Actor, at: datetime
) -> None:
    """Turn what a claim grants into spending that is owed to the enterprise."""
    hold = statement.order.hold
    assert hold is not None
    redemption = redeem(
        hold,
        granted_fen,
        month=statement.close.period,
        charge_ref=str(statement.pk),
        terms={"binding": claim.binding, "terms": claim.terms},
        compute=0,
        provider_ref=str(statement.provider_id),
        keep_open=True,
        actor=actor,
        at=at,
        key=uuid5(statement.pk, "redeem"),
    )
    statement.redemption_id, statement.granted_fen = redemption.pk, granted_fen
    statement.save()
    checker = who_did(claim, "verify")
    book_claim(statement, claim.pk, checker=checker, actor=actor, at=at)


@transaction.atomic
def suspend_claim(claim: Claim, *, reason: str, actor: Actor, at: datetime) -> Claim:
    """Keep a claim back: an investigation, or a court that freezes the account (U25).

    Its hold lives on. Writes: state row, log entry, message.
    """
    claim = taken_claim(claim)
    _need_reason(reason)
    move(claim, "suspend", actor=actor, at=at, reason=reason.strip())
    claim.save()
    _log("claim.suspended", claim, actor, at)
    facts = {"outcome": claim.get_state_display(), "reason": reason.strip()}
    tell_claim(claim, "claim_suspended", facts, at)
    return claim


@transaction.atomic
def resume_claim(claim: Claim, *, reason: str, actor: Actor, at: datetime) -> Claim:
    """Go on with a suspended claim, which is checked anew. Writes: state row, log entry."""
    claim = taken_claim(claim)
    _need_reason(reason)
    move(claim, "resume", actor=actor, at=at, reason=reason.strip())
    claim.save()
    _log("claim.resumed", claim, actor, at)
    facts = {"outcome": "恢复办理", "reason": reason.strip()}
    tell_claim(claim, "claim_suspended", facts, at)
    return claim


def _log(kind: str, claim: Claim, actor: Actor, at: datetime) -> None:
    audit.record(kind, {"claim": claim.pk, "statement": claim.statement_id}, actor=actor, at=at)


def _need_reason(text: str, sentence: str = "请写明理由，至少 10 个字，企业会看到。") -> None:
    if not SHORTEST_REASON <= len(text.strip()) <= LONGEST_REASON:
        raise Refused("reason_needed", sentence, field="reason")


def _other_person(claim: Claim, actor: Actor) -> None:
    if claim.state != Claim.State.CHECKED:
        raise Refused("wrong_state", "这件核销申请不在待复核状态，请刷新页面查看。")
    if not actor.person or actor.person in (claim.checked_person, claim.submitted_person):
        raise Refused("same_person", "核验人不能复核同一申请，请由他人办理。")

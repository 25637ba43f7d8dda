"""The fast lane: small requests the machine passed, confirmed as a batch by one person.

A share is chosen for full review by a seed that was fixed before the list was known; the rest is
proposed for support without a second review. Notice and approval follow for all alike.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from ledger import audit
from ledger.actors import Actor, system_actor
from ledger.amounts import yuan_text
from ledger.periods import day_of
from ledger.refusals import Refused
from vouchers.courier import tell
from vouchers.models import Application, Enterprise, FastBatch, Programme
from vouchers.sampling import choose, seed_digest
from vouchers.states import move, next_number

WAITING = (Application.State.SUBMITTED, Application.State.ACCEPTED)
Lane = Application.Lane


@transaction.atomic
def open_fast_batch(programme: Programme, *, actor: Actor, at: datetime) -> FastBatch:
    """Draw the seed of the next batch; only its digest is told, in the signed log.

    Writes: batch, log entry with the digest.

    Raises:
        Refused: the edition has no fast lane, or a batch is open already.
    """
    programme = Programme.objects.select_for_update(of=("self",)).get(pk=programme.pk)
    review = programme.edition.review
    if not review.auto_approve_limit_fen:
        raise Refused(
            "no_fast_lane", "本方案没有快速通道，请按一般程序办理。", clause=review.clause
        )
    if programme.fast_batches.filter(confirmed_at__isnull=True).exists():
        raise Refused("batch_open", "本方案已有一个未确认的批次，请先确认那一批。")
    seed = secrets.token_hex(32)
    batch = FastBatch.objects.create(
        programme=programme,
        batch_no=next_number(f"PTSLK-{day_of(at).year}"),
        seed=seed,
        seed_digest=seed_digest(seed),
        opened_at=at,
        opened_by=actor.name,
        share_bp=review.random_check_bp,
    )
    audit.record(
        "fastlane.commit",
        {"batch": batch.pk, "programme": programme.pk, "seed_digest": batch.seed_digest},
        actor=actor,
        at=at,
    )
    return batch


@transaction.atomic
def confirm_fast_batch(
    batch: FastBatch, applications: Sequence[Application], *, actor: Actor, at: datetime
) -> FastBatch:
    """Confirm a batch: publish the seed, send the chosen to full review, propose the rest.

    Who confirms counts as the first reviewer of what is proposed, so another natural person
    approves after the notice.

    Args:
        batch: the open batch.
        applications: what the person looked at and stands for.
        actor: who confirms.
        at: when.

    Writes: list, chosen cases, lanes, state rows, clock marks, log entry with the seed.

    Raises:
        Refused: an empty list, a case that does not belong into the fast lane.
    """
    batch = FastBatch.objects.select_for_update(of=("self",)).get(pk=batch.pk)
    if batch.confirmed_at:
        raise Refused("batch_confirmed", f"批次 {batch.batch_no} 已经确认，不能再改。")
    taken = list(
        Application.objects.select_for_update(of=("self",))
        .select_related("programme", "enterprise")
        .filter(pk__in={each.pk for each in applications})
        .order_by("pk")
    )
    if not taken:
        raise Refused("batch_empty", "请至少选择一件申请。", field="applications")
    for each in taken:
        _eligible(batch, each)
    cases = [str(each.pk) for each in taken]
    chosen = choose(batch.seed, cases, share_bp=batch.share_bp)
    for each in taken:
        _take_on(each, batch, actor, at)
        if str(each.pk) in chosen:
            each.lane = Lane.SAMPLE
            each.save()
        else:
            _propose(each, batch, actor, at)
    batch.cases, batch.chosen = cases, list(chosen)
    batch.confirmed_at, batch.confirmed_by = at, actor.name
    batch.save()
    audit.record(
        "fastlane.confirm",
        {
            "batch": batch.pk,
            "seed": batch.seed,
            "share_bp": batch.share_bp,
            "cases": [each.pk for each in taken],
            "chosen": [each.pk for each in taken if str(each.pk) in chosen],
        },
        actor=actor,
        at=at,
    )
    return batch


def fast_lane(programme: Programme) -> list[Application]:
    """Return the cases that the machine proposes for the fast lane, the longest waiting first."""
    limit = programme.edition.review.auto_approve_limit_fen
    waiting = Application.objects.filter(
        programme=programme,
        state__in=WAITING,
        lane=Lane.FULL,
        check_outcome=Application.CheckOutcome.PASSED,
        requested_fen__lte=limit,
        supplement_rounds=0,
        first_reviewer_person="",
        enterprise__state=Enterprise.State.ACTIVE,
    )
    return list(waiting.select_related("enterprise", "programme").order_by("submitted_at", "id"))


def _eligible(batch: FastBatch, case: Application) -> None:
    limit = batch.programme.edition.review.auto_approve_limit_fen
    fits = (
        case.programme_id == batch.programme_id
        and case.state in WAITING
        and case.lane == Lane.FULL
        and case.check_outcome == Application.CheckOutcome.PASSED
        and case.requested_fen <= limit
        and not case.first_reviewer_person
        and case.enterprise.state == Enterprise.State.ACTIVE
    )
    if not fits:
        raise Refused(
            "not_fast",
            f"{case.application_no} 不符合快速通道条件（自动核验通过、没有疑点、"
            f"不超过 {yuan_text(limit)} 元、未开始审核），请从批次中取消勾选，按一般程序办理。",
            clause=batch.programme.edition.review.clause,
        )


def _take_on(case: Application, batch: FastBatch, actor: Actor, at: datetime) -> None:
    if case.state == Application.State.SUBMITTED:
        move(case, "accept", actor=actor, at=at, reason=f"快速通道批次 {batch.batch_no}。")
        case.save()
        tell(case, "application_accepted", at, on=day_of(at))


def _propose(case: Application, batch: FastBatch, actor: Actor, at: datetime) -> None:
    machine = system_actor("fast-lane")
    reason = f"自动核验通过，系统提出支持意见，{actor.name}按批次 {batch.batch_no} 确认。"
    move(case, "confirm_fast", actor=actor, at=at, reason="符合快速通道条件。", internal=reason)
    case.lane = Lane.FAST
    case.recommendation = Application.Recommendation.SUPPORT
    case.proposed_fen = case.requested_fen
    case.first_reviewer_name, case.first_reviewer_person = actor.name, actor.person
    case.first_reviewed_at = at
    case.second_reviewer_name = machine.name
    case.save()

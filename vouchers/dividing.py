"""Divide the money of a window: try it, show it, have another person confirm it; draw lots.

A run is repeated when it is confirmed: if anything changed since, its digest does too, and the
second person is told instead of confirming what nobody saw.

Units: fen.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.identifiers import new_id
from ledger.periods import SHANGHAI, day_of
from ledger.refusals import Refused
from vouchers import allocating, lots
from vouchers.allocating import Ask, Line
from vouchers.facts import applicant_facts
from vouchers.models import (
    AllocationLine,
    AllocationRun,
    Application,
    DrawReveal,
    DrawSeed,
    Programme,
    Reservation,
)
from vouchers.pools import free_fen, lock_pool
from vouchers.states import next_number, write_row

FIRST_COME, SCORED, DRAW, PRO_RATA = "FIRST_COME", "SCORED", "DRAW", "PRO_RATA"
RULE_WORDS = {
    FIRST_COME: "先到先得",
    SCORED: "评分择优",
    DRAW: "公开抽签",
    PRO_RATA: "按比例分配",
}
#: From two reviewers being for support on; a cut amount can only be published, not changed after.
AGREED = ("proposed", "in_notice", "objection", "notice_done", "approved", "waitlisted")


@transaction.atomic
def commit_seed(
    programme: Programme, window_no: int, *, public_source: str, actor: Actor, at: datetime
) -> DrawSeed:
    """Choose the secret of a draw and publish its digest, before the window closes; once.

    Args:
        programme: the edition, with lots as its rule.
        window_no: which window.
        public_source: which public number of the future will be mixed in, and of which day.

    Writes: the secret, a log entry with its digest alone.

    Raises:
        Refused: another rule, the window is over, or it was done already.
    """
    window = _window(programme, window_no)
    if programme.edition.allocation.rule != DRAW:
        raise Refused("no_draw", "本方案不用抽签分配，不需要抽签承诺。")
    if at >= window.closes_at:
        raise Refused("draw_too_late", "申报窗口已截止，抽签承诺须在截止之前公布。")
    if not public_source.strip():
        raise Refused(
            "source_missing", "请写明截止后采用的公开随机数及日期。", field="public_source"
        )
    if programme.draw_seeds.filter(window_no=window_no).exists():
        raise Refused("draw_committed", "本窗口的抽签承诺已经公布，不能更换。")
    seed = secrets.token_hex(lots.SEED_DIGITS // 2)
    made = DrawSeed.objects.create(
        programme=programme,
        window_no=window_no,
        seed=seed,
        commitment=lots.commitment(seed),
        public_source=public_source.strip(),
        committed_at=at,
        committed_person=actor.person,
    )
    audit.record(
        "draw.commit",
        {
            "draw": made.pk,
            "programme": programme.slug,
            "window": str(window_no),
            "commitment": made.commitment,
            "public_source": made.public_source,
        },
        actor=actor,
        at=at,
    )
    return made


@transaction.atomic
def reveal_seed(seed: DrawSeed, *, public_word: str, actor: Actor, at: datetime) -> DrawReveal:
    """Lay the secret open after the window closed, with the public number; once and for all.

    Writes: the reveal, a log entry with secret and number: from here on anybody can draw.

    Raises:
        Refused: the window is open, no number, or it was revealed with another one.
    """
    seed = DrawSeed.objects.select_related("programme").get(pk=seed.pk)
    if known := DrawReveal.objects.filter(seed=seed).first():
        if known.public_word != public_word.strip():
            raise Refused("draw_revealed", "种子已经揭示，公开随机数不能更改。")
        return known
    if at < _window(seed.programme, seed.window_no).closes_at:
        raise Refused("window_open", "申报窗口尚未截止，不能揭示种子。")
    if not public_word.strip():
        raise Refused("word_missing", f"请填写{seed.public_source}。", field="public_word")
    made = DrawReveal.objects.create(seed=seed, public_word=public_word.strip(), revealed_at=at)
    audit.record(
        "draw.reveal",
        {
            "draw": seed.pk,
            "commitment": seed.commitment,
            "seed": seed.seed,
            "public_word": made.public_word,
        },
        actor=actor,
        at=at,
    )
    return made


@transaction.atomic
def prepare_run(
    programme: Programme, window_no: int, *, actor: Actor, at: datetime
) -> AllocationRun:
    """Try a division of the free money among everybody two reviewers are for; nothing is given.

    Writes: a run with its lines, a log entry.

    Raises:
        Refused: first come has no runs, the window is open, a run waits already, nobody asks.
    """
    _may_divide(programme, window_no, at)
    if AllocationRun.objects.waiting().filter(programme=programme, window_no=window_no).exists():
        raise Refused("run_waiting", "本窗口已有一次试算等待确认，请先确认或作废。")
    found = _candidates(programme, window_no)
    if not found:
        raise Refused("nobody_asks", "本窗口没有复审通过、等待分配的申请。")
    free = free_fen(programme)
    lines = _lines(programme, window_no, found, free)
    run = AllocationRun.objects.create(
        run_no=next_number(f"PTFP-{day_of(at).year}"),
        programme=programme,
        window_no=window_no,
        rule=programme.edition.allocation.rule,
        free_fen=free,
        digest=allocating.digest(lines, free),
        prepared_at=at,
        prepared_by=actor.name,
        prepared_person=actor.person,
    )
    by_no = {each.application_no: each for each in found}
    AllocationLine.objects.bulk_create(
        AllocationLine(
            pk=new_id(),
            run=run,
            application=by_no[each.ask.application],
            rank=each.rank,
            position=each.ask.position,
            score=each.ask.score,
            asked_fen=each.ask.asked_fen,
            granted_fen=each.granted_fen,
            outcome=each.outcome,
            grounds=each.ask.grounds or {},
        )
        for each in lines
    )
    _log("allocation.prepare", run, lines, actor, at)
    return run


@transaction.atomic
def confirm_run(run: AllocationRun, *, digest: str, actor: Actor, at: datetime) -> AllocationRun:
    """Confirm a division as the second person: the money is set aside; asking again is harmless.

    Args:
        run: the run as it was shown.
        digest: what the second person saw; another one is refused.

    Writes: reservations, cut amounts with their state rows, a log entry.

    Raises:
        Refused: one person twice, dropped, or anything changed since it was tried.
    """
    run = (
        AllocationRun.objects.select_for_update(of=("self",))
        .select_related("programme")
        .get(pk=run.pk)
    )
    if run.confirmed_at:
        return run
    if run.dropped_at:
        raise Refused("run_dropped", "这次试算已作废，请重新试算。")
    if not actor.person or actor.person == run.prepared_person:
        raise Refused("same_person", "您是试算人，须由他人确认。")
    chosen = _candidates(run.programme, run.window_no).values_list("pk", flat=True)
    list(Application.objects.select_for_update(of=("self",)).filter(pk__in=chosen).order_by("pk"))
    lock_pool(run.programme.slug)
    found = _candidates(run.programme, run.window_no)
    free = free_fen(run.programme)
    lines = _lines(run.programme, run.window_no, found, free)
    if digest != run.digest or allocating.digest(lines, free) != run.digest:
        raise Refused(
            "run_changed", "试算之后，申请或可用预算有变化，结果不再相同。请作废后重新试算。"
        )
    by_no = {each.application_no: each for each in found}
    _cut_amounts(lines, by_no, run, actor, at)
    Reservation.objects.bulk_create(
        Reservation(
            intake=by_no[each.ask.application].intake,
            slug=run.programme.slug,
            amount_fen=each.granted_fen,
            place=each.rank,
            reserved_at=at,
        )
        for each in lines
        if each.granted_fen
    )
    run.confirmed_at, run.confirmed_by, run.confirmed_person = at, actor.name, actor.person
    run.save()
    _log("allocation.confirm", run, lines, actor, at)
    return run


@transaction.atomic
def drop_run(run: AllocationRun, *, actor: Actor, at: datetime) -> AllocationRun:
    """Drop a trial that nobody confirmed; its lines stay to be read.

    Raises:
        Refused: it was confirmed.
    """
    run = AllocationRun.objects.select_for_update(of=("self",)).get(pk=run.pk)
    if run.confirmed_at:
        raise Refused("run_confirmed", "这次分配已经确认，不能作废。")
    if not run.dropped_at:
        run.dropped_at = at
        run.save()
        audit.record("allocation.drop", {"run": run.pk, "run_no": run.run_no}, actor=actor, at=at)
    return run


def _candidates(programme: Programme, window_no: int) -> Any:
    """Return who asks for a part: agreed on, in line, and nothing set aside yet."""
    pro_rata = programme.edition.allocation.rule == PRO_RATA
    held = Reservation.objects.open().values("intake__application")
    return (
        Application.objects.filter(
            programme=programme,
            window_no=window_no,
            state__in=AGREED[:1] if pro_rata else AGREED,
            intake__isnull=False,
        )
        .exclude(pk__in=held)
        .select_related("intake", "enterprise", "programme")
        .order_by("intake__position")
    )


def _lines(
    programme: Programme, window_no: int, found: Sequence[Application], free: int
) -> list[Line]:
    """Divide by the edition's rule."""
    rules = programme.edition.allocation
    if rules.rule == PRO_RATA:
        unit = 100 if programme.edition.settlement.rounding != "TO_FEN_DOWN" else 1
        return allocating.pro_rata([_ask(each) for each in found], free, unit_fen=unit)
    if rules.rule == SCORED:
        scored = [_scored(each, programme) for each in found]
        return allocating.by_score(scored, free, min_score=rules.min_score, waitlist=rules.waitlist)
    reveal = _reveal(programme, window_no)
    drawn = [_drawn(each, reveal) for each in found]
    return allocating.by_lot(drawn, free, waitlist=rules.waitlist)


def _ask(application: Application, **more: Any) -> Ask:
    fen = application.approved_fen or application.proposed_fen or application.requested_fen
    return Ask(application.application_no or "", application.intake.position, fen, **more)


def _scored(application: Application, programme: Programme) -> Ask:
    """Score an application by what was known when it was handed in; keep every fact used."""
    assert application.submitted_at is not None
    facts = applicant_facts(application, application.submitted_at)
    sheet = []
    for item in programme.edition.allocation.scores:
        fact = facts.get(item.fact)
        sheet.append(
            {
                "code": item.code,
                "title": item.title,
                "fact": item.fact,
                "value": None if fact is None else str(fact.value),
                "source": "" if fact is None else fact.source,
                "as_of": "" if fact is None else fact.as_of.isoformat(),
                "points": str(item.score(None if fact is None else fact.value)),
                "most": str(item.points),
                "clause": item.clause,
            }
        )
    score = sum(int(str(each["points"])) for each in sheet)
    return _ask(application, score=score, grounds={"scores": sheet})


def _drawn(application: Application, reveal: DrawReveal) -> Ask:
    lot = lots.ticket(reveal.seed.seed, reveal.public_word, application.application_no or "")
    return _ask(application, ticket=lot, grounds={"ticket": lot})


def _reveal(programme: Programme, window_no: int) -> DrawReveal:
    seeds = DrawReveal.objects.filter(seed__programme=programme, seed__window_no=window_no)
    found = seeds.select_related("seed").first()
    if found is None:
        raise Refused("draw_not_revealed", "请先揭示本窗口的抽签种子，再试算分配。")
    return found


def _cut_amounts(
    lines: Sequence[Line],
    by_no: dict[str | None, Application],
    run: AllocationRun,
    actor: Actor,
    at: datetime,
) -> None:
    """Write the cut amounts of a pro rata run; they are published afterwards."""
    for each in lines:
        application = by_no[each.ask.application]
        if run.rule != PRO_RATA or not 0 < each.granted_fen < each.ask.asked_fen:
            continue
        application.proposed_fen = each.granted_fen
        application.save()
        write_row(
            application, "allocate", "按比例核减", (application.state,) * 2,
            actor=actor, at=at, reason=f"依分配 {run.run_no} 按比例核减",
        )  # fmt: skip


def _may_divide(programme: Programme, window_no: int, at: datetime) -> None:
    window = _window(programme, window_no)
    if programme.edition.allocation.rule == FIRST_COME:
        raise Refused("first_come", "本方案先到先得，额度按受理次序自动预留，不需要分配。")
    if at < window.closes_at:
        closes = window.closes_at.astimezone(SHANGHAI)
        raise Refused("window_open", f"申报窗口 {closes:%Y-%m-%d %H:%M} 截止，截止后才能分配。")


def _window(programme: Programme, window_no: int) -> Any:
    found = next((w for w in programme.edition.windows.items if w.no == window_no), None)
    if found is None:
        raise Refused("window_unknown", "方案没有这个申报窗口，请从页面上选择。")
    return found


def _log(kind: str, run: AllocationRun, lines: Sequence[Line], actor: Actor, at: datetime) -> None:
    funded = [each for each in lines if each.granted_fen]
    audit.record(
        kind,
        {
            "run": run.pk,
            "run_no": run.run_no,
            "programme": run.programme.slug,
            "window": str(run.window_no),
            "rule": run.rule,
            "digest": run.digest,
            "free_fen": run.free_fen,
            "asked": str(len(lines)),
            "funded": str(len(funded)),
            "total_fen": sum(each.granted_fen for each in funded),
        },
        actor=actor,
        at=at,
    )

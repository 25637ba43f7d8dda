"""Deal with many cases: freeze the list, look, press, and let a worker do one after the other.

Each case is its own transaction with its own line of result, so a list can be cut off anywhere
and taken up again: what has a line is done, what has none is next.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import transaction

from ledger import audit, work
from ledger.actors import Actor
from ledger.refusals import Refused
from vouchers.assigning import assign_case, open_loads, reviewers
from vouchers.bulk_rules import (
    MOST_CASES,
    Seen,
    Standing,
    changed,
    digest_of,
    objection,
    without_repeats,
)
from vouchers.dispatching import Waiting, spread
from vouchers.models import Application, CaseBatch, CaseBatchItem, ConflictDeclaration
from vouchers.models.application import ApplicationQuerySet
from vouchers.reviewing import accept_application, publish_notice, second_review

WORK_KIND = "vouchers.case_batch"


@dataclass(frozen=True)
class Deed:
    """What a kind of list does: whose right, under which role, how to one case."""

    right: str
    role: str
    do: Callable[[Application, CaseBatch, Actor, datetime], Any] | None


def _assign(case: Application, batch: CaseBatch, actor: Actor, at: datetime) -> None:
    seen = next(each for each in batch.cases if each["case"] == str(case.pk))
    reviewer = get_user_model().objects.get(pk=seen["reviewer"])
    assign_case(case, reviewer, reason=batch.told.get("reason", ""), actor=actor, at=at)


DEEDS = {
    "accept": Deed(
        "vouchers.review_application",
        "reviewer",
        lambda case, _, actor, at: accept_application(case, actor=actor, at=at),
    ),
    "assign": Deed("vouchers.assign_case", "approver", _assign),
    "spread": Deed("vouchers.assign_case", "approver", _assign),
    "agree": Deed(
        "vouchers.decide_application",
        "approver",
        lambda case, _, actor, at: second_review(case, "agree", actor=actor, at=at),
    ),
    "notice": Deed("vouchers.publish_notice", "reviewer", None),
}


@dataclass(frozen=True)
class Choice:
    """What was ticked: cases of a scope, and for a dispatch to whom and why."""

    kind: str
    cases: Sequence[str]
    reviewer: Any = None
    reason: str = ""


@transaction.atomic
def freeze_batch(
    choice: Choice, scope: ApplicationQuerySet, user: Any, *, actor: Actor, at: datetime
) -> CaseBatch:
    """Freeze a list of cases for the preview; nothing is done to them yet.

    Args:
        choice: what was ticked; the same case twice counts once.
        scope: the cases this person may see.
        user: the account that will have to start it.
        actor: the same person.
        at: when.

    Writes: one row. It is the start of the list that goes into the log.

    Raises:
        Refused: nothing ticked, too many, or a case this person does not see.
    """
    wanted = without_repeats(choice.cases)
    if not wanted:
        raise Refused("nothing_chosen", "请至少选择一件办件。", field="cases")
    if len(wanted) > MOST_CASES:
        raise Refused(
            "too_many_cases",
            f"一次最多办理 {MOST_CASES} 件，您选择了 {len(wanted)} 件，请分批办理。",
            field="cases",
        )
    found = {str(each.pk): each for each in scope.filter(pk__in=[_uuid(each) for each in wanted])}
    if len(found) != len(wanted):
        raise Refused("case_unknown", "名单里有不存在或您看不到的办件，请回到队列重新选择。")
    cases = [found[each] for each in wanted]
    given = _given(choice, cases)
    seen = [_seen(each, given.get(str(each.pk), "")) for each in cases]
    told = {"reason": choice.reason.strip()[:300]} if choice.reason.strip() else {}
    return CaseBatch.objects.create(
        kind=choice.kind,
        cases=[asdict(each) for each in seen],
        told=told,
        digest=digest_of(choice.kind, seen, told),
        frozen_at=at,
        user_id=user.pk,
        user_name=actor.name,
        user_person=actor.person,
    )


@transaction.atomic
def start_batch(batch: CaseBatch, digest: str, *, actor: Actor, at: datetime) -> work.Work:
    """Start what was looked at; starting again is the same piece of work.

    Writes: a piece of work and a log entry, once.

    Raises:
        Refused: another list than the one shown, or another person.
    """
    if digest != batch.digest:
        raise Refused("batch_changed", "名单与预览时不一致，请重新生成预览。")
    if actor.person != batch.user_person or actor.id != str(batch.user_id):
        raise Refused("batch_of_another", f"这份名单由{batch.user_name}生成，须由本人办理。")
    if known := work.find(WORK_KIND, str(batch.pk)):
        return known
    audit.record(
        "case.bulk",
        {
            "batch": batch.pk,
            "kind": batch.kind,
            "cases": len(batch.cases),
            "digest": batch.digest,
        },
        actor=actor,
        at=at,
    )
    return work.request(
        WORK_KIND, key=str(batch.pk), payload={"batch": str(batch.pk)}, actor=actor, at=at
    )


def run_batch_work(job: work.Work, progress: work.Progress) -> dict[str, Any]:
    """Deal with the cases of a list that have no result yet (a worker's handler).

    Raises:
        Refused: the person who started it no longer holds the right.
    """
    batch = CaseBatch.objects.get(pk=job.payload["batch"])
    deed, actor = DEEDS[batch.kind], work.requester(job)
    user = get_user_model().objects.filter(pk=batch.user_id, is_active=True).first()
    if user is None or not user.has_perm(deed.right):
        raise Refused("right_lost", "发起人已没有这项权限，名单没有继续办理。")
    if deed.do is None:
        _publish(batch, actor, job.requested_at)
    else:
        _one_by_one(batch, actor, job.requested_at, progress)
    told = list(batch.items.values_list("outcome", flat=True))
    progress(len(told), len(batch.cases), "已办完")
    return {"done": told.count("done"), "refused": told.count("refused")}


def objections(batch: CaseBatch) -> dict[str, str]:
    """Return case -> why it could not be dealt with as things stand now, or nothing."""
    flat = {str(each.pk): each for each in _cases_of(batch)}
    return {each["case"]: _objection(batch, flat[each["case"]]) for each in batch.cases}


def _one_by_one(batch: CaseBatch, actor: Actor, at: datetime, progress: work.Progress) -> None:
    done = set(batch.items.values_list("application_id", flat=True))
    total = len(batch.cases)
    for place, seen in enumerate(batch.cases, start=1):
        if UUID(seen["case"]) in done:
            continue
        try:
            with transaction.atomic():
                case = _locked(seen["case"])
                _may(batch, case, actor)
                DEEDS[batch.kind].do(case, batch, actor, at)  # type: ignore[misc]
                _result(batch, seen["case"], "done", "", at)
                progress(place, total, f"正在办理第 {place} 件")
        except Refused as refusal:
            with transaction.atomic():
                _result(batch, seen["case"], "refused", refusal.message, at)
                progress(place, total, f"正在办理第 {place} 件")


@transaction.atomic
def _publish(batch: CaseBatch, actor: Actor, at: datetime) -> None:
    """Put all that still can be on one notice; a notice is one act, so this is one transaction."""
    if batch.items.exists():
        return
    fit = []
    for seen in batch.cases:
        case = _locked(seen["case"])
        why = _objection(batch, case)
        if why:
            _result(batch, seen["case"], "refused", why, at)
        else:
            fit.append(case)
    if not fit:
        return
    notice = publish_notice(fit, actor=actor, at=at)
    for case in fit:
        _result(batch, str(case.pk), "done", f"列入公示 {notice.notice_no}", at)


def _may(batch: CaseBatch, case: Application, actor: Actor) -> None:
    why = _objection(batch, case)
    if why:
        raise Refused("not_in_bulk", why)
    if actor.person != batch.user_person:
        raise Refused("batch_of_another", f"这份名单须由{batch.user_name}本人办理。")


def _objection(batch: CaseBatch, case: Application) -> str:
    seen = next(each for each in batch.cases if each["case"] == str(case.pk))
    now = _seen(case, seen["reviewer"])
    return objection(batch.kind, now, _standing(case), batch.user_person) or changed(
        Seen(**seen), now
    )


def _given(choice: Choice, cases: list[Application]) -> dict[str, str]:
    """Return case -> reviewer for the kinds that dispatch."""
    if choice.kind == "assign":
        if choice.reviewer is None:
            raise Refused("reviewer_missing", "请选择经办人。", field="reviewer")
        return {str(each.pk): str(choice.reviewer.pk) for each in cases}
    if choice.kind != "spread":
        return {}
    loads = open_loads(reviewers(), without=[each.pk for each in cases])
    if not loads:
        raise Refused("no_reviewers", "目前没有可以分派的初审人员，请先开通账号和权限。")
    last = _last_reviewers({each.enterprise_id for each in cases})
    waiting = [
        Waiting(str(each.pk), str(each.enterprise_id), last.get(each.enterprise_id, ""))
        for each in sorted(cases, key=lambda case: (case.submitted_at, str(case.pk)))
    ]
    return spread(waiting, loads, barred=_barred(cases))


def _barred(cases: list[Application]) -> frozenset[tuple[str, str]]:
    """Return (enterprise, reviewer) for every tie that was declared and lasts (回避)."""
    ties = ConflictDeclaration.objects.lasting().filter(
        enterprise__in={each.enterprise_id for each in cases}
    )
    by_person: dict[str, list[str]] = {}
    for each in reviewers():
        by_person.setdefault(each.person_hash, []).append(str(each.pk))
    return frozenset(
        (str(tie.enterprise_id), reviewer)
        for tie in ties
        for reviewer in by_person.get(tie.person, ())
    )


def _last_reviewers(firms: set[Any]) -> dict[Any, str]:
    """Return firm -> who was given a case of it the last time."""
    rows = (
        Application.objects.filter(enterprise__in=firms, assignment__isnull=False)
        .order_by("assignment__assigned_at")
        .values_list("enterprise_id", "assignment__reviewer_id")
    )
    return {firm: str(reviewer) for firm, reviewer in rows}


def _seen(case: Application, reviewer: str) -> Seen:
    return Seen(
        case=str(case.pk),
        state=case.state,
        version=case.version,
        requested_fen=case.requested_fen,
        proposed_fen=case.proposed_fen,
        reviewer=reviewer,
    )


def _standing(case: Application) -> Standing:
    criteria = (case.verdict or {}).get("criteria", [])
    return Standing(
        flags=sum(each["outcome"] != "pass" for each in criteria),
        supported=case.recommendation == Application.Recommendation.SUPPORT,
        first_person=case.first_reviewer_person,
    )


def _cases_of(batch: CaseBatch) -> ApplicationQuerySet:
    return Application.objects.filter(pk__in=[each["case"] for each in batch.cases]).with_parties()


def _locked(pk: str) -> Application:
    return Application.objects.select_for_update(of=("self",)).with_parties().get(pk=pk)


def _result(batch: CaseBatch, case: str, outcome: str, message: str, at: datetime) -> None:
    CaseBatchItem.objects.create(
        batch=batch, application_id=case, outcome=outcome, message=message[:300], at=at
    )


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None

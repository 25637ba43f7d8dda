"""Give a case to a reviewer, by hand; take one oneself; keep a view of the queue."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Count

from ledger import audit
from ledger.actors import Actor
from ledger.refusals import Refused
from vouchers import notices
from vouchers.conflicts import conflicted, refuse_if_conflicted
from vouchers.models import Application, CaseAssignment, SavedView
from vouchers.states import write_row

OVER = ("issued", "rejected", "withdrawn", "lapsed")
REVIEW = "vouchers.review_application"
MOST_VIEWS, LONGEST_NAME, LONGEST_QUERY = 20, 30, 1000


@transaction.atomic
def assign_case(
    application: Application, reviewer: Any, *, reason: str = "", actor: Actor, at: datetime
) -> CaseAssignment:
    """Give a case to a reviewer; a case that is already with somebody changes hands for a reason.

    Giving it to the person who has it changes nothing.

    Writes: the assignment, a state row, a log entry, a message to the reviewer.

    Raises:
        Refused: the case is over, the reviewer may not review or is tied to the enterprise, the
            person who dispatches is, or the reason is missing.
    """
    application = Application.objects.select_for_update(of=("self",)).get(pk=application.pk)
    held = CaseAssignment.objects.filter(application=application).first()
    if held and held.reviewer_id == reviewer.pk:
        return held
    refuse_if_conflicted(actor, application.enterprise)
    _may_be_given(application, reviewer)
    if held and not reason.strip():
        raise Refused(
            "reason_missing",
            f"这件申请现由{held.reviewer_name}经办，改派须写明理由。",
            field="reason",
        )
    told = {"reviewer": reviewer, "reviewer_name": reviewer.display_name, "assigned_at": at}
    made, _ = CaseAssignment.objects.update_or_create(application=application, defaults=told)
    word = "改派" if held else "分派"
    note = f"{word}给{reviewer.display_name}"
    state = application.state
    write_row(
        application,
        "assign",
        word,
        (state, state),
        actor=actor,
        at=at,
        internal=f"{note}：{reason.strip()}" if reason.strip() else note,
    )
    audit.record(
        "application.assign",
        {"application": application.pk, "reviewer": str(reviewer.pk), "again": bool(held)},
        actor=actor,
        at=at,
    )
    if actor.id != str(reviewer.pk):
        facts = {
            "application_no": application.application_no,
            "enterprise": application.enterprise.name,
            "by": actor.name,
            "reason": f"理由：{reason.strip()}。" if reason.strip() else "",
        }
        notices.tell_person(reviewer, "case_assigned", facts, about=application, at=at)
    return made


@transaction.atomic
def take_case(application: Application, user: Any, *, actor: Actor, at: datetime) -> CaseAssignment:
    """Take a case that nobody works on yet.

    Raises:
        Refused: somebody else has it, or it is over.
    """
    application = Application.objects.select_for_update(of=("self",)).get(pk=application.pk)
    held = CaseAssignment.objects.filter(application=application).first()
    if held and held.reviewer_id != user.pk:
        raise Refused(
            "already_assigned",
            f"这件申请已由{held.reviewer_name}经办，不能领取；需要改派请联系分派人员。",
        )
    return assign_case(application, user, actor=actor, at=at)


def reviewers() -> list[Any]:
    """Return everybody who may be given a case, by name."""
    users = get_user_model().objects.with_perm(
        REVIEW, backend="django.contrib.auth.backends.ModelBackend", include_superusers=False
    )
    return list(users.filter(is_active=True).order_by("display_name", "pk"))


def open_loads(people: list[Any], *, without: Sequence[UUID] = ()) -> dict[str, int]:
    """Return how many open cases each of these people has, those left out that are given anew."""
    rows = (
        CaseAssignment.objects.filter(reviewer__in=people)
        .exclude(application__state__in=OVER)
        .exclude(application__in=without)
        .values_list("reviewer_id")
        .annotate(Count("pk"))
    )
    known = dict(rows)
    return {str(each.pk): known.get(each.pk, 0) for each in people}


def save_view(user: Any, name: str, query: str, at: datetime) -> SavedView:
    """Keep a choice of filters under a name; the same name again replaces it.

    Raises:
        Refused: no name, too long, or too many views.
    """
    name = name.strip()
    if not name or len(name) > LONGEST_NAME:
        raise Refused("view_name", "请为这组筛选起一个不超过 30 个字的名称。", field="name")
    if len(query) > LONGEST_QUERY:
        raise Refused("view_too_long", "筛选条件过长，请减少选择后再保存。", field="name")
    kept = SavedView.objects.of_user(user)
    if kept.count() >= MOST_VIEWS and not kept.filter(name=name).exists():
        raise Refused(
            "too_many_views", f"最多保存 {MOST_VIEWS} 组筛选，请先删除不用的。", field="name"
        )
    made, _ = SavedView.objects.update_or_create(
        user=user, name=name, defaults={"query": query, "saved_at": at, "dropped_at": None}
    )
    return made


def drop_view(user: Any, name: str, at: datetime) -> None:
    """Forget a saved view; one that is not there is fine."""
    SavedView.objects.of_user(user).filter(name=name).update(dropped_at=at)


def _may_be_given(application: Application, reviewer: Any) -> None:
    if application.state in OVER or application.submitted_at is None:
        raise Refused("case_over", "这件申请没有在办，不需要分派。")
    if not reviewer.is_active or not reviewer.has_perm(REVIEW):
        raise Refused(
            "not_a_reviewer",
            f"{reviewer.display_name}没有初审权限，不能经办。请选择其他人。",
            field="reviewer",
        )
    if conflicted(reviewer.person_hash, application.enterprise):
        raise Refused(
            "reviewer_conflicted",
            f"{reviewer.display_name}已声明与这家企业存在利益关系，不能经办。请选择其他人。",
            field="reviewer",
        )

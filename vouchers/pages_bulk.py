"""What the pages for many cases at once show; plain values, no markup."""

from datetime import datetime
from typing import Any

from ledger import work
from vouchers import pages_queue
from vouchers.batching import DEEDS, WORK_KIND, objections
from vouchers.bulk_rules import MOST_CASES
from vouchers.models import Application, CaseBatch


def kinds_for(user: Any) -> list[tuple[str, str]]:
    """Return what a person may do to many cases: code and words."""
    return [
        (str(value), str(label))
        for value, label in CaseBatch.Kind.choices
        if user.has_perm(DEEDS[str(value)].right)
    ]


def batch_of(user: Any, pk: str) -> CaseBatch | None:
    """Return a list of this person; nobody opens another's."""
    return CaseBatch.objects.filter(pk=pk, user_id=user.pk).first()


def found(asked: pages_queue.Asked, user: Any, at: datetime) -> list[str]:
    """Return the cases the filters find, one more than may be dealt with so that it is told."""
    rows = pages_queue.select(asked, user, at).values_list("pk", flat=True)
    return [str(each) for each in rows[: MOST_CASES + 1]]


def batch_page(batch: CaseBatch) -> dict[str, Any]:
    """Return a list with what would come of each case, or what came of it."""
    job = work.find(WORK_KIND, str(batch.pk))
    wanted = [each["case"] for each in batch.cases]
    firms = Application.objects.filter(pk__in=wanted).with_parties()
    by_id = {str(each.pk): each for each in firms}
    results = {str(each.application_id): each for each in batch.items.all()}
    before = objections(batch) if job is None else {}
    people = _names(batch)
    lines = [
        {
            "case": by_id[each["case"]],
            "amount_fen": each["proposed_fen"] or each["requested_fen"],
            "reviewer": people.get(each["reviewer"], ""),
            "objection": before.get(each["case"], ""),
            "result": results.get(each["case"]),
        }
        for each in batch.cases
    ]
    outcomes = [each.outcome for each in results.values()]
    return {
        "batch": batch,
        "job": job,
        "running": bool(job and not job.is_over),
        "lines": lines,
        "dispatches": batch.kind in ("assign", "spread"),
        "fit": sum(not each["objection"] for each in lines),
        "unfit": sum(bool(each["objection"]) for each in lines),
        "done": outcomes.count("done"),
        "refused": outcomes.count("refused"),
        "total_fen": sum(each["amount_fen"] for each in lines if not each["objection"]),
    }


def _names(batch: CaseBatch) -> dict[str, str]:
    wanted = {each["reviewer"] for each in batch.cases} - {""}
    if not wanted:
        return {}
    return {str(each.pk): each.display_name for each in pages_queue.people_of(wanted)}

"""Random inspection of statements: commit to a seed, draw when the list is out, keep what is found.

The digest of the seed is in the signed log before the statements of the month exist, so nobody
steers whom the draw meets; the seed is told with the draw, so anybody can draw again.

Source: product 80; decisions 0122, 0193.
"""

import secrets
from datetime import datetime
from typing import Any

from django.db import transaction

from billing.models import Inspection, InspectionItem, InspectionResult, MonthClose
from ledger import audit
from ledger.actors import Actor
from ledger.refusals import Refused
from vouchers.sampling import WHOLE_BP, choose, rank, seed_digest

SHARE_BP = 500  # of the statements of a month, rounded up: at least one
LONGEST_TEXT = 1000
_BEFORE = (MonthClose.State.OPEN, MonthClose.State.CLOSING)


@transaction.atomic
def commit_inspection(
    close: MonthClose, *, share_bp: int = SHARE_BP, actor: Actor, at: datetime
) -> Inspection:
    """Fix the seed of a month's inspection; only its digest is told. Asking again gives the same.

    Writes: inspection, log entry with the digest.

    Raises:
        Refused: the statements are out already, or a share that is none.
    """
    close = MonthClose.objects.select_for_update(of=("self",)).get(pk=close.pk)
    known = Inspection.objects.filter(close=close).first()
    if known is not None:
        return known
    if close.state not in _BEFORE:
        raise Refused("list_known", "本月对账单已经出具，不能再承诺种子。请在下月结算前承诺。")
    if not 0 < share_bp <= WHOLE_BP:
        raise Refused("share_invalid", "抽查比例须大于 0%、不超过 100%。", field="share")
    seed = secrets.token_hex(32)
    made = Inspection.objects.create(
        close=close,
        seed=seed,
        seed_digest=seed_digest(seed),
        share_bp=share_bp,
        committed_at=at,
        committed_name=actor.name,
    )
    body = {
        "inspection": made.pk,
        "month": close.month,
        "seed_digest": made.seed_digest,
        "share_bp": share_bp,
    }
    audit.record("inspection.committed", body, actor=actor, at=at)
    return made


@transaction.atomic
def draw_inspection(inspection: Inspection, *, actor: Actor, at: datetime) -> Inspection:
    """Draw the statements to be inspected and tell the seed; asking again changes nothing.

    Writes: the draw, one item a chosen statement, log entry with the seed.

    Raises:
        Refused: the statements are not out yet.
    """
    inspection = (
        Inspection.objects.select_for_update(of=("self",))
        .select_related("close")
        .get(pk=inspection.pk)
    )
    if inspection.drawn_at is not None:
        return inspection
    close = inspection.close
    if close.state in _BEFORE:
        raise Refused("list_unknown", "本月对账单尚未出具，出具后才能抽取。")
    statements = {str(each.pk): each for each in close.statements.all()}
    chosen = choose(inspection.seed, statements, share_bp=inspection.share_bp)
    InspectionItem.objects.bulk_create(
        InspectionItem(
            inspection=inspection,
            statement=statements[pk],
            place=place,
            rank=rank(inspection.seed, pk),
        )
        for place, pk in enumerate(chosen, start=1)
    )
    inspection.drawn_at, inspection.drawn_name = at, actor.name
    inspection.save()
    body = {
        "inspection": inspection.pk,
        "month": close.month,
        "seed": inspection.seed,
        "statements": len(statements),
        "chosen": list(chosen),
    }
    audit.record("inspection.drawn", body, actor=actor, at=at)
    return inspection


@transaction.atomic
def record_finding(
    item: InspectionItem, finding: str, text: str, *, actor: Actor, at: datetime
) -> InspectionResult:
    """Keep what was found about a chosen statement; a later finding stands beside the earlier.

    Writes: one result, log entry.

    Raises:
        Refused: an unknown finding, or no words.
    """
    if finding not in InspectionResult.Finding.values:
        raise Refused("finding_unknown", "请选择核查结论。", field="finding")
    if not text.strip() or len(text) > LONGEST_TEXT:
        raise Refused("text_missing", "请写明核查了什么、看到什么（1 至 1000 字）。", field="text")
    made = InspectionResult.objects.create(
        item=item,
        finding=finding,
        text=text.strip(),
        found_at=at,
        found_name=actor.name,
        found_person=actor.person,
    )
    body = {"inspection": item.inspection_id, "statement": item.statement_id, "finding": finding}
    audit.record("inspection.found", body, actor=actor, at=at)
    return made


def inspection_data(close: MonthClose) -> dict[str, Any] | None:
    """Return a month's inspection as plain data (核查情况); None where nobody committed to one.

    ``seed`` is empty until the draw; ``items`` are in the order of the draw, each with its last
    finding, empty while it waits.
    """
    inspection = Inspection.objects.filter(close=close).first()
    if inspection is None:
        return None
    drawn = inspection.drawn_at is not None
    items = [_item(each) for each in inspection.items.select_related("statement")]
    return {
        "month": close.month,
        "seed_digest": inspection.seed_digest,
        "seed": inspection.seed if drawn else "",
        "share_bp": inspection.share_bp,
        "committed_at": inspection.committed_at,
        "drawn_at": inspection.drawn_at,
        "statements": close.statements.count() if drawn else 0,
        "chosen": len(items),
        "found": sum(1 for each in items if each["finding"]),
        "problems": sum(1 for each in items if each["finding"] == "problem"),
        "items": items,
    }


def _item(item: InspectionItem) -> dict[str, Any]:
    last = item.results.order_by("-found_at", "-id").first()
    return {
        "place": item.place,
        "statement_no": item.statement.statement_no,
        "rank": item.rank,
        "finding": last.finding if last else "",
        "title": last.get_finding_display() if last else "待核查",
        "text": last.text if last else "",
        "by": last.found_name if last else "",
        "at": last.found_at if last else None,
    }

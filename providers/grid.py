"""The emission factor of the grid: a published yearly value, entered by two people.

Source: domain.md 5.6; decision 0229.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import Max

from ledger import audit
from ledger.actors import Actor
from ledger.periods import day_of
from ledger.refusals import Refused
from providers.efficiency import GRID_MG
from providers.models import GridFactor
from providers.models.state_row import move, note_birth

FIRST_YEAR = 2020
LONGEST_SOURCE = 200


@transaction.atomic
def propose_grid_factor(
    year: int, mg_per_kwh: int, source: str, *, actor: Actor, at: datetime
) -> GridFactor:
    """Propose what a kilowatt-hour of the grid gave off in a year.

    Args:
        source: the document that publishes it.

    Writes: factor in the next version of its year, state row, log entry.

    Raises:
        Refused: no document, a year or value that cannot be, or one of the year waits already.
    """
    if not FIRST_YEAR <= year <= day_of(at).year:
        raise Refused(
            "year_invalid", f"年度应在 {FIRST_YEAR} 至 {day_of(at).year} 之间。", field="year"
        )
    if not GRID_MG[0] <= mg_per_kwh <= GRID_MG[1]:
        raise Refused(
            "out_of_range",
            "排放因子应在 0.001 至 2 千克/千瓦时之间，请核对单位（公布值通常约 0.5）。",
            field="factor",
        )
    if not source.strip() or len(source.strip()) > LONGEST_SOURCE:
        raise Refused(
            "source_missing", "请填写公布文件的名称和文号（1 至 200 字）。", field="source"
        )
    same = GridFactor.objects.filter(year=year)
    if same.waiting().exists():
        raise Refused("filing_waits", f"{year} 年已有一个值等待批准。", field="year")
    row = GridFactor.objects.create(
        year=year,
        version=(same.aggregate(last=Max("version"))["last"] or 0) + 1,
        mg_per_kwh=mg_per_kwh,
        source=source.strip(),
        proposed_at=at,
        proposed_by_person=actor.person,
    )
    note_birth(row, "提出电网排放因子", actor=actor, at=at)
    _log("registry.grid.propose", row, actor, at)
    return row


@transaction.atomic
def approve_grid_factor(row: GridFactor, *, actor: Actor, at: datetime) -> GridFactor:
    """Approve a factor: from here on it counts for its year, in place of an earlier version.

    Writes: state row, log entry.

    Raises:
        Refused: not waiting, or the person who proposed it.
    """
    row = GridFactor.objects.select_for_update(of=("self",)).get(pk=row.pk)
    if not actor.person or actor.person == row.proposed_by_person:
        raise Refused("same_person", "排放因子须由另一人批准。")
    move(row, "approve", actor=actor, at=at)
    row.approved_by_person, row.decided_at = actor.person, at
    row.save()
    _log("registry.grid.approve", row, actor, at)
    return row


@transaction.atomic
def decline_grid_factor(row: GridFactor, *, reason: str, actor: Actor, at: datetime) -> GridFactor:
    """Turn a proposed factor down, with the reason. Writes: state row, log entry."""
    row = GridFactor.objects.select_for_update(of=("self",)).get(pk=row.pk)
    if not reason.strip():
        raise Refused("reason_missing", "请填写理由。", field="reason")
    move(row, "decline", actor=actor, at=at, reason=reason.strip()[:LONGEST_SOURCE])
    row.decided_at = at
    row.save()
    _log("registry.grid.decline", row, actor, at)
    return row


def _log(kind: str, row: GridFactor, actor: Actor, at: datetime) -> None:
    facts = {
        "factor": str(row.pk),
        "year": row.year,
        "version": row.version,
        "mg_per_kwh": row.mg_per_kwh,
        "source": row.source,
    }
    audit.record(kind, facts, actor=actor, at=at)

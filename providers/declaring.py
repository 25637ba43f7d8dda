"""Declare what was not used, check what was sent and look at conflicts."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.periods import SHANGHAI, day_of
from ledger.refusals import Refused
from providers.models import (
    Manifest,
    Provider,
    UsageConflict,
    UsageRecord,
    ZeroDeclaration,
)


@dataclass(frozen=True)
class Compared:
    """A manifest beside what we hold for its day."""

    manifest: Manifest
    record_count: int
    sums: dict[str, str]
    ids_digest: str

    @property
    def matches(self) -> bool:
        """Say whether nothing is missing and nothing is more."""
        ours = (self.record_count, self.sums, self.ids_digest)
        theirs = (self.manifest.record_count, self.manifest.sums, self.manifest.ids_digest)
        return ours == theirs


@transaction.atomic
def declare_zero(
    provider: Provider, day: date, *, livemode: bool, actor: Actor, at: datetime
) -> ZeroDeclaration:
    """Declare that a provider's machines did nothing on a day; once a day.

    Writes: declaration, log entry.

    Raises:
        Refused: a day to come, or a day with reported usage.
    """
    known = ZeroDeclaration.objects.filter(provider=provider, livemode=livemode, day=day).first()
    if known:
        return known
    if day > day_of(at):
        raise Refused("invalid_parameter", "不能为将来的日期作零申报。", field="day")
    if (
        _usage_of(provider, livemode, day)
        .exclude(state__in=["zero", "superseded", "refused"])
        .exists()
    ):
        raise Refused("conflict", f"{day} 已有用量上报，不能作零申报。", field="day")
    declared = ZeroDeclaration.objects.create(
        provider=provider, livemode=livemode, day=day, declared_at=at, declared_by=actor.name
    )
    facts = {"provider": str(provider.pk), "day": day.isoformat(), "livemode": livemode}
    audit.record("metering.zero", facts, actor=actor, at=at)
    return declared


@transaction.atomic
def take_manifest(
    provider: Provider,
    day: date,
    *,
    record_count: int,
    sums: dict[str, str],
    ids_digest: str,
    livemode: bool,
    actor: Actor,
    at: datetime,
) -> Compared:
    """Take in the manifest of a day and set it beside what we hold; a new one is a new version.

    Writes: manifest, log entry.
    """
    versions = Manifest.objects.filter(provider=provider, livemode=livemode, day=day)
    manifest = Manifest.objects.create(
        provider=provider,
        livemode=livemode,
        day=day,
        version=versions.count() + 1,
        record_count=record_count,
        sums=sums,
        ids_digest=ids_digest,
        received_at=at,
    )
    facts = {"provider": str(provider.pk), "day": day.isoformat(), "ids_digest": ids_digest}
    audit.record("metering.manifest", facts, actor=actor, at=at)
    return compare(manifest)


def compare(manifest: Manifest) -> Compared:
    """Set a manifest beside the records that we hold as started on its Shanghai day."""
    sums: dict[str, int] = {}
    ids: set[str] = set()
    records = _usage_of(manifest.provider, manifest.livemode, manifest.day)
    with_parts = UsageRecord.objects.filter(
        provider=manifest.provider,
        livemode=manifest.livemode,
        record_id__in=records.values("record_id"),
        segment__lt=1000,
    )
    lines = with_parts.values_list("record_id", "device_model", "device_milli_seconds")
    for record_id, model, use in lines.iterator(chunk_size=5000):
        ids.add(record_id)
        sums[model] = sums.get(model, 0) + use
    digest = hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()
    return Compared(
        manifest, len(ids), {model: str(use) for model, use in sorted(sums.items())}, digest
    )


@transaction.atomic
def resolve_conflict(
    conflict: UsageConflict, *, resolution: str, actor: Actor, at: datetime
) -> UsageConflict:
    """Close a conflict: what is stored stands; a mistake in it is corrected by a new record.

    Writes: the resolution, a log entry.

    Raises:
        Refused: no reason given.
    """
    conflict = UsageConflict.objects.select_for_update(of=("self",)).get(pk=conflict.pk)
    if conflict.resolved_at:
        return conflict
    if not resolution.strip():
        raise Refused("reason_missing", "请填写处理意见。", field="resolution")
    conflict.resolved_at = at
    conflict.resolved_by = actor.name
    conflict.resolution = resolution.strip()
    conflict.save()
    facts: dict[str, Any] = {
        "provider": str(conflict.provider_id),
        "record": conflict.record_id,
        "given_digest": bytes(conflict.given_digest).hex(),
        "resolution": conflict.resolution,
    }
    audit.record("metering.conflict", facts, actor=actor, at=at)
    return conflict


def _usage_of(provider: Provider, livemode: bool, day: date) -> Any:
    """Return the records that started on a Shanghai day."""
    starts = datetime.combine(day, datetime.min.time(), SHANGHAI).astimezone(UTC)
    return UsageRecord.objects.filter(
        provider=provider,
        livemode=livemode,
        segment=0,
        started_at__gte=starts,
        started_at__lt=starts + timedelta(days=1),
    )

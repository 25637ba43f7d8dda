"""What came over the wire: the upload before it is judged, its claims, and where it is kept."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, BinaryIO
from uuid import UUID

from django.db import connection

from ledger.actors import Actor
from ledger.amounts import divide_half_up
from ledger.refusals import Refused
from providers.bodies import Body, take_bytes
from providers.measures import (
    DEVICE_MILLI_SECONDS_PER_CARD_HOUR,
    GFLOPS_MILLI_SECONDS_PER_PFLOPS_HOUR,
)
from providers.models import OfferingPrice, Provider, ProviderKey, UploadAnswer, UsageBatch
from providers.parquet import declared_rows
from providers.plain import size_of, unpacked
from providers.problems import CATALOGUE
from providers.staging import Sum
from providers.wire import CSV, NDJSON, PARQUET, BadBatch

NONCE_LIFE = timedelta(minutes=15)  # longer than any signature may be old
_MOST_ORDERS_SHOWN = 100


@dataclass(frozen=True)
class Upload:
    """What came over the wire, before anybody has looked into it.

    Args:
        body: the raw bytes in their file; a small body may be handed in as it is.
    """

    body: Body | bytes
    content_type: str
    on_error: str = UsageBatch.OnError.REJECT_BATCH
    content_encoding: str = ""
    source: str = "api"
    hold_reason: str = ""
    expected_rows: int | None = None
    expected_device_milli_seconds: int | None = None
    sequence: int | None = None
    signature_input: str = ""
    signature: str = ""

    @cached_property
    def raw(self) -> Body:
        """Return the bytes as sent, in their file."""
        return take_bytes(self.body) if isinstance(self.body, bytes) else self.body

    @property
    def body_sha256(self) -> str:
        """Return the digest of the bytes as sent."""
        return self.raw.sha256

    @property
    def digest(self) -> str:
        """Return the digest of what makes two requests the same."""
        said = (
            self.body_sha256,
            self.content_type,
            self.content_encoding,
            self.on_error,
            self.hold_reason,
            str(self.expected_rows),
            str(self.expected_device_milli_seconds),
            *([str(self.sequence)] if self.sequence is not None else []),
        )
        return hashlib.sha256("\n".join(said).encode()).hexdigest()


@dataclass(frozen=True)
class Taken:
    """A batch as it stands after an upload, and whether it was there before."""

    batch: UsageBatch
    replayed: bool = False


@dataclass(frozen=True)
class Verdict:
    """What an upload would come to: the batch with its counts, and the first faults."""

    batch: UsageBatch
    faults: list[dict[str, Any]]
    fault_rows: int


def claim_key(
    provider: Provider, livemode: bool, endpoint: str, key: UUID, digest: str, at: datetime
) -> UploadAnswer | None:
    """Claim an idempotency key; return the earlier claim if there is one.

    A second request at the same instant waits here until the first is done.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO providers_uploadanswer"
            " (provider_id, livemode, endpoint, idempotency_key, request_digest, status, body, at)"
            " VALUES (%s, %s, %s, %s, %s, 0, '{}', %s) ON CONFLICT DO NOTHING RETURNING id",
            [provider.pk, livemode, endpoint, key, digest, at],
        )
        if cursor.fetchone():
            return None
    known = UploadAnswer.objects.select_related("batch").get(
        provider=provider, livemode=livemode, endpoint=endpoint, idempotency_key=key
    )
    if known.request_digest != digest:
        raise Refused("idempotency_key_reused", CATALOGUE["idempotency_key_reused"].zh)
    return known


def claim_nonce(key: ProviderKey, nonce: str, *, now: datetime) -> None:
    """Use up a nonce; ``now`` is real time, by which signatures are judged.

    Raises:
        Refused: it was used before, so the request is a replay.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO providers_usagenonce (key_id, nonce, expires_at) VALUES (%s, %s, %s)"
            " ON CONFLICT DO NOTHING RETURNING id",
            [key.pk, nonce, now + NONCE_LIFE],
        )
        if not cursor.fetchone():
            raise Refused("replay", CATALOGUE["replay"].zh)


def open_batch(
    provider: Provider,
    upload: Upload,
    provider_key: ProviderKey | None,
    livemode: bool,
    actor: Actor,
    at: datetime,
) -> UsageBatch:
    """Write the batch down as received, before anybody has looked into it."""
    return UsageBatch.objects.create(
        provider=provider,
        key=provider_key,
        livemode=livemode,
        source=upload.source,
        sent_by_name=actor.name,
        on_error=upload.on_error,
        content_type=upload.content_type,
        content_encoding=upload.content_encoding,
        hold_reason=upload.hold_reason,
        body_sha256=upload.body_sha256,
        body_size=upload.raw.size,
        signature_input=upload.signature_input,
        signature=upload.signature,
        expected_rows=upload.expected_rows,
        expected_device_milli_seconds=upload.expected_device_milli_seconds,
        sequence=upload.sequence,
        received_at=at,
    )


def keep_body(upload: Upload) -> None:
    """Keep the raw bytes with their batch, at the end of its transaction.

    The lock stands against the removal of old bytes (``retaining``): bytes that a new batch has
    just been given are not removed for an old one.
    """
    lock_body(upload.body_sha256, shared=True)
    upload.raw.keep()


def lock_body(body_sha256: str, *, shared: bool = False) -> None:
    """Hold the bytes of a digest until the transaction ends."""
    function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(hashtextextended(%s, 0))", [f"body/{body_sha256}"])


def is_long(upload: Upload, *, most_rows: int, most_bytes: int) -> bool:
    """Say whether an upload holds more than can be waited for, without reading it to its end.

    Raises:
        Refused: its packing already shows that it cannot be read.
    """
    raw = upload.raw
    if raw.size > most_bytes:
        return True
    try:
        with raw.open() as file:
            if upload.content_type == PARQUET and upload.content_encoding != "gzip":
                return declared_rows(file, raw.folder) > most_rows
            packing = (upload.content_type, upload.content_encoding)
            with unpacked(file, *packing, raw.folder) as (plain, kind):
                return _is_long(plain, kind, most_rows, most_bytes)
    except BadBatch as bad:
        raise as_refusal(bad) from bad


def _is_long(plain: BinaryIO, kind: str, most_rows: int, most_bytes: int) -> bool:
    """Count what begins a record; one more for the header."""
    if size_of(plain) > most_bytes:
        return True
    plain.seek(0)
    sign = b"\n" if kind in (CSV, NDJSON) else b'"record_id"'
    return plain.read().count(sign) > most_rows + 1


def preview(sums: list[Sum]) -> dict[str, Any]:
    """Rate what counts at the filed prices, for information; billing rates for good."""
    orders: dict[str, dict[str, int]] = {}
    for each in sums:
        net = each.device_milli_seconds - each.reversed_device_milli_seconds
        line = orders.setdefault(each.order_no, {"use": 0, "gross": 0, "unit": 1})
        line["use"] += net
        if each.pricing_unit == OfferingPrice.PricingUnit.CARD_HOUR:
            line["gross"] += net * each.price_fen
            line["unit"] = DEVICE_MILLI_SECONDS_PER_CARD_HOUR
        else:
            line["gross"] += net * each.gflops * each.price_fen
            line["unit"] = GFLOPS_MILLI_SECONDS_PER_PFLOPS_HOUR
    lines = [
        {
            "order_no": order_no,
            "device_milli_seconds": str(line["use"]),
            "gross_fen": str(divide_half_up(line["gross"], line["unit"])),
        }
        for order_no, line in sorted(orders.items())
    ]
    return {
        "gross_fen": str(sum(int(line["gross_fen"]) for line in lines)),
        "orders": lines[:_MOST_ORDERS_SHOWN],
    }


def as_refusal(bad: BadBatch) -> Refused:
    """Say in Chinese why a body cannot be read, and where."""
    problem = CATALOGUE[bad.code]
    where = f"第 {bad.row} 行" if bad.row else ""
    where += f"“{bad.column}”列" if bad.column else ""
    seen = f"（{bad.value}）" if bad.value else ""
    text = f"{where}：{problem.zh}{seen}" if where else f"{problem.zh}{seen}"
    details = {"row": str(bad.row), "column": bad.column, "value": bad.value}
    return Refused(bad.code, f"{text}。{problem.hint_zh}。", details=details)


def fault_in(refused: Refused) -> dict[str, Any] | None:
    """Return where and what a body's fault is, as faults of rows are kept; nothing for others."""
    if refused.code not in CATALOGUE or "row" not in refused.details:
        return None
    place = refused.details
    return {
        "row": int(place["row"]),
        "column": place["column"],
        "code": refused.code,
        "value": place["value"],
    }

"""The very bytes of an upload once more: every row is known without being read."""

from django.db import connection

from ledger.refusals import Broken
from providers.models import UsageBatch
from providers.storing_sql import KNOWN_ROWS


def know_again(batch: UsageBatch) -> int:
    """Write down every row of a batch as known when its very bytes were taken before, whole.

    Nothing is decoded then: an accepted batch has only rows that are stored, or repeat what is,
    and a stored record never changes. Bytes of which something was left out are judged anew.

    Returns:
        How many rows there are; none if the bytes are not known, or their declared total is not.
    """
    same = UsageBatch.objects.filter(
        provider=batch.provider_id,
        livemode=batch.livemode,
        body_sha256=batch.body_sha256,
        content_type=batch.content_type,
        content_encoding=batch.content_encoding,
        status=UsageBatch.Status.ACCEPTED,
    )
    if batch.expected_device_milli_seconds is not None:
        same = same.filter(expected_device_milli_seconds=batch.expected_device_milli_seconds)
    earlier = same.exclude(pk=batch.pk).order_by("received_at", "id").first()
    if earlier is None:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(KNOWN_ROWS, {"batch": batch.pk, "earlier": earlier.pk})
        if cursor.rowcount != earlier.rows:
            raise Broken(f"batch {earlier.pk} has {earlier.rows} rows, found {cursor.rowcount}")
    return earlier.rows

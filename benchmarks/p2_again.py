"""Upload of the same CSV file again: every record known, nothing written twice.

The floor is the first upload of that file, so the ratio says how much quicker the second is.
"""

from benchmarks import p1_upload
from benchmarks.p1_upload import Sending, send
from ledger.identifiers import new_id
from providers.models import UsageBatch, UsageRecord
from tests.providers.world import do_work

UNIT = "records"
GOAL = ">= 3"
SIZES = (100_000,)


def prepare(size: int) -> Sending:
    """Send the file once."""
    sending = p1_upload.prepare(size)
    send(sending, p1_upload.CONTENT_TYPE)
    return sending


def ours(sending: Sending) -> int:
    """Send it again under another key; every row must be known and none stored."""
    key = str(new_id())  # the client's own key would only answer again
    sending.client.upload(sending.body, p1_upload.CONTENT_TYPE, idempotency_key=key)
    do_work()
    repeated = UsageBatch.objects.filter(duplicate=sending.size).count()
    if repeated != 1 or UsageRecord.objects.count() != sending.size:
        raise SystemExit("the second upload was not known row by row")
    return sending.size


def prepare_floor(size: int) -> Sending:
    """Make what the first upload needs."""
    return p1_upload.prepare(size)


def floor(sending: Sending) -> int:
    """Send the file for the first time."""
    return send(sending, p1_upload.CONTENT_TYPE)

"""Let waiting records go when what they wait for has come: at once, or by a worker if many."""

from datetime import datetime
from typing import Any

from ledger import work
from ledger.actors import Actor
from ledger.work import Progress, Work
from providers.metering import release_held
from providers.models import Provider, UsageRecord

WORK_KIND = "metering.release"
AT_ONCE = 5_000  # more waiting records than these are no business of a page


def ask_release(
    cause: str, provider: Provider | None = None, *, actor: Actor, at: datetime
) -> int | None:
    """Judge held records again because something they may wait for has come.

    Args:
        cause: what has come, e.g. ``rate:<id>``; asked for once per cause.

    Returns:
        How many have been released; None when a worker will do it.
    Writes: as ``metering.release_held``, or one piece of work.
    """
    waiting = UsageRecord.objects.filter(state="held", livemode=True)
    if provider is not None:
        waiting = waiting.filter(provider=provider)
    if waiting.order_by()[: AT_ONCE + 1].count() <= AT_ONCE:
        return release_held(provider, actor=actor, at=at)
    payload = {"provider": str(provider.pk) if provider else ""}
    work.request(WORK_KIND, key=cause, payload=payload, actor=actor, at=at)
    return None


def run_release_work(task: Work, progress: Progress) -> dict[str, Any]:
    """Judge held records again; asking twice changes nothing. One provider after another."""
    named = task.payload["provider"]
    waiting = Provider.objects.filter(usage__state="held", usage__livemode=True)
    if named:
        waiting = waiting.filter(pk=named)
    providers = list(waiting.distinct().order_by("pk"))
    released = 0
    for done, each in enumerate(providers):
        progress(done, len(providers), f"正在重新判断 {each.name} 的待定记录")
        released += release_held(each, actor=work.requester(task), at=task.requested_at)
    return {"released": str(released)}

"""What the documentation page shows: the reader's own names in every example, limits in force."""

from datetime import datetime
from typing import Any

from django.conf import settings

from ledger.periods import day_of
from providers import metering
from providers.models import Provider, UsageRecord
from providers.pages import OUTCOMES
from providers.pages_console import ONE_DAY, RECORD_FIELDS
from providers.signatures import COMPONENTS, MOST_SKEW, TAG
from providers.stories import MEANINGS
from providers.wire import HIGHEST_RATIO, LARGEST_BODY, LONGEST_LINE, MOST_ROWS

TOKEN_PLACE = "<测试令牌>"  # noqa: S105 - what stands where a token is to be put
_MIB = 1 << 20


def guide_of(provider: Provider | None = None, *, at: datetime, token: str = "") -> dict[str, Any]:
    """Return everything the documentation says; with a provider, its own keys in the examples.

    Args:
        at: the examples tell of the day before.
        provider: whose names to fill in; nobody's for the public page.
        token: a test token just made, shown this once.
    """
    live = test = None
    if provider is not None:
        usable = provider.keys.filter(state="active").order_by("-proposed_at")
        live, test = usable.filter(mode="live").first(), usable.filter(mode="test").first()
    return {
        "origin": settings.PUBLIC_ORIGIN,
        "log_origin": settings.LOG_ORIGIN,
        "provider": provider,
        "token": token,
        "token_text": token or TOKEN_PLACE,
        "live_key": live,
        "test_key": test,
        "key_text": live.key_id if live else "pk_live_…",
        "sample": sample(at),
        "started_at": f"{day_of(at) - ONE_DAY}T08:00:00+08:00",
        "ended_at": f"{day_of(at) - ONE_DAY}T09:00:00+08:00",
        "fields": RECORD_FIELDS,
        "outcomes": [(code, word, MEANINGS[code]) for code, word in OUTCOMES],
        "holds": UsageRecord.HoldReason.choices,
        "components": COMPONENTS,
        "tag": TAG,
        "skew": int(MOST_SKEW.total_seconds()),
        "limits": _limits(),
    }


def sample(at: datetime) -> str:
    """Return one record under the order for tests, as it was yesterday."""
    day = day_of(at) - ONE_DAY
    return (
        "record_id,order_no,device_model,device_count,started_at,ended_at\n"
        f"first-1,TEST-OK,nvidia-a100,8,{day}T08:00:00+08:00,{day}T09:00:00+08:00\n"
    )


def _limits() -> list[tuple[str, str]]:
    return [
        (
            "当场答复",
            f"{metering.SYNC_ROWS:,} 条且 {metering.SYNC_BYTES // _MIB} MiB 以内（201、207）",
        ),
        (
            "后台处理",
            f"{MOST_ROWS:,} 条、解压后 {LARGEST_BODY // _MIB} MiB 以内（202，查询 Location）",
        ),
        ("单行", f"{LONGEST_LINE // _MIB} MiB"),
        ("压缩比", f"{HIGHEST_RATIO} : 1"),
        ("列出的错误", f"前 {metering.MOST_FAULTS_SHOWN:,} 条，另报总数"),
    ]

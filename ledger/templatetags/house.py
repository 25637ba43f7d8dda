"""How figures, days and states look on every page, in one place."""

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from ledger import incidents

register = template.Library()

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOTHING = "—"
BAR_WIDTH = 10_000
FEN_PER_YUAN = 100
AREAS = {
    "portal": "企业服务",
    "office": "办公后台",
    "console": "服务商控制台",
    "public": "公开信息",
}

# What a colour says: grey not begun, blue under way, yellow waits for the reader, plain text
# done, green good news, red only for errors and what is frozen or refused.
COLOURS = dict.fromkeys(("draft", "open", "zero", "placed", "not_started", "queued"), "grey")
COLOURS |= dict.fromkeys(
    ("expired", "withdrawn", "cancelled", "superseded", "used_up", "removed"), "grey"
)
COLOURS |= dict.fromkeys(
    ("proposed", "supplement", "prepared", "in_review", "review", "waiting", "held", "applied"),
    "yellow",
)
COLOURS |= dict.fromkeys(("active", "admitted", "published", "issued", "ready"), "green")
COLOURS |= dict.fromkeys(("paid", "closed", "completed", "done", "approved"), "plain")
COLOURS |= dict.fromkeys(
    ("rejected", "refused", "declined", "disputed", "suspended", "revoked", "returned"), "red"
)
COLOURS |= dict.fromkeys(("given_up", "no_address"), "red")
COLOURS |= {"delivered": "plain"}
COLOURS |= dict.fromkeys(("frozen", "failed", "dead", "paused"), "red")


@register.filter
def yuan(amount_fen: Any) -> str:
    """Show an amount of fen as yuan with two decimals, "1,234.56"."""
    if amount_fen is None or amount_fen == "":
        return NOTHING
    fen = int(amount_fen)
    whole, rest = divmod(abs(fen), FEN_PER_YUAN)
    return f"{'-' if fen < 0 else ''}{whole:,}.{rest:02d}"


@register.filter
def pfh(hours: Any) -> str:
    """Show PFLOPS-hours with four decimals, "0.3120"."""
    if hours is None or hours == "":
        return NOTHING
    return f"{Decimal(str(hours)):,.4f}"


@register.filter
def number(count: Any) -> str:
    """Show a count with thousands separators."""
    if count is None or count == "":
        return NOTHING
    return f"{int(count):,}"


@register.filter
def percent(share_bp: Any) -> str:
    """Show basis points as a percentage without needless zeros, "30 %"."""
    if share_bp is None or share_bp == "":
        return NOTHING
    text = f"{Decimal(int(share_bp)) / 100:.2f}".rstrip("0").rstrip(".")
    return f"{text} %"


@register.filter
def day(moment: Any) -> str:
    """Show the Shanghai day of a date or an instant, "2026年10月3日"."""
    if not moment:
        return NOTHING
    if isinstance(moment, datetime):
        moment = moment.astimezone(SHANGHAI).date()
    if not isinstance(moment, date):
        return str(moment)
    return f"{moment.year}年{moment.month}月{moment.day}日"


@register.filter(name="moment")
def moment_text(moment: Any) -> str:
    """Show an instant as Shanghai day and minute, "2026年10月3日 14:05"."""
    if not isinstance(moment, datetime):
        return day(moment)
    local = moment.astimezone(SHANGHAI)
    return f"{day(local)} {local:%H:%M}"


@register.filter
def short_hash(digest: Any) -> str:
    """Show the beginning of a digest, enough to tell two apart."""
    if not digest:
        return NOTHING
    text = digest.hex() if isinstance(digest, bytes | memoryview) else str(digest)
    return f"{text[:8]}…" if len(text) > 8 else text


@register.filter
def thousandths(part: Any, whole: Any) -> int:
    """Return which part of 1000 a part is; 0 for an empty whole."""
    return int(part or 0) * 1000 // int(whole) if whole else 0


@register.inclusion_tag("components/tag.html")
def state_tag(thing: Any) -> dict[str, str]:
    """Show the state of an object as a tag in the colour of that state."""
    state = str(getattr(thing, "state", "") or "")
    label = getattr(thing, "get_state_display", None)
    text = str(label()) if callable(label) else state
    return {"text": text, "colour": COLOURS.get(state, "blue")}


@register.inclusion_tag("components/bar.html")
def balance_bar(
    face_fen: int, redeemed_fen: int, held_fen: int, available_fen: int
) -> dict[str, Any]:
    """Show how much of a face value is spent, held and free, as a bar with its figures."""
    face = max(int(face_fen or 0), 1)
    spent, held, free = (
        max(int(each or 0), 0) * BAR_WIDTH // face
        for each in (redeemed_fen, held_fen, available_fen)
    )
    return {
        "width": BAR_WIDTH,
        "spent": spent,
        "held": held,
        "held_from": spent,
        "free": free,
        "free_from": spent + held,
        "redeemed_fen": redeemed_fen,
        "held_fen": held_fen,
        "available_fen": available_fen,
    }


@register.simple_tag(takes_context=True)
def area_of(context: dict[str, Any]) -> dict[str, str]:
    """Say which area of the house the page belongs to, from its address."""
    request = context.get("request")
    first = request.path.strip("/").split("/")[0] if isinstance(request, HttpRequest) else ""
    code = first if first in AREAS else "public"
    return {"code": code, "title": AREAS[code] if first in AREAS else ""}


@register.inclusion_tag("components/safe_mode.html", takes_context=True)
def safe_mode_notice(context: dict[str, Any]) -> dict[str, Any]:
    """Warn on every page of the bureau while a check of the books has an open finding."""
    user = getattr(context.get("request"), "user", None)
    try:
        on = bool(user and user.is_authenticated) and incidents.safe_mode()
    except DatabaseError:
        return {"on": False}  # the page that says so must still be shown
    may_look = user is not None and user.has_perm("ledger.view_incidents")
    return {"on": on, "url": reverse("office_books") if may_look else ""}


@register.inclusion_tag("components/nav/link.html", takes_context=True)
def nav_link(
    context: dict[str, Any], name: str, text: str, *, exact: bool = False, need: str = ""
) -> dict[str, Any]:
    """Show a link of the navigation, if its page exists and the reader may open it."""
    request = context.get("request")
    try:
        url = reverse(name)
    except NoReverseMatch:
        return {"url": ""}
    user = getattr(request, "user", None)
    if need and not (user and any(user.has_perm(each) for each in need.split())):
        return {"url": ""}
    path = getattr(request, "path", "")
    within = path.startswith(url) and not exact
    current = "page" if path == url else "true" if within else ""
    return {"url": url, "text": text, "current": current}


@register.simple_tag
def house_facts() -> dict[str, Any]:
    """Return what the frame says about the house itself: body, phone, version, environment."""
    demo = bool(getattr(settings, "DEMO_MODE", False))
    return {
        "service": "普陀区算力券服务",
        "body": getattr(settings, "HOST_BODY", "上海市普陀区数据局"),
        "phone": getattr(settings, "HOST_PHONE", "12345"),
        "hours": "工作日 9:00–11:30，13:30–17:00",
        "version": getattr(settings, "HOUSE_VERSION", "0.1.0"),
        "demo": demo,
        "pilot": bool(getattr(settings, "PILOT", False)),
        "environment": "演示环境" if demo else getattr(settings, "ENVIRONMENT_LABEL", ""),
    }


@register.simple_tag
def demo_logins() -> list[dict[str, str]]:
    """Return the demonstration's logins, only while the house runs as a demonstration."""
    if not getattr(settings, "DEMO_MODE", False):
        return []
    told = Path(settings.VAR_DIR) / "demo" / "summary.json"
    try:
        logins = json.loads(told.read_text(encoding="utf-8")).get("logins", [])
    except (OSError, ValueError):
        return []
    return [each for each in logins if isinstance(each, dict)]

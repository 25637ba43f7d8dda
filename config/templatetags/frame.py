"""What the frame around every page has to know about its reader."""

from typing import Any

from django import template
from django.conf import settings

register = template.Library()
WARNED_SECONDS = 300


@register.simple_tag(takes_context=True)
def sitting(context: dict[str, Any]) -> dict[str, Any]:
    """Return how long somebody signed in may leave the page alone; nothing for others.

    Args:
        context: of the page.
    """
    request: Any = context.get("request")
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    entry = getattr(settings, "ENTRY", None)
    idle = "bureau_idle_seconds" if request.path.startswith("/office/") else "others_idle_seconds"
    seconds = int(getattr(entry, idle, settings.SESSION_COOKIE_AGE))
    return {"seconds": seconds, "warned": min(WARNED_SECONDS, seconds // 2), "who": user.pk}

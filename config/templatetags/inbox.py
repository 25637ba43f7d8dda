"""The way to one's messages in the frame of every page, with how many are unread."""

from typing import Any

from django import template
from django.db import DatabaseError

from config.scopes import scopes_at
from vouchers import notices

register = template.Library()
AREAS = ("portal", "console", "office")


@register.inclusion_tag("components/inbox_link.html", takes_context=True)
def inbox_link(context: dict[str, Any]) -> dict[str, Any]:
    """Show the link to the inbox of the area the reader is in."""
    request = context.get("request")
    if request is None:
        return {"url": ""}
    area = request.path.strip("/").split("/")[0]
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated or area not in AREAS:
        return {"url": ""}
    try:
        count = notices.unread_count(scopes_at(request, area), user)
    except DatabaseError:
        return {"url": ""}  # the page that says so must still be shown
    return {"url": f"/{area}/messages/", "count": count}

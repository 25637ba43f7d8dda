"""What became of a record's use in settlement, for pages of rooms that do not know this one."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django import template

from billing.models import PaymentItem, Statement

register = template.Library()


@register.inclusion_tag("statement/settled.html")
def settled_in(order_id: UUID, months: list[str]) -> dict[str, Any]:
    """Show the statements of an order for some months, and their payments."""
    found = Statement.objects.put_out().filter(order_id=order_id, month__in=months)
    lines: list[dict[str, Any]] = [
        {
            "statement": each,
            "payments": PaymentItem.objects.filter(statement=each, active=True)
            .select_related("line__batch")
            .order_by("part"),
        }
        for each in found.order_by("month")
    ]
    told = {each["statement"].month for each in lines}
    return {"lines": lines, "waiting": [month for month in months if month not in told]}


@register.filter
def last_day(until: Any) -> Any:
    """Return the last day of a period that ends at a midnight, for showing."""
    return until and until - timedelta(seconds=1)

"""The letters of a case, as links on its pages."""

from typing import Any

from django import template

from vouchers.letters import letters_of
from vouchers.models import Application

register = template.Library()


@register.inclusion_tag("components/letters.html")
def letter_links(application: Application, address: str) -> dict[str, Any]:
    """Show the letters of a case; ``address`` names the door that gives them out."""
    return {"letters": letters_of(application), "application": application, "address": address}

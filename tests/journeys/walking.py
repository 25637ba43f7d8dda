"""Follow the links of the house as a reader does, one page of each shape."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from django.test import Client

# The people of the demonstration: (who, where they begin, how many pages of one shape they see)
READERS = [
    ("", "/", 1),
    ("sme1", "/portal/", 1),
    ("sme7", "/portal/", 1),
    ("sme9", "/portal/", 1),
    ("sme10", "/portal/", 1),
    ("provider1", "/console/", 1),
    ("provider2", "/console/", 1),
    ("approver", "/office/", 2),
    ("reviewer", "/office/", 1),
    ("finance", "/office/", 1),
    ("auditor", "/office/", 1),
    ("platform", "/office/", 1),
]
PLACEHOLDERS = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"\d{4}-\d{2}"), "<month>"),
    (re.compile(r"\d+"), "<n>"),
)
DEAD = 400
NOT_PAGES = re.compile(
    r"^/(static|api|livez|readyz)|/tile/|\.(pdf|csv|zip|json|txt|xlsx|xml|pem)$|/download/?$"
)


def shape_of(address: str) -> str:
    """Return an address with its ids, months and numbers taken out: one page of a kind."""
    parts = urlsplit(address)
    shape = parts.path
    for pattern, name in PLACEHOLDERS:
        shape = pattern.sub(name, shape)
    keys = sorted(each.split("=")[0] for each in parts.query.split("&") if each)
    return f"{shape}?{'&'.join(keys)}" if keys else shape


class _Links(HTMLParser):
    """Gather where the links of a page lead, but for those that save a file."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "a" and told.get("href") and "download" not in told:
            self.found.append(str(told["href"]))


def links_of(html: str, address: str) -> list[str]:
    """Return the addresses within the house to which a page at ``address`` leads."""
    page = _Links()
    page.feed(html)
    inside = []
    for each in page.found:
        parts = urlsplit(urljoin(address, each))
        if not parts.netloc and not parts.scheme and not NOT_PAGES.search(parts.path):
            inside.append(parts.path + (f"?{parts.query}" if parts.query else ""))
    return inside


def walk(
    reader: Client,
    *starts: str,
    each_shape: int = 1,
    most: int = 150,
    seen: dict[str, int] | None = None,
) -> Iterator[tuple[str, int]]:
    """Ask for page after page, breadth first; yield the address and the status of each.

    Without a browser: whoever wants to look at a page opens it there.

    Args:
        reader: a client, signed in or not.
        starts: where to begin.
        each_shape: how many pages of one shape to ask for.
        most: stop after so many pages.
        seen: shapes that others saw already and how often; what is asked for here is added.
    """
    waiting = list(starts)
    seen = {} if seen is None else seen
    known = set(starts)
    opened = 0
    while waiting and opened < most:
        address = waiting.pop(0)
        shape = shape_of(address)
        if seen.get(shape, 0) >= each_shape:
            continue
        seen[shape] = seen.get(shape, 0) + 1
        answer = reader.get(address, follow=True)
        told = answer.headers
        if answer.status_code >= DEAD:
            yield address, answer.status_code
            continue
        if "text/html" not in told["Content-Type"] or "attachment" in told.get(
            "Content-Disposition", ""
        ):
            continue
        opened += 1
        yield address, answer.status_code
        here = answer.redirect_chain[-1][0] if answer.redirect_chain else address
        for link in links_of(answer.content.decode(), here):
            if link not in known:
                known.add(link)
                waiting.append(link)

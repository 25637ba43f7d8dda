"""Follow the links of the house as a reader does, one page of each shape."""

import re
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

from playwright.sync_api import Error, Page

PLACEHOLDERS = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"\d{4}-\d{2}"), "<month>"),
    (re.compile(r"\d+"), "<n>"),
)
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


def links_on(page: Page) -> list[str]:
    """Return the addresses within the house that the page leads to."""
    found = page.eval_on_selector_all(
        "a[href]:not([download])", "links => links.map(link => link.getAttribute('href'))"
    )
    here = urlsplit(page.url)
    inside = []
    for each in found:
        parts = urlsplit(urljoin(page.url, each))
        if parts.netloc == here.netloc and not NOT_PAGES.search(parts.path):
            inside.append(parts.path + (f"?{parts.query}" if parts.query else ""))
    return inside


def walk(
    page: Page,
    *starts: str,
    each_shape: int = 1,
    most: int = 150,
    seen: dict[str, int] | None = None,
) -> Iterator[str]:
    """Open page after page, breadth first; yield each address while its page is open.

    Args:
        page: an open window, signed in or not.
        starts: where to begin.
        each_shape: how many pages of one shape to open.
        most: stop after so many pages.
        seen: shapes that others saw already and how often; what is opened here is added.
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
        try:
            answer = page.goto(address)
        except Error as error:
            if "Download is starting" in str(error):
                continue
            raise
        opened += 1
        assert answer is not None, address
        assert answer.status < 400, f"{address} answers {answer.status}"
        if "text/html" not in answer.headers.get("content-type", ""):
            continue
        yield address
        for link in links_on(page):
            if link not in known:
                known.add(link)
                waiting.append(link)

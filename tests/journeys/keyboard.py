"""Somebody who has no mouse: reach things by Tab, answer by keys, as seen on the screen."""

import re

from playwright.sync_api import FileChooser, Locator, Page

MOST_STOPS = 120
#: The focus must show: by an outline, a shadow, or a colour of its own (the kit's yellow).
SEEN = """() => { const seen = e => { const s = getComputedStyle(e);
    return s.outlineStyle !== 'none' || s.boxShadow !== 'none'; };
  const e = document.activeElement;
  if (seen(e)) return true;
  const beside = e.labels && e.labels[0] && getComputedStyle(e.labels[0], '::before');
  return beside && (beside.boxShadow !== 'none' || beside.outlineStyle !== 'none'); }"""
TO_THE_TOP = """() => { document.body.tabIndex = -1; document.body.focus();
  document.body.removeAttribute('tabindex'); window.scrollTo(0, 0); }"""
HERE = "(element) => element === document.activeElement"


def past_the_frame(page: Page) -> None:
    """Take the first stop of a page, which leads past the frame."""
    page.evaluate(TO_THE_TOP)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#main", page.url
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main", page.url


def reach(page: Page, wanted: Locator) -> None:
    """Go on from stop to stop until the wanted thing has the focus, and the focus is seen."""
    handle = wanted.first.element_handle()
    for _ in range(MOST_STOPS):
        if page.evaluate(HERE, handle):
            assert page.evaluate(SEEN), f"{page.url}: focus not seen on {wanted}"
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{page.url}: not reached by Tab in {MOST_STOPS} stops: {wanted}")


def enter(page: Page) -> None:
    """Press Enter and wait for the page that comes."""
    with page.expect_navigation():
        page.keyboard.press("Enter")


def press(page: Page, name: str) -> None:
    """Go on to a button of the page itself and press it."""
    reach(page, page.get_by_role("main").get_by_role("button", name=name))
    enter(page)


def use(page: Page, role: str, name: str) -> None:
    """Reach a link or a button of the page itself from its top, and press Enter on it."""
    past_the_frame(page)
    reach(page, page.get_by_role("main").get_by_role(role, name=name))
    enter(page)


def answer(page: Page, label: str, value: str) -> None:
    """Answer one question by keys, whatever kind of control the page chose for it."""
    group = page.get_by_role("group", name=label)
    if group.count():
        chooses(page, group, group.get_by_label(value, exact=True))
        return
    control = page.get_by_label(label).first
    reach(page, control)
    if not page.get_by_role("combobox", name=label).count():
        page.keyboard.press("Control+A")
        page.keyboard.type(value)
        return
    wanted = control.locator("option", has_text=value).first.get_attribute("value")
    for _ in range(control.locator("option").count()):
        if control.input_value() == wanted:
            return
        page.keyboard.press("ArrowDown")
    assert control.input_value() == wanted, f"{label}: {value} cannot be chosen by keys"


def chooses(page: Page, group: Locator, wanted: Locator) -> None:
    """Choose one of several: Tab leads into the group, arrows lead from choice to choice."""
    if wanted.get_attribute("type") == "checkbox":
        reach(page, wanted)
        page.keyboard.press("Space")
        return
    chosen = group.locator("input:checked")
    reach(page, chosen if chosen.count() else group.locator("input").first)
    page.keyboard.press("Space")
    for _ in range(group.locator("input").count()):
        if wanted.is_checked():
            return
        page.keyboard.press("ArrowDown")
    assert wanted.is_checked(), f"{page.url}: {wanted} cannot be chosen by keys"


def _ours(chooser: FileChooser) -> None:
    """Take note of nothing: that somebody listens is what keeps the chooser in the test."""


def uploads(page: Page, place: Locator, content: bytes) -> None:
    """Open the file chooser of a slot by a key, choose a file, press the button beside it.

    The browser is told well before the key that the chooser is ours: on a busy machine a chooser
    that opens earlier would be nobody's.
    """
    page.on("filechooser", _ours)
    past_the_frame(page)
    reach(page, place.locator("input[type=file]"))
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files({"name": "材料.pdf", "mimeType": "application/pdf", "buffer": content})
    page.remove_listener("filechooser", _ours)
    reach(page, place.get_by_role("button", name=re.compile("^上传")))
    enter(page)


def meets_its_errors(page: Page, button: str) -> None:
    """Send a page with nothing in it: the focus is on the summary, whose links lead to fields."""
    past_the_frame(page)
    press(page, button)
    assert page.title().startswith("错误："), page.title()
    assert "govuk-error-summary" in page.evaluate("document.activeElement.className"), page.url
    first = page.locator(".govuk-error-summary a").first
    reach(page, first)
    page.keyboard.press("Enter")
    wanted = first.get_attribute("href")[1:]
    assert page.evaluate("document.activeElement.id") == wanted, f"{page.url}: {wanted}"

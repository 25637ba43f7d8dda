"""Somebody at the pages without a browser: opens, fills in and presses by the words on the page.

A form is sent as it came - hidden fields, the button's own value, the guard against forged requests
in force - so that a step which the pages do not offer cannot be taken here either.
"""

from collections.abc import Iterator
from typing import Any, NoReturn
from urllib.parse import urlencode, urljoin

from django.test import Client
from django.test.html import Element, parse_html

FAULTY, PLAIN = 400, "application/x-www-form-urlencoded"
TICKED, UNSENT = {"checkbox", "radio"}, {"file", "submit"}  # no file is ever attached here
SHOWN = 600  # characters of a page that tell where a story ended


def told(element: Element, name: str) -> str:
    """Return an attribute of an element, empty when it has none."""
    return dict(element.attributes).get(name) or ""


def every(tree: Element, *tags: str) -> Iterator[Element]:
    """Yield the elements of these kinds under another, in the order of the page."""
    for child in tree.children:
        if isinstance(child, Element):
            if child.name in tags:
                yield child
            yield from every(child, *tags)


def words(element: Element) -> str:
    """Return what people see of an element; what only screen readers say is left out."""
    if "visually-hidden" in told(element, "class"):
        return ""
    seen = [each if isinstance(each, str) else words(each) for each in element.children]
    return " ".join(each for each in seen if each)


def choices(select: Element) -> dict[str, str]:
    """Return the words of a list with what each sends; nothing for other controls."""
    return {words(each): told(each, "value") for each in every(select, "option")}


def sends(control: Element) -> str | None:
    """Return what a control that nobody touched sends, None for nothing."""
    given, kind = dict(control.attributes), told(control, "type")
    if not given.get("name") or kind in UNSENT or (kind in TICKED and "checked" not in given):
        return None
    if control.name == "select":
        chosen = [x for x in every(control, "option") if "selected" in dict(x.attributes)]
        return told(chosen[0], "value") if chosen else next(iter(choices(control).values()), "")
    return words(control) or given.get("value") or ("on" if kind in TICKED else "")


class Visitor:
    """Somebody who looks at one page after the other; signed in when there is a user."""

    def __init__(self, user: Any = None) -> None:
        self.client, self.address = Client(enforce_csrf_checks=True), "/"
        self.main = parse_html("<main>nothing was opened</main>")
        if user is not None:
            self.client.force_login(user)

    def open(self, address: str) -> "Visitor":
        return self._see(self.client.get(urljoin(self.address, address), follow=True))

    def follow(self, begin: str) -> "Visitor":
        """Follow the first link whose words begin so."""
        found = [each for each in every(self.main, "a") if words(each).startswith(begin)]
        return self.open(told(found[0], "href") if found else self._miss(f"no link {begin!r}"))

    def offers(self, button: str) -> bool:
        return any(words(each) == button for each in every(self.main, "button"))

    def says(self, text: str) -> "Visitor":
        return self if text in words(self.main) else self._miss(f"it does not say {text!r}")

    def press(self, button: str, answers: dict[str, str] | None = None) -> "Visitor":
        """Press the first button that bears exactly these words, its form's answers filled in."""
        pairs = ((form, x) for form in every(self.main, "form") for x in every(form, "button"))
        found = next((each for each in pairs if words(each[1]) == button), None)
        form, pressed = found or self._miss(f"no button {button!r}")
        sent, name = self._filled(form, answers or {}), told(pressed, "name")
        return self._send(form, sent | ({name: told(pressed, "value")} if name else {}))

    def _filled(self, form: Element, answers: dict[str, str]) -> dict[str, str]:
        controls = list(every(form, "input", "select", "textarea"))
        sent = {told(x, "name"): said for x in controls if (said := sends(x)) is not None}
        ids = {told(x, "id"): x for x in controls}
        fields = {words(x): ids.get(told(x, "for")) for x in every(form, "label")}
        for label, said in answers.items():
            field = fields.get(label) or self._miss(f"no field {label!r} beside the button")
            if told(field, "type") in TICKED:
                said = told(field, "value") or "on"
            known = choices(field) or {said: said}
            sent[told(field, "name")] = known.get(said) or self._miss(f"no choice {said!r}")
        return sent

    def _send(self, form: Element, sent: dict[str, str]) -> "Visitor":
        target, data = urljoin(self.address, told(form, "action")), urlencode(sent)
        if told(form, "method").lower() != "post":
            return self.open(f"{target}?{data}")
        if told(form, "enctype"):  # with room for files: sent in parts
            return self._see(self.client.post(target, sent, follow=True))
        return self._see(self.client.post(target, data, PLAIN, follow=True))

    def _see(self, answer: Any) -> "Visitor":
        """Look at the page that came; what it warns of ends the story in its own words."""
        self.address = answer.request["PATH_INFO"]  # after the last of the redirects
        tree = parse_html(answer.content.decode())
        self.main = next(every(tree, "main"), tree)
        alerts = [words(each) for each in every(tree, "div") if told(each, "role") == "alert"]
        if answer.status_code >= FAULTY or alerts or self.address.startswith("/login/"):
            self._miss(f"it answers {answer.status_code}: {' / '.join(alerts)}")
        return self

    def _miss(self, why: str) -> NoReturn:
        raise AssertionError(f"{self.address}: {why}; the page says: {words(self.main)[:SHOWN]}")

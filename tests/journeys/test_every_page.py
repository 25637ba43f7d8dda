"""Every page of the demonstration month, seen by everybody in it.

Goal: no page has a serious accessibility fault, scrolls sideways on a telephone, or shows a word
that only programmers know. Method: play the demonstration once, then follow every link as each
person; one or two pages of each shape are enough.
"""

import json

import pytest
from django.core.management import call_command
from playwright.sync_api import Page

from tests.journeys.conftest import enter, is_a_good_page
from tests.journeys.walking import walk

pytestmark = pytest.mark.django_db(transaction=True)
# (person, where they begin, how many pages of one shape they look at)
READERS = [
    ("", "/", 1),
    ("sme1", "/portal/", 1),
    ("sme7", "/portal/", 1),
    ("sme9", "/portal/", 1),
    ("provider1", "/console/", 1),
    ("provider2", "/console/", 1),
    ("reviewer", "/office/", 1),
    ("approver", "/office/", 2),
    ("finance", "/office/", 1),
    ("auditor", "/office/", 1),
    ("platform", "/office/", 1),
]
PUBLIC = ("/public/", "/login/", "/?", "/portal/check/")


@pytest.mark.sealer
def test_every_page_of_the_demonstration_is_a_good_page(open_window, settings) -> None:
    call_command("sync_roles", verbosity=0)
    call_command("seed_demo", "--inline", verbosity=0)
    told = json.loads((settings.VAR_DIR / "demo" / "summary.json").read_text(encoding="utf-8"))
    passwords = {each["username"]: each["password"] for each in told["logins"]}
    public_seen: dict[str, int] = {}
    faults: list[str] = []
    for person, start, each_shape in READERS:
        page = open_window()
        if person:
            enter(page, person, passwords[person])
        seen = dict(public_seen)
        for _ in walk(page, start, each_shape=each_shape, seen=seen):
            faults += what_is_wrong(person, page)
        public_seen |= {shape: each_shape for shape in seen if shape.startswith(PUBLIC)}
        assert seen, f"{person} saw nothing"
        page.context.close()
    assert not faults, "\n".join(faults)


def what_is_wrong(person: str, page: Page) -> list[str]:
    """Return what a page lacks, so that one run names every fault of the house."""
    try:
        is_a_good_page(page)
    except AssertionError as fault:
        return [f"{person}: {fault}"]
    return []

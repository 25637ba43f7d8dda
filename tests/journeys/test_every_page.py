"""Every page of the demonstration month, seen by everybody in it.

Goal: no page has a serious accessibility fault, scrolls sideways on a telephone, or shows a word
that only programmers know; in English no page has Chinese left but what people brought in, and its
HTML is well made. Method: play the demonstration once, then follow every link as each person; one
or two pages of each shape are enough. Links are followed without a browser, in which a page is
opened to be looked at; what others with the same pages looked at, a reader passes by, but for the
firms, whose cases stand at different places: two of them look. The English page is read as it came.
"""

import json
from collections import Counter

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from playwright.sync_api import Page

from tests.journeys.conftest import enter, is_a_good_page
from tests.journeys.speaking import brought_in, faults_of
from tests.journeys.walking import DEAD, READERS, shape_of, walk

pytestmark = pytest.mark.django_db(transaction=True)
PUBLIC = ("/public/", "/login/", "/?", "/portal/check/")
LOOKS = {"/office/": 1, "/console/": 1, "/portal/": 2, "/": 1}


@pytest.mark.sealer
def test_every_page_of_the_demonstration_is_a_good_page(open_window, settings) -> None:
    call_command("sync_roles", verbosity=0)
    call_command("seed_demo", "--inline", verbosity=0)
    told = json.loads((settings.VAR_DIR / "demo" / "summary.json").read_text(encoding="utf-8"))
    passwords = {each["username"]: each["password"] for each in told["logins"]}
    public_seen: dict[str, int] = {}
    looked: Counter[str] = Counter()
    faults: list[str] = []
    known = brought_in()
    for person, start, each_shape in READERS:
        page = open_window()
        if person:
            enter(page, person, passwords[person])
        seen = dict(public_seen)
        chinese, english = a_reader(person, "zh-hans"), a_reader(person, "en")
        passed = {shape for shape, readers in looked.items() if readers >= LOOKS[start]}
        mine: set[str] = set()
        for address, status in walk(chinese, start, each_shape=each_shape, seen=seen):
            if status >= DEAD:
                faults.append(f"{person}: a link leads to {address}, which answers {status}")
            if status >= DEAD or shape_of(address) in passed:
                continue
            mine.add(shape_of(address))
            page.goto(address)
            faults += what_is_wrong(person, page)
            told = faults_of(english.get(address, follow=True).content.decode(), known)
            faults += [f"{person}: {address} in English: {each}" for each in told]
        looked.update(mine)
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


def a_reader(person: str, language: str) -> Client:
    """Return a client without a browser for somebody who chose a language."""
    client = Client()
    client.cookies["language"] = language
    if person:
        client.force_login(get_user_model().objects.get(username=person))
    return client

"""The pages about enterprises, and the self-check, in a real browser: wide, narrow, read by axe.

Only what the demonstration does not show; lists and plain pages are walked by test_every_page.
"""

import os
from pathlib import Path

import pytest
from django.conf import settings

from ledger import clock
from tests.journeys.conftest import NARROW, WIDE, is_a_good_page
from tests.vouchers.registers import confirmed, prepared
from tests.vouchers.story import AT, CLERK, OTHER_USCC, USCC, a_draft, an_enterprise, submit
from tests.vouchers.walk import bureau
from vouchers import barring, inquiring, reviewing
from vouchers.proposing import propose_standing

pytestmark = pytest.mark.django_db(transaction=True)
KEEPER = ("view_cases", "review_application", "keep_registers")
PICTURES = os.environ.get("PICTURES_TO", "")


def a_firm_with_a_past():
    """An enterprise with relations, registers, an inquiry and an open case; where to look."""
    confirmed("shareholding", f"{USCC},上海智算科技有限公司,{OTHER_USCC},乙集团,51")
    confirmed("certificate", f"{USCC},上海智算科技有限公司,高新技术企业,GR1,2026-01-01,2028-12-31")
    confirmed("penalty", f"{USCC},上海智算科技有限公司,罚字1号,2026-01-05,")
    waiting = prepared("abnormal", f"{USCC},上海智算科技有限公司,2号,2026-01-05,")
    told = {"actor": CLERK, "at": AT}
    firm = barring.watch_enterprise(an_enterprise(), reason="轻微违规", **told)
    case = reviewing.accept_application(submit(a_draft(firm)), **told)
    inquiry = inquiring.open_inquiry(firm, "other", "x:1", "请核查股权变更。", **told)
    propose_standing(firm, "deregister", reason="拟注销", **told)
    base = "/office/vouchers/"
    return [
        f"{base}enterprises/{firm.pk}/",
        f"{base}registers/{waiting.pk}/",
        f"{base}inquiries/{inquiry.pk}/",
        f"{base}cases/{case.pk}/criteria/",
        "/portal/check/all/?answered=1&district=no&sector=12&employees=900&revenue=90000",
    ]


def test_the_pages_about_enterprises_are_good_pages_and_fit(open_window, live_server) -> None:
    with clock.set_to(AT):
        addresses = a_firm_with_a_past()
        session = bureau("王初审", KEEPER).cookies[settings.SESSION_COOKIE_NAME].value
        page = open_window()
        page.context.add_cookies(
            [{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}]
        )
        for no, address in enumerate(addresses):
            page.goto(address)
            is_a_good_page(page)
            if PICTURES:
                for size, mark in ((WIDE, "wide"), (NARROW, "phone")):
                    page.set_viewport_size(size)
                    path = Path(PICTURES) / f"{no}-{mark}.png"
                    page.screenshot(path=path, full_page=True)
            page.set_viewport_size(WIDE)

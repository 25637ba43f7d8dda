"""The pages of a case in a real browser: readable by everybody, and none wider than a telephone.

Only states that the demonstration does not show; the others are walked by test_every_page.
"""

import os
from datetime import datetime
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.urls import reverse

from ledger import clock
from ledger.identifiers import new_id
from ledger.periods import SHANGHAI
from tests.journeys.conftest import (
    NARROW,
    PASSWORD,
    WIDE,
    enter,
    fits_a_telephone,
    is_readable_by_everybody,
)
from tests.roles import give_group
from tests.vouchers.story import (
    AT,
    CHIEF,
    CLERK,
    OTHER_USCC,
    a_draft,
    a_programme,
    an_enterprise,
    propose,
    submit,
    user_of,
)  # fmt: skip
from tests.vouchers.test_casework import CONTRACT, PRICE, accepted, resubmit, save
from tests.vouchers.test_objecting import TOLD, fresh
from vouchers import fast_tracking, objecting, reviewing, supplementing

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
NOW = datetime(2026, 9, 4, 10, tzinfo=SHANGHAI)
THIRD_USCC = "91310107MA1FYP3K95"


def can_sign_in(name: str, role: str = "") -> str:
    user = user_of(name)
    user.set_password(PASSWORD)
    user.save()
    if role:
        give_group(user, Group.objects.get(name=role))
    return name


def the_stage():
    """One case with a supplement that was answered, one objected to, one refused, one waiting."""
    programme = a_programme()
    asked = accepted(submit(a_draft(an_enterprise(), programme)))
    asked = supplementing.ask_supplement(asked, [PRICE, CONTRACT], actor=CLERK, at=AT)
    other = propose(submit(a_draft(an_enterprise(OTHER_USCC, "上海别家科技有限公司"), programme)))
    notice = reviewing.publish_notice([other], actor=CLERK, at=AT)
    objection = objecting.object_to_notice(
        fresh(other).notice_item, TOLD, actor=CLERK, at=AT, key=new_id()
    )
    objecting.accept_objection(objection, actor=CLERK, at=AT)
    objection = objecting.investigate_objection(
        objection, "dismissed", "调取市级名单，合同编号不同，不属于重复支持。", actor=CLERK, at=AT
    )
    third = an_enterprise(THIRD_USCC, "上海旅程智能科技有限公司")
    refused = accepted(submit(a_draft(third, programme)))
    refused = reviewing.first_review(
        refused,
        "reject",
        reason="合同已由市级资金支持。",
        clause="演示方案第十条",
        actor=CLERK,
        at=AT,
    )
    refused = reviewing.second_review(refused, "agree", actor=CHIEF, at=AT)
    fast_tracking.open_fast_batch(programme, actor=CLERK, at=AT)
    return {"asked": asked, "notice": notice, "objection": objection, "refused": refused}


def look(page, name: str, address: str) -> None:
    page.goto(address)
    is_readable_by_everybody(page)
    folder = os.environ.get("CASE_PICTURES")
    if folder:
        for size, mark in ((WIDE, "wide"), (NARROW, "phone")):
            page.set_viewport_size(size)
            page.screenshot(path=Path(folder) / f"{name}-{mark}.png", full_page=True)
    page.set_viewport_size(WIDE)
    fits_a_telephone(page)
    page.set_viewport_size(WIDE)


def test_the_pages_of_a_case_are_readable_and_fit_a_telephone(open_window):
    call_command("sync_roles", verbosity=0)
    for name, role in ((CLERK.name, "reviewer"), (CHIEF.name, "approver")):
        can_sign_in(name, role)
    with clock.set_to(AT):
        stage = the_stage()
    asked, refused = stage["asked"], stage["refused"]
    with clock.set_to(NOW):
        firm = open_window()
        enter(firm, can_sign_in(f"管理员{asked.enterprise.uscc[-4:]}"))
        look(firm, "portal-supplement", reverse("application", args=[asked.pk]))
        look(firm, "portal-step", reverse("application_step", args=[asked.pk, "need"]))
        other = open_window()
        enter(other, can_sign_in(f"管理员{refused.enterprise.uscc[-4:]}"))
        look(other, "portal-refused", reverse("application", args=[refused.pk]))
        anybody = open_window()
        look(anybody, "public-object", reverse("notice_object", args=[stage["notice"].pk]))
        clerk = open_window()
        enter(clerk, CLERK.name)
        asked = resubmit(save(asked, "need", at=NOW, unit_price_fen="5.60"), at=NOW)
        look(clerk, "office-supplement", reverse("office_supplement", args=[asked.pk]))
        reviewing.first_review(
            asked, "pass", approved_fen=800_000, reason="按合同核减。", internal="已电话核实。",
            actor=CLERK, at=NOW,
        )  # fmt: skip
        chief = open_window()
        enter(chief, CHIEF.name)
        look(chief, "office-decide", reverse("office_decide", args=[asked.pk]))
        look(chief, "office-objection", reverse("office_objection", args=[stage["objection"].pk]))

"""The portal's doors: guide, self-check, enrolment, desk, vouchers; scope and sentences."""

from functools import partial

import pytest

from ledger.balances import statement_page
from ledger.periods import Month
from tests.vouchers.story import (
    AT,
    CLERK,
    OTHER_USCC,
    USCC,
    a_programme,
    a_voucher,
    an_enterprise,
    user_of,
)
from tests.vouchers.walk import at, bureau, of_enterprise, signed_in, text_of
from vouchers import pages, programming, spending
from vouchers.models import Enterprise

pytestmark = pytest.mark.django_db


def test_the_guide_without_a_programme_says_the_service_is_not_open(client):
    answer = client.get("/")
    assert answer.status_code == 200
    assert "服务暂未开放" in text_of(answer)


def test_the_guide_tells_ratio_cap_and_window_of_the_edition(client):
    a_programme()
    with at():
        page = text_of(client.get("/"))
    for words in ("30 %", "500,000.00", "申报期内", "2026年12月31日 17:00", "1,000,000.00"):
        assert words in page


WINDOWS = [
    ("2026-06-01T00:00:00+00:00", "未开始", "2026年7月1日 09:00"),
    ("2027-01-01T00:00:00+00:00", "本窗口已截止", "2027年1月4日 09:00"),
    ("2027-10-01T00:00:00+00:00", "已截止", "申报已经结束"),
]


@pytest.mark.parametrize(("moment", "state", "words"), WINDOWS)
def test_the_guide_knows_the_state_of_the_window(client, moment, state, words):
    a_programme()
    with at(AT.fromisoformat(moment)):
        page = text_of(client.get("/"))
    assert state in page
    assert words in page or state == "已截止"


def test_the_guide_says_when_the_budget_is_used_up(client):
    a_programme(grant_fen=0)
    with at():
        assert "预算已用尽" in text_of(client.get("/"))


def test_the_guide_says_when_the_programme_is_paused(client):
    programming.pause_programme(a_programme(), reason="系统升级", actor=CLERK, at=AT)
    with at():
        assert "暂停受理" in text_of(client.get("/"))


def test_the_self_check_asks_six_questions_one_a_page(client):
    a_programme()
    address = "/portal/check/"
    asked = ""
    for no, answer in enumerate(
        ("district=yes", "sector=12", "employees=36&revenue=820", "purpose=TRAINING",
         "dishonest=no", "applied=no"), start=1,
    ):  # fmt: skip
        page = text_of(client.get(f"{address}?{asked}"))
        assert f"第 {no} 题，共 6 题" in page
        assert page.count("<h1") == 1
        name = ("district", "sector", "people", "purpose", "dishonest", "applied")[no - 1]
        asked += f"&q_{name}=1&{answer}"
    result = text_of(client.get(f"{address}?{asked}"))
    assert "自测结果" in result
    assert "不符合" not in result


CHECKED = [
    ("district=no", "注册地在普陀区", "市级平台"),
    ("dishonest=yes", "失信", "信用修复"),
    ("purpose=STORAGE", "用途", "不在支持范围"),
    ("sector=12&employees=900&revenue=90000", "中小微企业", "划型"),
]


@pytest.mark.parametrize(("told", "title", "hint"), CHECKED)
def test_the_self_check_names_what_does_not_fit_and_never_blocks(client, told, title, hint):
    a_programme()
    done = "&".join(
        f"q_{n}=1" for n in ("district", "sector", "people", "purpose", "dishonest", "applied")
    )
    page = text_of(client.get(f"/portal/check/?{done}&{told}"))
    assert "不符合" in page
    assert title in page
    assert hint in page
    assert "登录并开始申请" in page


def test_not_clear_is_always_an_answer(client):
    a_programme()
    done = "&".join(
        f"q_{n}=1" for n in ("district", "sector", "people", "purpose", "dishonest", "applied")
    )
    page = text_of(client.get(f"/portal/check/?{done}&district=unclear&purpose=unclear"))
    assert page.count("待补充") == 5


@pytest.mark.parametrize("odd", ["employees=" + "9" * 40, "revenue=%00", "sector=zz", "q_people=x"])
def test_odd_answers_to_the_self_check_do_no_harm(client, odd):
    a_programme()
    assert client.get(f"/portal/check/?{odd}").status_code == 200


@pytest.mark.parametrize("address", ["/portal/", "/portal/vouchers/", "/portal/enroll/"])
def test_who_is_not_signed_in_is_led_to_the_login(client, address):
    answer = client.get(address)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/login/")


@pytest.mark.parametrize("address", ["/portal/", "/portal/vouchers/"])
def test_who_has_no_seat_is_led_to_enrolment(address):
    answer = signed_in(user_of("新用户")).get(address)
    assert answer["Location"] == "/portal/enroll/"


def test_enrolment_binds_the_enterprise_to_the_account():
    browser = signed_in(user_of("新用户"))
    with at():
        answer = browser.post("/portal/enroll/", {"name": "上海智算有限公司", "uscc": f" {USCC} "})
        assert answer["Location"] == "/portal/"
        page = text_of(browser.get("/portal/"))
        assert browser.get("/portal/enroll/")["Location"] == "/portal/"
    enterprise = Enterprise.objects.get()
    assert enterprise.uscc == USCC
    assert enterprise.name in page


ENROL = [
    ({"name": "上海智算有限公司", "uscc": "91310107MAFAKE0196"}, 409, "校验码不正确"),
    ({"name": "上海智算有限公司", "uscc": "9131O107MAFAKE0195"}, 409, "很可能是“0”"),
    ({"name": "上海智算有限公司", "uscc": "310107000012345"}, 409, "15 位的旧注册号"),
    ({"name": "上", "uscc": USCC}, 409, "至少两个字"),
    ({"name": "上海\u202e智算", "uscc": USCC}, 409, "看不见的控制字符"),
    ({"name": "", "uscc": USCC}, 422, "必填"),
]


@pytest.mark.parametrize(("told", "status", "words"), ENROL)
def test_enrolment_says_what_is_wrong_and_keeps_what_was_typed(told, status, words):
    answer = signed_in(user_of("新用户")).post("/portal/enroll/", told)
    assert answer.status_code == status
    assert words in text_of(answer)
    assert told["uscc"] in text_of(answer)
    assert not Enterprise.objects.exists()


def test_a_code_that_fails_may_be_sent_for_a_check_by_hand():
    told = {"name": "上海智算有限公司", "uscc": "91310107MAFAKE0196", "insist": "on"}
    signed_in(user_of("新用户")).post("/portal/enroll/", told)
    assert Enterprise.objects.get().uscc_flag == "check_failed"


def test_an_enterprise_can_be_registered_once_only():
    an_enterprise()
    answer = signed_in(user_of("旁人")).post("/portal/enroll/", {"name": "冒名公司", "uscc": USCC})
    assert answer.status_code == 409
    assert "已由“上海智算科技有限公司”登记" in text_of(answer)


def test_bureau_staff_cannot_enrol_an_enterprise():
    browser = bureau("王初审", ("review_application",))
    answer = browser.post("/portal/enroll/", {"name": "自家公司", "uscc": USCC})
    assert answer.status_code == 409
    assert "工作人员" in text_of(answer)


def test_the_desk_offers_to_begin_once():
    enterprise = an_enterprise()
    a_programme()
    browser = of_enterprise(enterprise)
    with at():
        assert "开始申请" in text_of(browser.get("/portal/"))
        browser.post("/portal/apply/")
        page = text_of(browser.get("/portal/"))
    assert "继续填写草稿" in page
    assert "开始申请" not in page


def test_a_voucher_page_shows_where_the_value_is_and_every_movement():
    voucher = a_voucher()
    hold = spending.hold_amount(
        voucher, 500_000, order_ref="o1", provider_ref="p1", expires_at=voucher.valid_until,
        actor=CLERK, at=voucher.issued_at,
    )  # fmt: skip
    spending.redeem(
        hold, 200_000, month=Month(2026, 9), charge_ref="c1", terms={}, compute=0,
        provider_ref="p1", keep_open=True, actor=CLERK, at=voucher.issued_at,
    )  # fmt: skip
    browser = of_enterprise(voucher.enterprise)
    with at(voucher.issued_at):
        page = text_of(browser.get(f"/portal/vouchers/{voucher.pk}/"))
        listed = text_of(browser.get("/portal/vouchers/"))
    for words in ("8,800.00", "3,800.00", "3,000.00", "2,000.00", "发券", "订单占用", "核销"):
        assert words in page
    assert voucher.voucher_no in listed


def test_the_vouchers_page_without_vouchers_says_what_to_do():
    browser = of_enterprise(an_enterprise())
    assert "您还没有算力券" in text_of(browser.get("/portal/vouchers/"))


def test_the_voucher_of_another_enterprise_is_not_there():
    voucher = a_voucher()
    browser = of_enterprise(an_enterprise(OTHER_USCC, "别家公司"))
    assert browser.get(f"/portal/vouchers/{voucher.pk}/").status_code == 404


@pytest.mark.parametrize("address", ["/portal/check/", "/", "/portal/vouchers/", "/portal/"])
def test_reading_pages_refuse_other_methods(address):
    a_programme()
    browser = of_enterprise(an_enterprise())
    assert browser.post(address).status_code == 405


def test_a_long_statement_of_a_voucher_is_read_page_by_page(client, monkeypatch):
    voucher = a_voucher()
    for number in range(3):
        held = spending.hold_amount(
            voucher, 100, order_ref=f"o-{number}", provider_ref="p",
            expires_at=voucher.valid_until, actor=CLERK, at=voucher.issued_at,
        )  # fmt: skip
        spending.release(held, actor=CLERK, at=voucher.issued_at)
    monkeypatch.setattr(pages, "statement_page", partial(statement_page, size=4))
    client.force_login(voucher.enterprise.seats.first().user)
    first = client.get(f"/portal/vouchers/{voucher.pk}/")
    older = first.context["older"]
    assert f"?before={older}" in first.content.decode()
    last = client.get(f"/portal/vouchers/{voucher.pk}/?before={older}")
    titles = [each["title"] for page in (first, last) for each in page.context["movements"]]
    assert titles == ["占用释放", "订单占用"] * 3 + ["发券"]
    assert "回到最新" in last.content.decode()
    assert client.get(f"/portal/vouchers/{voucher.pk}/?before=nonsense").status_code == 200

"""Bad inputs of an application by HTTP, as a table: what is typed, what is told or kept.

Goal: every line of the list of bad inputs (E1 to E25) has an answer a person can act on. Method:
one enterprise, one draft; each line is sent and the draft is looked at again.
"""

import pytest
from django.test import Client

from ledger.identifiers import new_id
from tests.vouchers.story import AT, a_draft, a_programme, an_enterprise, submit, user_of
from tests.vouchers.test_questions import FILLED
from tests.vouchers.walk import at, of_enterprise, signed_in, text_of
from vouchers.models import Application, Enterprise

pytestmark = pytest.mark.django_db
PLANE_2 = "\U00020000"


@pytest.fixture(autouse=True)
def _in_september():
    with at(AT):
        yield


CODES = [  # E1
    ("91310107MAFAKE0196", 409, "第 18 位校验码不正确"),
    ("９１３１０１０７ＭＡＦＡＫＥ０１９５ ", 302, ""),
    ("91310107MAFAKE0195\u3000", 302, ""),
    ("91310107 MAFAKE0195", 409, "去掉"),
    ("91310107MAFAKEO195", 409, "很可能是“0”"),
    ("310107000000001", 409, "15 位的旧注册号"),
    ("", 422, "必填"),
]


def test_a_credit_code_is_trimmed_and_never_corrected():
    for no, (typed, status, words) in enumerate(CODES):
        browser = signed_in(user_of(f"经办{no}"))
        answer = browser.post("/portal/enroll/", {"name": "智算公司", "uscc": typed})
        assert answer.status_code == status, typed
        assert status == 302 or words in text_of(answer), typed
        if status == 302:
            known = Enterprise.objects.filter(uscc="91310107MAFAKE0195")
            assert known.update(uscc=f"{no}" * 18) == 1


TYPED = [  # (step, field, typed, what is kept or None, words of the refusal)
    ("contact", "contact_name", "张", None, "两个字"),  # E9
    ("contact", "contact_name", "名" * 200, None, "最多 100 个字"),
    ("contact", "contact_name", "张😀三", None, "符号"),
    ("contact", "contact_name", f"{PLANE_2}三", f"{PLANE_2}三", ""),
    ("contact", "contact_name", "阿卜杜拉·买买提", "阿卜杜拉·买买提", ""),
    ("contact", "contact_name", "张\u202e三", None, "控制字符"),  # E10
    ("contact", "contact_name", "张\u200b三", None, "控制字符"),
    ("contact", "contact_name", "<b>张三</b>", "<b>张三</b>", ""),  # E11
    ("contact", "contact_phone", "+86 138 1234 5678", "13812345678", ""),  # E13
    ("contact", "contact_phone", "13812345678901234", None, "手机号"),
    ("contact", "contact_mail", "a@b.cn\r\nBcc: x@y.cn", None, "邮箱"),  # E14
    ("contact", "contact_mail", "x@子.example.中国", "x@子.example.中国", ""),
    ("contact", "contact_mail", "a" * 310 + "@b.example", None, "邮箱"),
    ("enterprise", "employees", "1000000000000", None, "不超过"),  # E15
    ("enterprise", "revenue_fen", "很多", None, "万元"),
    ("enterprise", "revenue_fen", "820.5", 820_500_000, ""),
    ("project", "summary", "<svg onload=alert(1)>", "<svg onload=alert(1)>", ""),
    ("need", "contract_no", "ht－2026", "HT-2026", ""),
]


def test_what_is_typed_is_kept_as_meant_or_told_why_not():
    draft = a_draft()
    browser = of_enterprise(draft.enterprise)
    for step, name, typed, kept, words in TYPED:
        draft.refresh_from_db()
        before = draft.answers[step].get(name)
        told = FILLED[step] | {name: typed, "version": str(draft.version)}
        answer = browser.post(f"/portal/apply/{draft.pk}/{step}/", told)
        draft.refresh_from_db()
        if kept is None:
            assert answer.status_code == 422, typed
            assert words in text_of(answer), typed
            assert draft.answers[step].get(name) == before
        else:
            assert answer.status_code == 302, typed
            assert draft.answers[step][name] == kept
    page = text_of(browser.get(f"/portal/apply/{draft.pk}/check/"))
    assert "<svg onload" not in page
    assert "&lt;svg onload" in page


def test_one_enterprise_applies_once_and_nothing_is_changed_after_submitting():
    """E2, E22, E25."""
    done = submit(a_draft(), key=new_id())
    browser = of_enterprise(done.enterprise)
    again = browser.post("/portal/apply/")
    assert again.status_code == 409
    assert done.application_no in text_of(again)
    told = FILLED["contact"] | {"version": str(done.version)}
    late = browser.post(f"/portal/apply/{done.pk}/contact/", told)
    assert late.status_code == 409
    address = f"/portal/apply/{done.pk}/check/"
    answers = {
        browser.post(address, {"version": done.version, "key": str(new_id())}).status_code
        for _ in range(10)
    }
    assert answers <= {302, 409}
    assert Application.objects.exclude(submitted_at=None).count() == 1


def test_a_form_from_nowhere_or_without_measure_is_refused_with_a_page():
    """E18, E19."""
    a_programme()
    firm = an_enterprise()
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(firm.seats.get().user)
    assert careful.post("/portal/apply/").status_code == 403
    flood = signed_in(user_of("新人")).post("/portal/enroll/", {f"f{n}": "1" for n in range(2001)})
    assert flood.status_code == 400
    assert "<h1" in text_of(flood)

"""What registers and other applications say about a case: from the file to the verdict."""

import pytest

from tests.vouchers.registers import confirmed
from tests.vouchers.story import (
    AT,
    CLERK,
    OTHER_USCC,
    USCC,
    a_draft,
    a_programme,
    an_enterprise,
    refused,
    submit,
)
from vouchers import barring, judging, reviewing
from vouchers.facts import preview_verdict
from vouchers.models import CriterionDecision, Enterprise

pytestmark = pytest.mark.django_db
OWN = f"{USCC},上海智算科技有限公司"
THIRD = "91310115MAFAKE06XT"


def outcomes(verdict):
    return {each.code: each.outcome for each in verdict.findings if each.outcome != "pass"}


def changes(verdict, code):
    return next(each.change for each in verdict.findings if each.code == code)


def test_a_clean_case_passes_with_registers_full_of_others():
    confirmed("dishonesty", f"{THIRD},丙公司,1号,2026-01-05,")
    confirmed("large", f"{THIRD},丙公司")
    confirmed("shareholding", f"{OTHER_USCC},乙公司,{THIRD},丙公司,90")
    assert preview_verdict(a_draft(), AT).outcome == "passed"


def test_a_list_of_dishonesty_goes_before_what_the_firm_says_and_tells_from_when_on():
    draft = a_draft()
    confirmed("dishonesty", f"{OWN},1号,2024-01-05,2026-03-01")
    verdict = preview_verdict(draft, AT)
    assert outcomes(verdict) == {"C05": "fail"}
    assert "2026-03-01 已移出名单，自移出之日起满 3 年后" in changes(verdict, "C05")


def test_a_listed_large_owner_makes_a_person_look():
    draft = a_draft()
    confirmed("large", f"{THIRD},丙集团")
    above = f"{OTHER_USCC},乙公司,{THIRD},丙集团,80"
    confirmed("shareholding", f"{OWN},{OTHER_USCC},乙公司,60", above)
    verdict = preview_verdict(draft, AT)
    assert outcomes(verdict) == {"C06": "flag"}
    path = "丙集团直接持股乙公司 80%，乙公司直接持股上海智算科技有限公司 60%"
    assert path in str(verdict.plain())


def test_the_registered_class_decides_the_size_and_a_difference_is_flagged():
    """U20: figures of the tax office against the stated ones; the registered class counts."""
    draft = a_draft()
    confirmed("figures", f"{OWN},2025-12-31,I6420,36,600,1500")
    verdict = preview_verdict(draft, AT)
    assert outcomes(verdict) == {"AF12": "flag"}
    told = str(verdict.plain())
    assert "相差 26.87%" in told
    assert "I6420 属信息传输业" in told


def test_one_contract_serves_one_application():
    programme = a_programme()
    number = {"need": {"contract_no": "ht-2026-１"}}
    first = submit(a_draft(an_enterprise(), programme, **number))
    second = a_draft(an_enterprise(OTHER_USCC, "别家公司"), programme, **number)
    verdict = preview_verdict(second, AT)
    assert outcomes(verdict) == {"AF02": "fail"}
    assert f"合同编号 HT-2026-1：{first.application_no}" in str(verdict.plain())
    confirmed("funding", f"{THIRD},丙,市级补贴,HT-2026-1,,5000.00")
    assert outcomes(preview_verdict(second, AT)) == {"AF02": "fail", "AF02b": "flag"}


def test_money_from_elsewhere_that_was_declared_is_no_finding():
    draft = a_draft(need={"contract_no": "HT-9", "other_funding_fen": "50.00"})
    confirmed("funding", f"{OWN},市级补贴,HT-9,,50.00")
    assert outcomes(preview_verdict(draft, AT)) == {}


def test_the_own_group_is_no_provider_and_related_applicants_are_told():
    programme = a_programme()
    other = an_enterprise(OTHER_USCC, "乙算力有限公司")
    submit(a_draft(other, programme))
    confirmed("shareholding", f"{OWN},{OTHER_USCC},乙算力有限公司,30")
    draft = a_draft(an_enterprise(), programme, need={"provider_wish": "乙算力有限公司"})
    assert outcomes(preview_verdict(draft, AT)) == {"AF01": "flag", "AF03": "fail"}


def test_a_shared_phone_is_a_hint_of_splitting():
    programme = a_programme()
    submit(a_draft(an_enterprise(OTHER_USCC, "乙公司"), programme))
    confirmed("profile", f"{OWN},,,021-1,", f"{OTHER_USCC},乙公司,,,021-1,")
    draft = a_draft(an_enterprise(), programme)
    assert outcomes(preview_verdict(draft, AT)) == {"AF05": "flag"}


def decide(case, code="AF09", **told):
    given = {"met": True, "reason": "已整改", "evidence": "整改报告", "actor": CLERK, "at": AT}
    return judging.decide_criterion(case, code, **given | told)


def support(case, **told):
    given = {"approved_fen": case.requested_fen, "reason": "符合", "actor": CLERK, "at": AT}
    return reviewing.first_review(case, "pass", **given | told)


def test_a_flag_is_settled_by_a_person_with_reason_and_proof():
    firm = barring.watch_enterprise(an_enterprise(), reason="轻微违规", actor=CLERK, at=AT)
    case = submit(a_draft(firm))
    assert case.verdict["outcome"] == "flagged"
    case = reviewing.accept_application(case, actor=CLERK, at=AT)
    with refused("findings_open", "企业状态须人工核查"):
        support(case)
    for told, code in (
        ({"reason": " "}, "reason_missing"),
        ({"evidence": ""}, "evidence_missing"),
        ({"reason": "x\u202e"}, "reason_invalid"),
        ({"code": "C02"}, "criterion_met"),
        ({"code": "Z9"}, "unknown_criterion"),
    ):
        with refused(code):
            decide(case, **told)
    decide(case, met=False)
    with refused("findings_open"):
        support(case)
    decide(case)
    assert support(case).state == "in_second_review"
    assert CriterionDecision.objects.count() == 2
    with refused("wrong_state"):
        decide(case)


def test_a_hard_failure_is_settled_by_nobody():
    case = submit(a_draft(enterprise={"tax_district": "other"}))
    case = reviewing.accept_application(case, actor=CLERK, at=AT)
    with refused("criterion_hard", "不能由人工认定"):
        decide(case, "C03")
    with refused("verdict_failed"):
        support(case)


def test_a_new_verdict_asks_again():
    firm = barring.watch_enterprise(an_enterprise(), reason="轻微违规", actor=CLERK, at=AT)
    case = reviewing.accept_application(submit(a_draft(firm)), actor=CLERK, at=AT)
    decide(case)
    case.verdict_digest = "0" * 64
    case.save()
    with refused("findings_open"):
        support(case)


def test_a_large_firm_keeps_its_voucher_and_gets_no_new_one():
    """U14 at the verdict: the class is judged when applying, never again when issuing."""
    draft = a_draft(enterprise={"employees": "400", "revenue_fen": "20000"})
    verdict = preview_verdict(draft, AT)
    assert outcomes(verdict)["C04"] == "fail"
    assert "从业人员低于 300 人，或营业收入低于 10000 万元" in changes(verdict, "C04")
    assert Enterprise.objects.get().state == "active"

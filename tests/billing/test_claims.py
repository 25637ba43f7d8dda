"""Claims after payment: papers, checks, two persons, the books; one number serves once (AF02)."""

from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from django.db import connection

from billing import settling
from billing.certifying import certificate_data
from billing.claim_rules import Paper, Subject, fault_of, judge
from billing.invariants import INVARIANTS
from billing.models import Certificate, Claim, ClaimPaper
from billing.settling.claim_clock import claim_until
from ledger.actors import system_actor
from ledger.balances import balance
from ledger.chart import redeemed
from ledger.models import LogEntry
from ledger.refusals import Refused
from tests.billing.world import CLOSE_AT, World, fresh, person
from tests.vouchers.story import a_pdf
from vouchers.evidence import Upload
from vouchers.lapsing import lapse_due
from vouchers.models import Notice
from vouchers.spending import voucher_position

DAY = timedelta(days=1)
INVOICE_NO, SERIAL = "24312000000123456789", "ICBC-20261105-0001"
GROSS = 2_200_000  # 8 devices x 500 h x 5.50 yuan
SUBJECT = Subject(
    payer_name="上海智绘（算法）有限公司", payer_uscc="91310107MA1E000001",
    payee_name="普陀智算中心1号", payee_uscc="91310107MA1G000001",
    from_on=date(2026, 10, 1), until_on=date(2027, 4, 1), gross_fen=GROSS,
    today=date(2026, 11, 10),
)  # fmt: skip
GOOD = {
    "kind": "invoice", "code": "", "number": INVOICE_NO, "on": date(2026, 11, 3),
    "amount_fen": GROSS, "payer_name": SUBJECT.payer_name, "payee_name": SUBJECT.payee_name,
}  # fmt: skip
RECEIPT = GOOD | {"kind": "receipt", "number": SERIAL, "on": date(2026, 11, 5)}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"number": "1234567"}, "number"),
        ({"number": "12345678"}, "number"),  # eight digits belong to a code
        ({"code": "3100224130", "number": INVOICE_NO}, "number"),
        ({"code": "31002"}, "code"),
        ({"number": "２４３１２０００００００１２３４５６７"}, "number"),
        ({"amount_fen": 0}, "amount"),
        ({"amount_fen": -1}, "amount"),
        ({"amount_fen": 10**18}, "amount"),
        ({"payer_name": " "}, "payer"),
        ({"kind": "receipt", "number": "1"}, "number"),
        ({"kind": "receipt", "number": "流水号一二三四"}, "number"),
        ({}, None),
        ({"code": "3100224130", "number": "12345678"}, None),
    ],
)
def test_what_a_paper_cannot_say(changes: dict[str, Any], field: str | None) -> None:
    fault = fault_of(Paper(**GOOD | changes))
    assert (fault and fault[0]) == field


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({}, set()),
        ({"payer_name": "上海智绘(算法)有限公司"}, set()),  # brackets of another kind
        ({"payer_name": "上海别家有限公司"}, {"payer"}),
        ({"payer_name": "旧名", "payer_uscc": SUBJECT.payer_uscc}, set()),  # U13: renamed
        ({"payer_uscc": "91310107MA1E000009"}, {"payer"}),
        ({"payee_name": "转售商"}, {"payee"}),
        ({"on": date(2026, 9, 30)}, {"dates"}),
        ({"on": date(2026, 11, 11)}, {"dates"}),
        ({"amount_fen": GROSS - 1}, {"invoiced", "paid"}),  # U17: another currency inside
    ],
)
def test_rules_hold_papers_against_parties_days_and_amounts(
    changes: dict[str, Any], failing: set[str]
) -> None:
    papers = [Paper(**GOOD | changes), Paper(**RECEIPT)]
    found = judge(SUBJECT, papers)
    assert {each.code for each in found if each.outcome == "failed"} == failing
    assert all(each.text for each in found)


def broken() -> dict[str, list[Any]]:
    found = {}
    with connection.cursor() as cursor:
        for name, query in INVARIANTS.items():
            cursor.execute(query)
            if rows := cursor.fetchall():
                found[name] = rows
    return found


class After(World):
    """A programme that pays after payment: two enterprises, each with a final statement."""

    def open(self, mode: str = "CLAIM_AFTER", *, disputed: bool = False) -> None:
        self.make_programme(settlement__mode=mode)
        provider = self.make_provider()
        price = self.make_offering(provider)
        self.clerks, orders = [], []
        for _ in range(2):
            firm = self.make_enterprise()
            order = self.make_order(self.make_voucher(firm), price)
            self.use(order, hours=500)
            orders.append(order)
            self.clerks.append(self.seated(self.seat(f"财务{firm.uscc}", enterprise=firm)))
        close = self.close()
        if disputed:
            first = close.statements.get(order=orders[0])
            settling.object_statement(first, side="enterprise", ordinal=1, reason="机房断电重跑",
                                      actor=self.clerks[0], at=CLOSE_AT)  # fmt: skip
            engineer = self.seated(self.seat("工程师", provider=provider))
            settling.confirm_statement(fresh(first), side="provider", digest=first.digest,
                                       actor=engineer, at=CLOSE_AT)  # fmt: skip
        close = self.approve(close)
        self.statements = [close.statements.get(order=each) for each in orders]

    def paper(self, place: int, **changes: Any) -> Paper:
        statement = self.statements[place]
        said = GOOD | {
            "payer_name": statement.enterprise.name, "payee_name": statement.provider.name,
        }  # fmt: skip
        if changes.get("kind") == "receipt":
            said |= {"number": SERIAL, "on": date(2026, 11, 5)}
        return Paper(**said | changes)


def add(world: After, claim: Claim, place: int, **changes: Any) -> ClaimPaper:
    upload = changes.pop("upload", Upload("凭据.pdf", a_pdf(), "application/pdf"))
    paper = world.paper(place, **changes)
    return settling.add_paper(claim, paper, upload, actor=world.clerks[place], at=AT)


AT = CLOSE_AT + 6 * DAY


def refused(code: str, act: Any, *given: Any, **asked: Any) -> None:
    with pytest.raises(Refused) as caught:
        act(*given, **asked)
    assert caught.value.code == code


@pytest.mark.django_db
def test_a_claim_from_draft_to_certificate_and_its_refusals() -> None:
    world = After()
    world.open()
    statement, other = world.statements
    clerk = world.clerks[0]
    # Closing and approving the month spent nothing; it says what may be claimed.
    assert (statement.state, statement.public_fen, statement.payable_fen) == (
        "approved", 880_000, 0,
    )  # fmt: skip
    assert statement.payee == statement.enterprise
    assert voucher_position(statement.voucher).redeemed == 0
    assert not Certificate.objects.exists()
    assert broken() == {}

    claim = settling.open_claim(statement, actor=clerk, at=AT)
    assert settling.open_claim(statement, actor=clerk, at=AT) == claim
    refused("not_your_statement", settling.open_claim, other, actor=clerk, at=AT)
    refused("claim_too_late", settling.open_claim, statement, actor=clerk,
            at=claim_until(statement))  # fmt: skip
    refused("invoice_missing", settling.submit_claim, claim, actor=clerk, at=AT)
    invoice = add(world, claim, 0)
    refused("paper_used", add, world, claim, 0)
    refused("paper_invalid", add, world, claim, 0, number="1")
    refused("file_type", add, world, claim, 0, number="2" * 20,
            upload=Upload("x.exe", b"MZ", ""))  # fmt: skip
    refused("receipt_missing", settling.submit_claim, claim, actor=clerk, at=AT)
    add(world, claim, 0, kind="receipt")
    # The other enterprise may not use the same invoice; a number dropped from a draft is free.
    theirs = settling.open_claim(other, actor=world.clerks[1], at=AT)
    refused("paper_used", add, world, theirs, 1)
    settling.drop_paper(invoice, actor=clerk, at=AT)
    settling.drop_paper(add(world, theirs, 1), actor=world.clerks[1], at=AT)
    add(world, claim, 0)

    claim = _checked(world, claim)
    _written_off(world, claim)
    _told(fresh(statement))
    _the_other_claim_is_cut_and_refused(world, theirs)


def _checked(world: After, claim: Claim) -> Claim:
    """Hand the first claim in, through a supplement, and check it."""
    clerk, checker = world.clerks[0], world.finance
    claim = settling.submit_claim(claim, actor=clerk, at=AT)
    assert settling.submit_claim(claim, actor=clerk, at=AT).submitted_at == claim.submitted_at
    refused("wrong_state", add, world, claim, 0, number="3" * 20)
    assert {each["outcome"] for each in claim.checks} == {"ok"}
    refused("same_person", settling.check_claim, claim, support=True, note="", actor=clerk, at=AT)
    settling.ask_supplement(claim, text="请补充盖章的发票联，共两页。", actor=checker, at=AT)
    claim = settling.submit_claim(fresh(claim), actor=clerk, at=AT)
    claim = settling.check_claim(claim, support=True, note="", actor=checker, at=AT)
    # By hand: 30 % base and 10 points domestic, at most 40 %, of what was used and paid.
    assert claim.proposed_fen == int(Fraction(GROSS) * Fraction(40, 100)) == 880_000
    return claim


def _written_off(world: After, claim: Claim) -> None:
    """Review the first claim by another person; the books follow."""
    statement, checker, reviewer = claim.statement, world.finance, world.approver
    slug, provider = world.programme.slug, str(statement.provider_id)
    refused("same_person", settling.review_claim, claim, reason="", actor=checker, at=AT)
    claim = settling.review_claim(claim, reason="", actor=reviewer, at=AT)
    assert (claim.state, claim.granted_fen) == ("written_off", 880_000)
    refused("wrong_state", settling.review_claim, claim, reason="", actor=reviewer, at=AT)
    now = fresh(statement)
    assert (now.granted_fen, now.payable_fen, now.state) == (880_000, 880_000, "approved")
    assert balance(now.settlement_account).posted == 880_000
    assert balance(redeemed(slug, provider)).posted == 0
    assert voucher_position(now.voucher).redeemed == 880_000
    told = b"\n".join(bytes(body) for body in LogEntry.objects.values_list("body", flat=True))
    assert checker.id.encode() in told, "the log names the account that checked"
    assert checker.person.encode() not in told, "and never the person behind it"
    assert "880" not in Notice.objects.get(kind="claim_decided").subject
    assert broken() == {}


def _told(now: Any) -> None:
    """The certificate says all of it."""
    said = certificate_data(now)
    assert said is not None
    assert said["certificate_no"] == now.statement_no.replace("JS", "HX")
    assert said["balance"]["after_fen"] == 10_000_000 - 880_000
    assert [each["role"] for each in said["reviewers"]] == ["提请", "签发", "核验", "复核"]
    assert (said["invoices"][0]["number"], said["receipts"][0]["number"]) == (INVOICE_NO, SERIAL)
    assert said["capital"] == "人民币捌仟捌佰元整"
    assert said["status"]["code"] == "valid"
    assert said["formula"][-1]["title"] == "本次核销"


def _the_other_claim_is_cut_and_refused(world: After, theirs: Claim) -> None:
    """The other enterprise paid less, is suspended for a while, refused, claims again in part."""
    clerk, checker, reviewer = world.clerks[1], world.finance, world.approver
    add(world, theirs, 1, number="5" * 20, amount_fen=1_000_000)
    add(world, theirs, 1, kind="receipt", number="BANK-000002", amount_fen=1_000_000)
    claim = settling.submit_claim(theirs, actor=clerk, at=AT)
    # U25: a court freezes the account; the claim waits and its hold lives.
    settling.suspend_claim(claim, reason="法院冻结账户，暂缓办理。", actor=checker, at=AT)
    assert settling.lapse_claims(actor=system_actor("beat"), at=AT + 400 * DAY) == 0
    refused("wrong_state", settling.check_claim, fresh(claim), support=True,
            note="已核对全部凭据无误。", actor=checker, at=AT)  # fmt: skip
    settling.resume_claim(fresh(claim), reason="冻结已解除，恢复办理。", actor=checker, at=AT)
    refused("reason_needed", settling.check_claim, fresh(claim), support=True, note="少",
            actor=checker, at=AT)  # fmt: skip
    claim = settling.check_claim(
        fresh(claim), support=False, note="发票经查为作废发票，不予支持。", actor=checker, at=AT
    )
    settling.send_back_claim(claim, reason="请再核对一次发票状态。", actor=reviewer, at=AT)
    claim = settling.check_claim(
        fresh(claim), support=False, note="发票经查为作废发票，不予支持。", actor=checker, at=AT
    )
    refused("reason_needed", settling.review_claim, claim, reason="", actor=reviewer, at=AT)
    claim = settling.review_claim(claim, reason="发票已作废，不予核销。", actor=reviewer, at=AT)
    assert claim.state == "refused"
    again = settling.open_claim(claim.statement, actor=clerk, at=AT)
    assert again != claim
    add(world, again, 1, number="6" * 20, amount_fen=1_000_000)
    add(world, again, 1, kind="receipt", number="BANK-000002", amount_fen=1_000_000)
    again = settling.submit_claim(again, actor=clerk, at=AT)
    note = "开票和付款少于对账单，按实付核销。"
    again = settling.check_claim(again, support=True, note=note, actor=checker, at=AT)
    again = settling.review_claim(again, reason=note, actor=reviewer, at=AT)
    assert (again.state, again.granted_fen) == ("partial", 400_000)  # 40 % of 10,000 yuan
    hold = again.statement.order.hold
    assert fresh(hold).left_fen == 5_000_000 - 400_000, "the rest stays on the hold"
    assert broken() == {}


@pytest.mark.django_db
def test_a_claim_that_nobody_files_lapses_and_use_after_direct_wants_no_receipt() -> None:
    world = After()
    world.open("DIRECT_AFTER_USE")
    first, second = world.statements
    beat = system_actor("lapse-claims")
    claim = settling.open_claim(first, actor=world.clerks[0], at=AT)
    add(world, claim, 0)
    claim = settling.submit_claim(claim, actor=world.clerks[0], at=AT)
    assert "receipt_present" not in {each["code"] for each in claim.checks}
    until = claim_until(second)
    assert until is not None
    assert settling.lapse_claims(actor=beat, at=until - timedelta(seconds=1)) == 0
    assert settling.lapse_claims(actor=beat, at=until) == 1
    assert settling.lapse_claims(actor=beat, at=until) == 0
    assert (fresh(second).state, fresh(second).granted_fen) == ("paid", 0)
    assert fresh(first).state == "approved", "a claim under way keeps its statement open"
    refused("not_final", settling.open_claim, second, actor=world.clerks[1], at=AT)
    claim = settling.check_claim(claim, support=True, note="", actor=world.finance, at=until)
    claim = settling.review_claim(claim, reason="", actor=person("另一人"), at=until)
    assert claim.granted_fen == 880_000
    assert broken() == {}


def night(at: datetime) -> None:
    """Do what the night does, in its order."""
    beat = system_actor("expire-vouchers")
    settling.lapse_claims(actor=beat, at=at)
    lapse_due(actor=beat, at=at, kept=settling.holds_claimed())


@pytest.mark.django_db
@pytest.mark.parametrize("uphold", [False, True])
def test_an_objection_that_is_decided_late_costs_the_enterprise_no_time(uphold: bool) -> None:
    world = After()
    world.open(disputed=True)
    statement, other = world.statements
    plain = claim_until(other)
    assert plain is not None
    late = plain + 5 * DAY
    refused("objection_open", settling.open_claim, statement, actor=world.clerks[0], at=AT)
    night(late)
    hold = statement.order.hold
    assert (fresh(statement).state, fresh(hold).state) == ("approved", "open")
    assert (fresh(other).state, fresh(other.order.hold).state) == ("paid", "closed")
    settling.resolve_objection(statement.objections.get(), uphold=uphold, resolution="已核实。",
                               actor=world.approver, at=late)  # fmt: skip
    if uphold:
        assert fresh(statement).public_fen == 0
        night(late)
        assert fresh(hold).state == "closed", "nothing is left to be claimed"
        assert broken() == {}
        return
    until = claim_until(fresh(statement))
    assert until == late + 15 * DAY
    night(until - timedelta(seconds=1))
    claim = settling.open_claim(statement, actor=world.clerks[0], at=until - timedelta(seconds=1))
    assert claim.expected_fen == 880_000
    refused("claim_too_late", settling.open_claim, statement, actor=world.clerks[0], at=until)
    night(until)
    assert (fresh(claim).state, fresh(hold).state) == ("lapsed", "closed"), "never handed in"
    assert broken() == {}


@pytest.mark.django_db
def test_what_the_bureau_sends_back_late_can_still_be_answered_and_lapses_unanswered() -> None:
    world = After()
    world.open("DIRECT_AFTER_USE")
    late = (claim_until(world.statements[0]) or AT) + 20 * DAY
    claims = []
    for place in (0, 1):
        claim = settling.open_claim(world.statements[place], actor=world.clerks[place], at=AT)
        add(world, claim, place, number=str(place + 1) * 20)
        claims.append(settling.submit_claim(claim, actor=world.clerks[place], at=AT))
    night(late)
    for each in claims:
        settling.ask_supplement(each, text="请补充盖章的发票联，共两页。",
                                actor=world.finance, at=late)  # fmt: skip
    answered, silent = claims
    until = claim_until(fresh(silent).statement)
    assert until == late + 15 * DAY
    again = settling.submit_claim(fresh(answered), actor=world.clerks[0], at=until - DAY)
    assert again.state == "submitted"
    assert [settling.remind_claimants(until - each * DAY) for each in (8, 7, 6, 1, 0)] == [
        1, 1, 0, 1, 0,
    ]  # fmt: skip
    assert Notice.objects.filter(kind="claim_lapsing").count() == 3
    night(until)
    assert (fresh(silent).state, fresh(answered).state) == ("lapsed", "submitted")
    assert not fresh(silent).papers.filter(active=True).exists(), "its invoice is free again"
    assert fresh(fresh(silent).statement).state == "paid"
    assert "8,800.00" in Notice.objects.get(kind="claim_lapsed").body
    assert broken() == {}

"""Money that has to come back: told, heard, decided by two, got in by cash, set-off or given up."""

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from billing import settling
from billing.interest import interest_days, last_day_to_claim, simple_interest
from billing.models import Clawback, MonthClose, Statement
from ledger import clock
from ledger.balances import balance
from ledger.chart import (
    bank_in,
    clawback_assessed,
    clawback_due,
    clawback_recovered,
    clawback_writeoff,
)
from ledger.models import Transfer
from ledger.periods import Month
from ledger.refusals import Refused
from providers.models import Order
from tests.billing.payments import send
from tests.billing.test_doors import APPROVER, FINANCE, signed_in, staff, text_of
from tests.billing.world import CLOSE_AT, World, fresh, person, small_world
from tests.racing import together

PAID_FEN = 880_000
HEARD = CLOSE_AT + timedelta(days=10)
LATER = CLOSE_AT + timedelta(days=30)
NOVEMBER = Month(2026, 11)


def paid_month() -> tuple[World, MonthClose, Statement]:
    """October is paid: 8,800.00 yuan; a second order runs on into November."""
    world, order = small_world()
    world.make_order(order.voucher, order.price, held_fen=1_000_000, months=2)
    world.use(order, hours=500)
    close = world.approve(world.close())
    world.pay(close)
    return world, close, close.statements.get()


def opened(world: World, statement: Statement, fen: int = 300_000) -> Clawback:
    return settling.open_clawback(
        statement, cause="audit", facts="虚报 200 卡时。", amount_fen=fen,
        actor=world.approver, at=CLOSE_AT,
    )  # fmt: skip


def decided(world: World, case: Clawback, fen: int = 300_000, **said: Any) -> Clawback:
    """Tell, wait, decide by two, serve."""
    settling.notify_facts(case, actor=world.approver, at=CLOSE_AT)
    asked = {"amount_fen": fen, "interest_bp": 0, "ground": "方案第十一条"} | said
    settling.propose_decision(case, **asked, actor=world.approver, at=HEARD)
    settling.decide_clawback(case, actor=person("副局长", "approver"), at=HEARD)
    return settling.serve_decision(case, actor=world.approver, at=HEARD)


def code_of(call: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(Refused) as refused:
        call(*args, **kwargs)
    return refused.value.code


def lies(world: World, case: Clawback) -> tuple[int, ...]:
    """Return what lies in the accounts of claims: due, assessed, recovered, given up, bank."""
    slug = world.programme.slug
    keys = (
        clawback_due(slug, str(case.party.pk)), clawback_assessed(slug), clawback_recovered(slug),
        clawback_writeoff(slug), bank_in(slug),
    )  # fmt: skip
    return tuple(balance(key).posted for key in keys)


@pytest.mark.parametrize(
    ("fen", "bp", "days"), [(300_000, 345, 10), (1, 2_400, 365), (10**12, 0, 99), (999, 1, 1)]
)
def test_interest_is_simple_exact_and_cut_down(fen: int, bp: int, days: int) -> None:
    exact = Fraction(fen) * Fraction(bp, 10_000) * Fraction(days, 365)
    assert simple_interest(fen, bp, days) == exact.numerator // exact.denominator
    assert interest_days(date(2026, 11, 4), date(2026, 11, 14)) == 10
    assert last_day_to_claim(date(2024, 2, 29), 3) == date(2027, 2, 28)


@pytest.mark.django_db
def test_a_claim_is_told_heard_and_decided_by_two() -> None:
    """Five working days from Wednesday 4 November end with Wednesday the 11th."""
    world, _, statement = paid_month()
    told = {"actor": world.approver, "at": CLOSE_AT}
    case = opened(world, statement)
    propose = {"amount_fen": 300_000, "interest_bp": 345, "ground": "方案第十一条"}
    assert code_of(settling.propose_decision, case, **propose, **told) == "step_order"
    case = settling.notify_facts(case, **told)
    assert case.hear_until.isoformat() == "2026-11-11T16:00:00+00:00"
    assert code_of(settling.propose_decision, case, **propose, **told) == "hearing_runs"
    seat = world.seated(world.seat("供方", provider=statement.provider))
    assert (
        code_of(settling.hear_party, case, statement=" ", actor=seat, at=CLOSE_AT) == "text_needed"
    )
    settling.hear_party(case, statement="日志时区不同。", actor=seat, at=CLOSE_AT)
    assert code_of(settling.hear_party, case, statement="再说", actor=seat, at=CLOSE_AT) == (
        "not_to_be_heard"
    )
    for wrong, code in (
        ({"amount_fen": PAID_FEN + 1}, "beyond_received"),
        ({"amount_fen": 0}, "beyond_received"),
        ({"interest_bp": 2_401}, "rate_invalid"),
        ({"ground": ""}, "ground_needed"),
        ({"bar_until": date(2026, 1, 1)}, "bar_end_invalid"),
    ):
        assert code_of(settling.propose_decision, case, **propose | wrong, **told) == code
    settling.propose_decision(case, **propose, **told)
    assert code_of(settling.decide_clawback, case, **told) == "same_person"
    case = settling.decide_clawback(case, actor=person("副局长", "approver"), at=HEARD)
    # 3,000.00 at 3.45 % for 10 days: 300000 * 0.0345 * 10 / 365 = 283.56 fen
    assert (case.interest_days, case.interest_fen, case.claim_fen) == (10, 283, 300_283)
    assert lies(world, case) == (-300_283, 300_283, 0, 0, 0)
    with pytest.raises(IntegrityError), transaction.atomic():
        Clawback.objects.filter(pk=case.pk).update(amount_fen=1)


@pytest.mark.django_db
def test_what_cannot_be_claimed_is_refused() -> None:
    world, _, statement = paid_month()
    asked = {"cause": "audit", "facts": "x", "amount_fen": 1, "actor": world.approver}
    late = CLOSE_AT.replace(year=2029) + timedelta(days=1)
    for wrong, code in (
        ({"cause": "mood"}, "cause_unknown"),
        ({"facts": " "}, "facts_needed"),
        ({"amount_fen": PAID_FEN + 1}, "beyond_received"),
        ({"amount_fen": -1}, "beyond_received"),
        ({"at": late}, "too_late"),
    ):
        given = {"at": CLOSE_AT} | asked | wrong
        assert code_of(settling.open_clawback, statement, **given) == code
    opened(world, statement, PAID_FEN - 1)
    assert code_of(settling.open_clawback, statement, **asked | {"amount_fen": 2}, at=CLOSE_AT) == (
        "beyond_received"
    )
    rest = settling.open_clawback(statement, **asked, at=CLOSE_AT)
    settling.drop_clawback(rest, reason="查无实据", actor=world.approver, at=CLOSE_AT)
    assert settling.net_received_fen(statement) == 1


@pytest.mark.django_db
def test_cash_comes_back_in_parts_and_the_rest_is_given_up_by_two() -> None:
    world, _, statement = paid_month()
    case = decided(world, opened(world, statement))
    told = {"actor": world.cashier, "at": HEARD}
    cash = {"amount_fen": 200_000, "bank_reference": "R-1", "received_on": HEARD.date()}
    settling.record_cash_back(case, **cash, **told)
    settling.record_cash_back(case, **cash, **told)  # asked again
    for wrong, code in (
        ({"amount_fen": 1}, "reference_used"),
        ({"bank_reference": "R-2", "amount_fen": 100_001}, "beyond_claim"),
        ({"bank_reference": ""}, "reference_needed"),
        ({"bank_reference": "R-3", "received_on": date(2027, 1, 1)}, "paid_in_future"),
    ):
        assert code_of(settling.record_cash_back, case, **cash | wrong, **told) == code
    assert code_of(settling.enforce_clawback, case, reason="法院", **told) == "not_due"
    later = {"actor": world.approver, "at": HEARD + timedelta(days=31)}
    settling.enforce_clawback(case, reason="（2026）沪0107执1号", **later)
    assert code_of(settling.write_off_clawback, case, **later) == "not_proposed"
    settling.ask_write_off(case, decision_ref="普财核〔2026〕1号", **told)
    assert code_of(settling.write_off_clawback, case, **told) == "same_person"
    case = settling.write_off_clawback(case, **later)
    assert (case.state, case.given_up_fen, case.left_fen) == ("written_off", 100_000, 0)
    assert lies(world, case) == (0, 0, 200_000, 0, -200_000)
    assert settling.close_clawback(case, **later).state == "closed"
    assert code_of(settling.record_cash_back, case, **cash | {"bank_reference": "R-9"}, **told) == (
        "claim_not_running"
    )


@pytest.mark.django_db
def test_a_claim_is_set_off_against_the_next_payments_of_the_same_party() -> None:
    """U7: part of October is taken back from what November owes; nothing is taken twice."""
    world, _, statement = paid_month()
    case = decided(world, opened(world, statement, 700_000), 700_000)
    november = next_month(world, 100)  # owes 1,760.00
    first = settling.export_payment_list(november, actor=world.cashier, at=LATER)
    line = first.lines.get()
    assert (line.amount_fen, line.offset_fen, first.total_fen) == (0, 176_000, 0)
    assert f"抵扣追回款，案号 {case.case_no}" in first.content
    told = {"actor": world.cashier, "at": LATER}
    over = {"amount_fen": 700_000 - 176_000 + 1, "bank_reference": "R", "received_on": LATER.date()}
    assert code_of(settling.record_cash_back, case, **over, **told) == "beyond_claim"
    assert code_of(settling.ask_write_off, case, decision_ref="x", **told) == "offset_waits"
    settling.drop_batch(first, reason="重做", **told)
    batch = send(world, november, LATER)
    assert (batch.state, batch.lines.get().state, batch.files.count()) == ("paid", "netted", 0)
    case = fresh(case)
    assert (case.offset_fen, case.left_fen) == (176_000, 524_000)
    assert november.statements.get().state == "paid"
    assert lies(world, case) == (-524_000, 524_000, 176_000, 0, 0)
    settling.record_cash_back(case, **over | {"amount_fen": 524_000}, **told)
    assert fresh(case).state == "recovered"
    assert Transfer.objects.filter(code="620").count() == 1


def next_month(world: World, hours: int) -> MonthClose:
    """November is used, closed and approved."""
    order = Order.objects.get(ends_at__gt=NOVEMBER.end_at - timedelta(days=1))
    world.use(order, hours=hours, at=NOVEMBER.start_at + timedelta(days=1))
    return world.approve(world.close(NOVEMBER, at=LATER), at=LATER)


@pytest.mark.django_db
def test_a_refund_after_payment_opens_a_case_for_its_public_share() -> None:
    """U7: of 22,000.00 charged, 40 % public; 1,000.01 refunded is 400.01 (cut up)."""
    world, close, statement = paid_month()
    told = {"proof": "退款单 7 号", "actor": world.approver, "at": CLOSE_AT}
    case = settling.open_refund(statement, refund_fen=100_001, **told)
    exact = Fraction(100_001) * statement.public_fen / statement.gross_fen
    assert (case.cause, case.proposed_fen) == ("refund", -(-exact.numerator // exact.denominator))
    for refund in (0, statement.gross_fen + 1):
        assert code_of(settling.open_refund, statement, refund_fen=refund, **told) == (
            "refund_invalid"
        )
    unpaid = next_month(world, 10).statements.get()
    assert code_of(settling.open_refund, unpaid, refund_fen=1, **told) == "not_paid_yet"
    assert close.month == "2026-10"


@pytest.mark.django_db
def test_a_decision_may_bar_the_enterprise_and_revoke_its_voucher() -> None:
    world, _, statement = paid_month()
    decided(world, opened(world, statement), bar_until=date(2029, 12, 31))
    enterprise, voucher = fresh(statement.enterprise), fresh(statement.voucher)
    assert (enterprise.state, enterprise.barred_until) == ("barred", date(2029, 12, 31))
    assert voucher.state == "revoked"


@pytest.mark.django_db(transaction=True)
def test_two_hands_record_the_same_money_and_two_decide_at_once() -> None:
    world, _, statement = paid_month()
    case = opened(world, statement)
    settling.notify_facts(case, actor=world.approver, at=CLOSE_AT)
    settling.propose_decision(
        case, amount_fen=300_000, interest_bp=0, ground="x", actor=world.approver, at=HEARD
    )
    deciders = [
        lambda n=n: settling.decide_clawback(case, actor=person(f"审批{n}"), at=HEARD).state
        for n in range(3)
    ]
    assert together(*deciders) == {"decided": 3}
    settling.serve_decision(case, actor=world.approver, at=HEARD)

    def pay(number: int) -> str:
        settling.record_cash_back(
            case, amount_fen=200_000, bank_reference=f"R-{number}", received_on=HEARD.date(),
            actor=world.cashier, at=HEARD,
        )  # fmt: skip
        return "booked"

    assert together(*(lambda n=n: pay(n) for n in range(4))) == {"booked": 1, "beyond_claim": 3}
    assert lies(world, case) == (-100_000, 100_000, 200_000, 0, -200_000)


@pytest.fixture
def held_at_close() -> Any:
    with clock.set_to(CLOSE_AT):
        yield


@pytest.mark.django_db
@pytest.mark.usefixtures("held_at_close")
def test_a_case_is_walked_through_its_pages_and_the_party_reads_and_answers() -> None:
    world, _, statement = paid_month()
    chief, other = staff("陈科长", *APPROVER), staff("副局长", *APPROVER)
    page = opens_from_the_page(chief, statement)
    case = Clawback.objects.get()
    party = signed_in(world.seat("李强", provider=statement.provider))
    own = reverse("console_clawback", args=[case.pk])
    assert party.get(own).status_code == 404  # not told yet
    chief.post(page + "notify/")
    assert "提交陈述申辩" in text_of(party.get(own))
    assert party.get(own + "letters/notify.pdf").getvalue().startswith(b"%PDF-")
    party.post(own + "hear/", {"statement": "时区不同"})
    assert "时区不同" in text_of(chief.get(page))
    said = {"amount_fen": "3000.00", "interest_bp": "345", "ground": "方案第十一条"}
    assert "年利率" in text_of(chief.post(page + "propose/", said | {"interest_bp": "x"}), 409)
    chief.post(page + "propose/", said)
    assert "须由另一人审批" in text_of(chief.post(page + "decide/"), 409)
    other.post(page + "decide/")
    other.post(page + "serve/")
    told = text_of(party.get(own))
    assert "汇款附言请注明案号" in told
    assert case.case_no in told
    assert party.get(own + "letters/decide.pdf").getvalue().startswith(b"%PDF-")
    assert party.get(own + "letters/open.pdf").status_code == 404
    cashier = staff("吴出纳", *FINANCE)
    cash = {"amount_fen": "1000.00", "bank_reference": "R-1", "received_on": "2026-11-04"}
    cashier.post(page + "cash/", cash)
    assert fresh(case).cash_fen == 100_000
    assert case.case_no in text_of(cashier.get(reverse("office_clawbacks")))
    stranger = signed_in(world.seat("别家", provider=world.make_provider()))
    assert stranger.get(own).status_code == 404


def opens_from_the_page(chief: Any, statement: Statement) -> str:
    form = {"cause": "audit", "facts": "虚报用量。", "amount_fen": "3000.00"}
    about = reverse("office_clawback_open", args=[statement.pk])
    assert "最多可追回" in text_of(chief.get(about))
    assert "不超过收款方" in text_of(chief.post(about, form | {"amount_fen": "99999.00"}), 409)
    return str(chief.post(about, form).url)

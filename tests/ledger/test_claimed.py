"""The verifier holds claims and payments against the books: forged logs that keep all else."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from ledger import chart
from ledger.chart import TransferCode
from tests.ledger.log_making import booked, bundle, event, introduction, judged
from tests.ledger.making import P, grant, hold, issue, journal, move, post_held, redeemed

STATEMENT = str(uuid4())
ACCOUNT = chart.settlement(P, STATEMENT)
PAID = chart.paid(P, "q1")
ID = str(uuid4())


def owing(fen: int) -> object:
    return journal(move(redeemed(), ACCOUNT, fen, TransferCode.SETTLE), kind="claim.settled")


def paying(fen: int) -> object:
    return journal(move(ACCOUNT, PAID, fen, TransferCode.PAY), kind="payment.made")


def returning(fen: int) -> object:
    return journal(move(PAID, ACCOUNT, fen, TransferCode.BOUNCE), kind="payment.returned")


def redemption(fen: int) -> bytes:
    return event(
        "voucher.redeem", redemption=ID, hold=ID, pending=ID, charge=STATEMENT, month="2026-10",
        amount_fen=str(fen), compute_gflops_s="0",
    )  # fmt: skip


def decision(fen: int, expected: int = 30) -> bytes:
    return event(
        "claim.decided", claim=ID, statement=STATEMENT, outcome="written_off",
        granted_fen=str(fen), expected_fen=str(expected),
    )  # fmt: skip


def certificate(fen: int) -> bytes:
    return event(
        "certificate.issued", certificate=ID, certificate_no="PTSL-HX-2026-000001",
        statement=STATEMENT, version="1", digest="0" * 64, amount_fen=str(fen),
    )  # fmt: skip


def recorded(fen: int) -> bytes:
    return event(
        "payment.recorded", payment=ID, batch=ID, amount_fen=str(fen), paid_on="2026-11-04",
        reference_sha256="0" * 64,
    )  # fmt: skip


def returned(fen: int) -> bytes:
    return event("payment.returned", payment=ID, batch=ID, amount_fen=str(fen))


HONEST = [
    redemption(30), owing(30), decision(30), certificate(30), paying(30), recorded(30),
    returning(30), returned(30), paying(30), recorded(30),
]  # fmt: skip


def log_of(*story: object) -> bytes:
    """Return a signed bundle: 60 on a voucher, 40 held, 30 of it redeemed, and then the story."""
    held, seq = hold(40), 10
    entries = [introduction()]
    for each in (grant(100), issue(60), held, post_held(held, 30), *story):
        seq += 1
        entries.append(each if isinstance(each, bytes) else booked(each, seq))
    return bundle(entries)


def with_other(place: int, *entries: object) -> list[object]:
    return [*HONEST[:place], *entries, *HONEST[place + 1 :]]


def test_an_honest_claim_holds_up_to_each_of_its_steps() -> None:
    for end in (0, 3, 4, 6, 8, 10):
        assert judged(log_of(*HONEST[:end])) == "OK", end
    assert judged(log_of(decision(0), redemption(30), owing(30), decision(30))) == "OK"
    lapsed = event("claim.lapsed", statement=STATEMENT, expected_fen="30")
    assert judged(log_of(lapsed)) == "OK"


@pytest.mark.parametrize(
    ("forged", "said"),
    [
        (lambda: with_other(2, decision(29)), "决定核销 29 分，从券核销 30 分"),
        (lambda: with_other(0, redemption(29)), "决定核销 30 分，从券核销 29 分"),
        (lambda: with_other(0), "决定核销 30 分，从券核销 0 分"),
        (lambda: [redemption(30), owing(20), decision(30)], "决定核销 30 分，账上应付 20 分"),
        (lambda: with_other(2, decision(30), decision(1)), "决定核销不止一次"),
        (lambda: with_other(2, decision(30, 29)), "多于可申请的 29 分"),
        (lambda: with_other(3, certificate(31)), "凭证写的是 31 分"),
        (lambda: [owing(30), event("claim.lapsed", statement=STATEMENT, expected_fen="30")],
         "决定核销 0 分，账上应付 30 分"),
        (lambda: with_other(9), "登记的付款合计 30 分，账上合计 60 分"),
        (lambda: with_other(5, recorded(29)), "登记的付款合计 59 分，账上合计 60 分"),
        (lambda: with_other(7), "登记的退汇合计 0 分，账上合计 30 分"),
    ],
)  # fmt: skip
def test_a_log_that_says_one_thing_and_books_another_is_told(
    forged: Callable[[], list[object]], said: str
) -> None:
    """Signed by the house itself: trees, signatures and every journal hold, the claim does not."""
    answer = judged(log_of(*forged()))
    assert answer.startswith("等式 36：")
    assert said in answer

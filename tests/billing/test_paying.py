"""Pay what is owed: three persons, one payment, a list that no spreadsheet runs."""

import csv
import hashlib
import io
from datetime import timedelta

import pytest

from billing import settling
from billing.models import MonthClose, PaymentBatch, PaymentItem, PaymentLine
from billing.sheets import csv_bytes, safe_cell
from ledger.balances import balance
from ledger.chart import paid
from ledger.models import Transfer
from ledger.refusals import Refused
from tests.billing.payments import send
from tests.billing.world import CLOSE_AT, World, fresh, small_world
from vouchers import barring, inquiring
from vouchers.models import Inquiry

TODAY = CLOSE_AT.date()


@pytest.fixture
def owed(db: None) -> tuple[World, MonthClose]:
    world, order = small_world()
    world.use(order, hours=500)
    second = world.make_order(
        world.make_voucher(world.make_enterprise("=HYPERLINK(1)")),
        world.make_offering(world.make_provider()),
    )
    world.use(second, hours=100)
    return world, world.approve(world.close())


def record(world: World, line: PaymentLine, reference: str = "B-1", **changes: object) -> object:
    asked = {
        "bank_reference": reference, "paid_on": TODAY, "actor": world.cashier, "at": CLOSE_AT,
    } | changes  # fmt: skip
    return settling.record_payment(line, **asked)


def code_of(call: object, *args: object, **kwargs: object) -> str:
    with pytest.raises(Refused) as refused:
        call(*args, **kwargs)
    return refused.value.code


def test_the_list_adds_up_and_carries_its_digest(owed: tuple[World, MonthClose]) -> None:
    world, close = owed
    batch = settling.export_payment_list(close, actor=world.cashier, at=CLOSE_AT)
    assert (batch.count, batch.total_fen) == (2, 880_000 + 176_000)
    assert batch.sha256 == hashlib.sha256(batch.content.encode()).hexdigest()
    rows = list(csv.reader(io.StringIO(batch.content.removeprefix("\ufeff"))))
    assert rows[-1][1:6] == ["合计（2 笔）", "", "", "", "10,560.00"]
    assert rows[-1][-1] == "人民币壹万零伍佰陆拾元整"
    assert "**** **** 0001" in rows[1]
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    assert any(cell.startswith("'=HYPERLINK") for row in rows for cell in row)


def test_a_barred_firm_s_payment_waits_for_a_person_and_the_others_go_on(
    owed: tuple[World, MonthClose],
) -> None:
    """U12: dishonest between approval and payment; the case is opened, nothing is paid twice."""
    world, close = owed
    told = {"actor": world.clerk, "at": CLOSE_AT}
    firms = list(dict.fromkeys(each.enterprise for each in close.statements.all()))
    for firm in firms:
        barring.suspend_enterprise(firm, reason="核查", **told)
    code = code_of(settling.export_payment_list, close, actor=world.cashier, at=CLOSE_AT)
    assert code == "payments_held"
    waiting = list(Inquiry.objects.waiting())
    assert {each.kind for each in waiting} == {"payment"}
    assert "暂缓拨付" in waiting[0].title
    code_of(settling.export_payment_list, close, actor=world.cashier, at=CLOSE_AT)
    assert Inquiry.objects.count() == len(waiting)
    inquiring.decide_inquiry(waiting[0], upheld=False, reason="与本单无关", **told)
    batch = settling.export_payment_list(close, actor=world.cashier, at=CLOSE_AT)
    assert 0 < batch.total_fen <= 880_000 + 176_000


def test_asking_again_gives_the_same_list(owed: tuple[World, MonthClose]) -> None:
    world, close = owed
    first = settling.export_payment_list(close, actor=world.cashier, at=CLOSE_AT)
    assert settling.export_payment_list(close, actor=world.cashier, at=CLOSE_AT) == first
    assert PaymentBatch.objects.count() == 1


def test_the_list_is_released_by_a_third_person(owed: tuple[World, MonthClose]) -> None:
    world, close = owed
    for actor in (world.finance, world.approver):
        assert (
            code_of(settling.export_payment_list, close, actor=actor, at=CLOSE_AT) == "same_person"
        )


def test_nothing_is_listed_before_approval(db: None) -> None:
    world, order = small_world()
    world.use(order, hours=1)
    close = world.close()
    assert (
        code_of(settling.export_payment_list, close, actor=world.cashier, at=CLOSE_AT)
        == "not_approved"
    )


def test_a_payment_is_booked_and_the_statement_paid(owed: tuple[World, MonthClose]) -> None:
    world, close = owed
    line = send(world, close, CLOSE_AT).lines.get(ordinal=1)
    record(world, line)
    statement = line.items.get().statement
    assert (fresh(line).state, fresh(statement).state) == ("paid", "paid")
    account = paid(world.programme.slug, str(line.provider_id))
    assert balance(account).posted == line.amount_fen == 880_000
    assert balance(statement.settlement_account).posted == 0


def test_the_same_record_again_pays_nothing_twice(owed: tuple[World, MonthClose]) -> None:
    world, close = owed
    line = send(world, close, CLOSE_AT).lines.first()
    record(world, line)
    record(world, line)
    assert Transfer.objects.filter(code="420").count() == 1
    assert code_of(record, world, line, "B-2") == "already_paid"
    assert Transfer.objects.filter(code="420").count() == 1


@pytest.mark.parametrize(
    ("reference", "changes", "code"),
    [
        ("", {}, "reference_needed"),
        ("x" * 65, {}, "reference_needed"),
        ("B-9", {"paid_on": TODAY + timedelta(days=1)}, "paid_in_future"),
    ],
)
def test_a_record_that_cannot_be_true_is_refused(
    owed: tuple[World, MonthClose], reference: str, changes: dict[str, object], code: str
) -> None:
    world, close = owed
    line = send(world, close, CLOSE_AT).lines.first()
    assert code_of(record, world, line, reference, **changes) == code
    assert fresh(line).state == "sent"


def test_a_bank_reference_serves_one_payment(owed: tuple[World, MonthClose]) -> None:
    world, close = owed
    first, second = send(world, close, CLOSE_AT).lines.all()
    record(world, first, "B-1")
    assert code_of(record, world, second, "B-1") == "reference_used"


def test_the_approver_does_not_record_payments(owed: tuple[World, MonthClose]) -> None:
    world, close = owed
    line = send(world, close, CLOSE_AT).lines.first()
    assert code_of(record, world, line, actor=world.approver) == "same_person"


def test_a_returned_payment_is_owed_again_and_listed_anew(
    owed: tuple[World, MonthClose],
) -> None:
    world, close = owed
    line = send(world, close, CLOSE_AT).lines.get(ordinal=1)
    record(world, line)
    returned = settling.record_return(line, reason="户名不符", actor=world.cashier, at=CLOSE_AT)
    statement = line.items.get().statement
    assert (returned.state, fresh(statement).state) == ("returned", "approved")
    assert balance(statement.settlement_account).posted == 880_000
    assert code_of(record, world, line, "B-7") == "already_returned"
    again = send(world, close, CLOSE_AT)
    assert (again.batch_no[-2:], again.total_fen) == ("02", 880_000)
    record(world, again.lines.get(), "B-8")
    assert balance(statement.settlement_account).posted == 0
    assert PaymentItem.objects.filter(statement=statement).count() == 2


def test_cells_that_a_spreadsheet_would_run_are_text() -> None:
    risky = ["=1+1", "+1", "-1", "@x", "\t=1", " =1", "\r1", "\n=x"]
    assert all(safe_cell(cell).startswith("'") for cell in risky)
    assert [safe_cell(cell) for cell in ("上海", "1,234.50", "A-1")] == ["上海", "1,234.50", "A-1"]


def test_a_sheet_opens_in_a_spreadsheet() -> None:
    content = csv_bytes(("甲", "乙"), [{"甲": "x,y", "乙": 5}])
    assert content.startswith(b"\xef\xbb\xbf")
    assert content.decode("utf-8-sig") == '甲,乙\r\n"x,y",5\r\n'

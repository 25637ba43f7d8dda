"""A payment list on its way: signed by persons apart, sent once, held back, answered."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import override_settings
from django.urls import reverse

from billing import settling
from billing.bank_files import RESULT_COLUMNS
from billing.models import BankFile, MonthClose, PaymentBatch, PaymentLine, PaymentSign
from ledger.balances import balance
from ledger.chart import paid
from ledger.models import LogEntry, Transfer
from ledger.refusals import Refused
from providers import admitting
from tests.billing.payments import send, sign
from tests.billing.test_doors import APPROVER, FINANCE, staff, text_of
from tests.billing.world import CLOSE_AT, START, World, fresh, person, small_world
from tests.racing import together
from vouchers import barring
from vouchers.models import Inquiry

FIRST_FEN, SECOND_FEN = 880_000, 176_000


def owed_month() -> tuple[World, MonthClose]:
    """Two providers are owed 8,800 and 1,760 yuan for October."""
    world, order = small_world()
    world.use(order, hours=500)
    second = world.make_order(
        world.make_voucher(world.make_enterprise()), world.make_offering(world.make_provider())
    )
    world.use(second, hours=100)
    return world, world.approve(world.close())


def drawn(world: World, close: MonthClose) -> PaymentBatch:
    return settling.export_payment_list(close, actor=world.cashier, at=CLOSE_AT)


def code_of(call: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(Refused) as refused:
        call(*args, **kwargs)
    return refused.value.code


def signed(batch: PaymentBatch, step: str, actor: Any, digest: str = "") -> Any:
    return settling.sign_batch(
        batch, step=step, digest=digest or batch.sha256, actor=actor, at=CLOSE_AT
    )


def answers(file: BankFile, *said: str) -> bytes:
    """Fill the answer form: one word set a line, e.g. ``成功,B-1,2026-11-04,``."""
    rows = settling.answer_form_of(file).decode().split("\r\n")
    filled = [
        row.removesuffix(",,,,") + "," + words for row, words in zip(rows[2:], said, strict=False)
    ]
    return "\r\n".join([*rows[:2], *filled]).encode()


@pytest.mark.django_db
def test_every_signature_is_another_person_and_in_its_order() -> None:
    """H1, H3, H9: own preparation, a stale digest, a step too early: nothing is signed."""
    world, close = owed_month()
    batch = drawn(world, close)
    cleared = person("郑国库")
    table = [
        ("first", world.cashier, "", "same_person"),  # drew it up
        ("first", world.finance, "", "same_person"),  # prepared the month
        ("first", world.approver, "0" * 64, "changed"),
        ("second", world.approver, "", "step_order"),
        ("review", world.finance, "", "step_order"),
        ("clear", cleared, "", "step_order"),
        ("nonsense", world.approver, "", "step_order"),
    ]
    for step, actor, digest, code in table:
        assert code_of(signed, batch, step, actor, digest) == code, step
    told = {"actor": world.cashier, "at": CLOSE_AT}
    assert code_of(settling.send_batch, batch, **told) == "step_order"
    early = {"bank_reference": "B-1", "paid_on": CLOSE_AT.date()} | told
    assert code_of(settling.record_payment, batch.lines.first(), **early) == "step_order"


@pytest.mark.django_db
def test_a_list_goes_through_five_hands_and_no_hand_signs_twice() -> None:
    world, close = owed_month()
    batch = drawn(world, close)
    second, cleared = person("副局长", "approver"), person("郑国库")
    signed(batch, "first", world.approver)
    assert signed(batch, "first", world.approver).signs.count() == 2  # asked again
    assert code_of(signed, batch, "second", world.approver) == "same_person"
    signed(batch, "second", second)
    assert fresh(batch).state == "approved"
    assert code_of(signed, batch, "review", second) == "same_person"
    signed(batch, "review", world.finance)
    assert code_of(signed, batch, "clear", world.finance) == "same_person"
    signed(batch, "clear", cleared)
    assert fresh(batch).state == "finance_approved"
    assert code_of(signed, batch, "clear", person("又一人")) == "step_order"
    assert code_of(settling.send_batch, batch, actor=second, at=CLOSE_AT) == "same_person"
    sent = settling.send_batch(batch, actor=world.cashier, at=CLOSE_AT)
    assert (sent.state, sent.files.get().total_fen) == ("sent", FIRST_FEN + SECOND_FEN)
    assert LogEntry.objects.filter(type="payment.signed").count() == 4
    with pytest.raises(IntegrityError), transaction.atomic():
        PaymentSign.objects.create(
            batch=batch, step="head", digest="x", name="x", person=second.person, signed_at=CLOSE_AT
        )


@pytest.mark.django_db
@override_settings(PAYMENT_HEAD_FROM_FEN=FIRST_FEN + SECOND_FEN)
def test_a_large_sum_takes_the_head_and_a_dropped_list_owes_nothing_twice() -> None:
    world, close = owed_month()
    batch = drawn(world, close)
    assert settling.steps_of(batch) == ("first", "second", "head", "review", "clear")
    signed(batch, "first", world.approver)
    signed(batch, "second", person("副局长", "approver"))
    assert fresh(batch).state == "draft"
    signed(batch, "head", person("局长", "approver"))
    assert fresh(batch).state == "approved"
    told = {"actor": world.cashier, "at": CLOSE_AT}
    assert code_of(settling.drop_batch, batch, reason=" ", **told) == "reason_needed"
    settling.drop_batch(batch, reason="账户待核", **told)
    assert {each.state for each in batch.lines.all()} == {"withdrawn"}
    assert settling.next_step(fresh(batch)) == ""
    again = drawn(world, close)
    assert (again.batch_no[-2:], again.total_fen) == ("02", FIRST_FEN + SECOND_FEN)
    sent = send(world, close, CLOSE_AT)
    assert code_of(settling.drop_batch, sent, reason="晚了", **told) == "wrong_state"


@pytest.mark.django_db
def test_what_changed_after_approval_is_suspended_and_the_others_go() -> None:
    """U12, U25, H11: a new account, a barred firm, a frozen account; two persons let it go."""
    world, close = owed_month()
    batch = sign(world, drawn(world, close), CLOSE_AT)
    told = {"actor": world.cashier, "at": CLOSE_AT}
    first, second = batch.lines.all()
    settling.suspend_payment(second, kind="frozen", reason="（2026）沪0107执保1号", **told)
    type(first.provider).objects.filter(pk=first.provider_id).update(bank_account_last4="9999")
    assert settling.send_batch(batch, **told).state == "finance_approved"  # nothing may go
    assert not batch.files.exists()
    assert [each.state for each in batch.lines.all()] == ["suspended"] * 2
    release = settling.release_payment
    assert code_of(release, first, reason="已核", **told) == "new_approval_needed"
    assert code_of(release, second, reason="", **told) == "reason_needed"
    release(second, reason="法院已解除", **told)
    assert code_of(release, second, reason="同意", **told) == "same_person"
    release(second, reason="", actor=world.finance, at=CLOSE_AT)
    assert settling.send_batch(batch, **told).state == "sent"
    assert batch.files.get().total_fen == SECOND_FEN
    assert code_of(settling.suspend_payment, second, kind="other", reason="x", **told) == (
        "already_sent"
    )
    settling.withdraw_payment(first, reason="账户变更，重新审批", **told)
    anew = drawn(world, close)
    assert (anew.total_fen, anew.lines.get().account_masked[-4:]) == (FIRST_FEN, "9999")
    firm = anew.lines.get().items.get().statement.enterprise
    barring.suspend_enterprise(firm, reason="失信", **told)
    assert settling.send_batch(sign(world, anew, CLOSE_AT), **told).state == "finance_approved"
    hold = anew.lines.get().holds.get()
    assert (hold.kind, Inquiry.objects.waiting().count()) == ("standing", 1)
    line = anew.lines.get()
    release(line, reason="与本单无关", **told)
    release(line, reason="", actor=world.finance, at=CLOSE_AT)
    assert settling.send_batch(anew, **told).files.get().total_fen == FIRST_FEN


@pytest.mark.django_db
def test_a_provider_suspended_in_the_month_meters_on_and_is_paid_only_after_a_check() -> None:
    """U11: what it metered settles as ever; the payment waits until it is readmitted or checked."""
    world = World()
    world.make_programme()
    provider = world.make_provider()
    price = world.make_offering(provider)
    order = world.make_order(world.make_voucher(world.make_enterprise()), price)
    world.use(order, hours=10)
    told = {"actor": world.approver, "at": CLOSE_AT}
    admitting.suspend_provider(provider, reason="核查计量设备", **told)
    world.use(order, hours=10, at=START + timedelta(days=9))
    close = world.approve(world.close())
    assert close.statements.get().records == 2
    batch = sign(world, drawn(world, close), CLOSE_AT)
    assert settling.send_batch(batch, actor=world.cashier, at=CLOSE_AT).state == "finance_approved"
    line = batch.lines.get()
    assert (line.state, line.holds.get().reason) == (
        "suspended", f"服务商{provider.name}已暂停，款项须核查",
    )  # fmt: skip
    settling.release_payment(line, reason="计量设备核查无误", actor=world.cashier, at=CLOSE_AT)
    settling.release_payment(line, reason="", actor=world.finance, at=CLOSE_AT)
    sent = settling.send_batch(batch, actor=world.cashier, at=CLOSE_AT)
    assert sent.files.get().total_fen == close.statements.get().public_fen > 0


@pytest.mark.django_db
def test_the_bank_s_answers_are_compared_shown_and_booked_once() -> None:
    """U15: one payment fails, one comes back; both are owed again and paid once."""
    world, close = owed_month()
    batch = send(world, close, CLOSE_AT)
    file, told = batch.files.get(), {"actor": world.cashier, "at": CLOSE_AT}
    content = answers(file, "处理中,,,", "退汇,B-2,2026-11-04,户名不符")
    result = settling.load_results(file, content, **told)
    assert settling.load_results(file, content, **told) == result
    assert not Transfer.objects.filter(code="420").exists()  # only shown so far
    assert code_of(settling.book_results, result, digest="0" * 64, **told) == "changed"
    settling.book_results(result, digest=result.sha256, **told)
    settling.book_results(result, digest=result.sha256, **told)
    assert [each.state for each in batch.lines.all()] == ["sent", "returned"]
    assert Transfer.objects.filter(code__in=["420", "430"]).count() == 2
    later = settling.load_results(
        file, answers(file, "失败,,,账户销户", "退汇,B-2,2026-11-04,户名不符"), **told
    )
    settling.book_results(later, digest=later.sha256, **told)
    assert (
        fresh(batch).state,
        balance(paid(world.programme.slug, str(batch.lines.first().provider_id))).posted,
    ) == ("partly_returned", 0)
    second = send(world, close, CLOSE_AT)
    assert (second.total_fen, second.count) == (FIRST_FEN + SECOND_FEN, 2)
    file = second.files.get()
    good = settling.load_results(
        file, answers(file, "成功,C-1,2026-11-04,", "成功,C-2,2026-11-04,"), **told
    )
    settling.book_results(good, digest=good.sha256, **told)
    assert fresh(second).state == "paid"
    settling.finish_month(close, actor=world.finance, at=CLOSE_AT)
    assert {each.state for each in close.payments.all()} == {"closed"}


@pytest.mark.django_db
def test_a_bank_file_that_differs_is_refused_whole_with_its_rows() -> None:
    """H10: every cell that somebody changed is told; nothing is booked."""
    world, close = owed_month()
    file = send(world, close, CLOSE_AT).files.get()
    told = {"actor": world.cashier, "at": CLOSE_AT}
    good = answers(file, "成功,B-1,2026-11-04,", "成功,B-2,2026-11-04,").decode()
    first, second = file.batch.lines.all()
    changed = {
        "金额（元）": good.replace('"8,800.00"', "8800.01"),
        "收款户名": good.replace(first.payee_name, "别家公司"),
        "账号后四位": good.replace(",0001,", ",0002,", 1),
        "付款编号": good.replace(first.reference, "PTSL-ZF-2026-10-99-001"),
        "付款文件摘要": good.replace(file.sha256, "0" * 64),
        "结果": good.replace("成功,B-1", "成了,B-1"),
        "银行流水号": good.replace("B-2", "B-1"),
        "交易日期": good.replace("2026-11-04", "2026-11-05", 1),
        "原因": good.replace("成功,B-1,2026-11-04,", "退汇,B-1,2026-11-04,"),
        "列数": good.replace("成功,B-1,2026-11-04,", "成功,B-1"),
        "付款文件被改动": file.content.replace("1,760.00", "1,960.00"),
    }
    for what, text in changed.items():
        assert text != good, what
        assert code_of(settling.load_results, file, text.encode(), **told) == "result_differs"
        found = settling.differences_of(file, text.encode(), CLOSE_AT)
        assert what in {each.what for each in found}, (what, found)
    twice = good + "\r\n" + good.split("\r\n")[2]
    assert code_of(settling.load_results, file, twice.encode(), **told) == "result_differs"
    assert not file.results.exists()
    assert settling.load_results(file, good.encode("gb18030"), **told).rows[0]["word"] == "paid"
    assert (second.state, Transfer.objects.filter(code="420").exists()) == ("sent", False)


@pytest.mark.django_db
def test_what_is_no_results_file_is_told_so() -> None:
    world, close = owed_month()
    file = send(world, close, CLOSE_AT).files.get()
    told = {"actor": world.cashier, "at": CLOSE_AT}
    for content, code in (
        (b"", "result_size"),
        (b"x" * 1_048_577, "result_size"),
        (b"\xff\xff\xff", "result_encoding"),
        (b"a,b\r\nc,d", "result_layout"),
        (",".join(RESULT_COLUMNS).encode(), "result_layout"),
        (b'"open', "result_layout"),
        (file.content.encode(), "result_is_payment_file"),
    ):
        assert code_of(settling.load_results, file, content, **told) == code


def by_hand(world: World, line: PaymentLine, number: int) -> str:
    said = {"bank_reference": f"H-{number}", "paid_on": CLOSE_AT.date()}
    settling.record_payment(line, **said, actor=world.cashier, at=CLOSE_AT)
    return "by hand"


@pytest.mark.django_db(transaction=True)
def test_ten_hands_at_once_list_send_and_pay_once() -> None:
    world, close = owed_month()
    exports = [
        lambda n=n: settling.export_payment_list(
            close, actor=person(f"出纳{n}"), at=CLOSE_AT
        ).batch_no[-2:]
        for n in range(4)
    ]
    assert together(*exports) == {"01": 4}
    batch = close.payments.get()
    sign(world, batch, CLOSE_AT)
    sends = [
        lambda n=n: settling.send_batch(batch, actor=person(f"送{n}"), at=CLOSE_AT).state
        for n in range(3)
    ]
    assert together(*sends) == {"sent": 3}
    file = batch.files.get()
    line = batch.lines.first()
    content = answers(file, "成功,B-1,2026-11-04,", "成功,B-2,2026-11-04,")
    result = settling.load_results(file, content, actor=world.cashier, at=CLOSE_AT)

    def by_file() -> str:
        settling.book_results(result, digest=result.sha256, actor=world.cashier, at=CLOSE_AT)
        return "by file"

    told = together(*(lambda n=n: by_hand(world, line, n) for n in range(3)), by_file, by_file)
    assert told["already_paid"] >= 2
    provider = paid(world.programme.slug, str(line.provider_id))
    assert balance(provider).posted == FIRST_FEN


@pytest.mark.django_db
def test_a_list_is_signed_sent_and_answered_from_its_pages() -> None:
    _, close = owed_month()
    cashier = staff("吴出纳", *FINANCE)
    assert "拨付期限" in text_of(cashier.get(reverse("office_payments", args=["2026-10"])))
    listed = cashier.post(reverse("office_export", args=["2026-10"]))
    batch = fresh(close).payments.get()
    assert listed.url == reverse("office_pay_batch", args=[batch.pk])
    assert batch.sha256 in text_of(cashier.get(listed.url))
    sheet = cashier.get(reverse("office_payment_file", args=[batch.pk]))
    assert sheet.content == batch.content.encode()
    for number, (step, rights) in enumerate(
        (("first", APPROVER), ("second", APPROVER), ("review", FINANCE), ("clear", FINANCE))
    ):
        signs_from_the_page(staff(f"签署{number}", *rights), batch, step)
    sending = reverse("office_pay_batch_send", args=[batch.pk])
    assert "付款文件已生成" in text_of(cashier.post(sending, follow=True))
    assert "没有可以送出的款项" in text_of(cashier.post(sending, follow=True))
    line = answers_from_the_page(cashier, batch)
    pay = reverse("office_pay", args=[line.pk])
    assert "必填" in text_of(cashier.post(pay, {"paid_on": "2026-11-04"}), 409)
    twice = {"bank_reference": "B-9", "paid_on": "2026-11-04"}
    assert "已登记付款" in text_of(cashier.post(pay, twice), 409)
    cashier.post(reverse("office_bounce", args=[line.pk]), {"reason": "户名不符"})
    assert "已退汇" in text_of(cashier.get(listed.url))
    drop = reverse("office_pay_batch_drop", args=[batch.pk])
    assert "没有办理" in text_of(cashier.post(drop, {"reason": "晚了"}), 409)
    assert {each.state for each in PaymentLine.objects.all()} == {"returned", "failed"}


def signs_from_the_page(signer: Any, batch: PaymentBatch, step: str) -> None:
    side = "approve" if step in ("first", "second") else "review"
    asked = {"step": step, "digest": batch.sha256}
    url = reverse(f"office_pay_batch_{side}", args=[batch.pk])
    assert "先核对清单" in text_of(signer.post(url, asked), 409)
    assert signer.post(url, asked | {"seen": "on"}).status_code == 302
    page = text_of(signer.get(reverse("office_pay_batch", args=[batch.pk])))
    assert "您已在这份清单上制表或签署" in page or step == "clear"


def answers_from_the_page(cashier: Any, batch: PaymentBatch) -> PaymentLine:
    """Upload what differs, then what is right; look at it, book it."""
    file = batch.files.get()
    assert cashier.get(reverse("office_bank_file", args=[file.pk])).content == file.content.encode()
    upload = reverse("office_load_results", args=[file.pk])
    assert "请选择要上传" in text_of(cashier.post(upload), 409)
    wrong = answers(file, "成功,B-1,2026-11-04,").replace(b'"8,800.00"', b"1.00")
    told = text_of(cashier.post(upload, {"file": _file(wrong)}), 409)
    assert "不一致" in told
    assert "8,800.00" in told
    good = answers(file, "成功,B-1,2026-11-04,", "失败,,,账户错误")
    shown = cashier.post(upload, {"file": _file(good)})
    assert "尚未入账" in text_of(cashier.get(shown.url))
    assert "请刷新页面" in text_of(cashier.post(shown.url + "book/", {"digest": "x"}), 409)
    cashier.post(shown.url + "book/", {"digest": file.results.get().sha256})
    assert fresh(batch).state == "partly_returned"
    return batch.lines.get(ordinal=1)


def _file(content: bytes) -> Any:
    return SimpleUploadedFile("answers.csv", content, content_type="text/csv")

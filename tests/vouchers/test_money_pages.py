"""The pages of money: wallet, certificate, batches, vouchers of the bureau, allocation, draws."""

import json
import subprocess

import pytest
from django.test import Client
from django.urls import reverse

from ledger.check_codes import grouped
from tests.vouchers.crowd import a_crowd
from tests.vouchers.story import AT, CLERK, a_programme, a_voucher, admin_of
from tests.vouchers.test_dividing import a_revealed_draw, closed, confirm, prepare
from tests.vouchers.test_lapsing import a_held_voucher, redeem
from tests.vouchers.walk import APPROVER, AUDITOR, REVIEWER, at, bureau, of_enterprise, text_of
from vouchers import freezing, lots, pages_money
from vouchers.certificates import certificate
from vouchers.models import IssueBatch, Voucher, VoucherRequest

pytestmark = pytest.mark.django_db
WAN = 1_000_000


def test_the_wallet_shows_what_is_left_for_how_long_and_in_which_order():
    voucher, hold = a_held_voucher()
    redeem(hold, 200_000, voucher.issued_at)
    with at(voucher.valid_until.replace(day=1)):
        page = text_of(of_enterprise(voucher.enterprise).get(reverse("vouchers")))
    assert "先到期的先用" in page
    assert "按您当前用量" in page
    assert "3,800.00" in page
    with at(voucher.issued_at):
        one = text_of(of_enterprise(voucher.enterprise).get(reverse("voucher", args=[voucher.pk])))
    assert "下载算力券凭证" in one
    assert "放弃这张券" in one


def test_a_certificate_is_the_same_paper_twice_and_its_code_is_answered(tmp_path):
    voucher = a_voucher()
    first = certificate(voucher, voucher.issued_at)
    assert first == certificate(voucher, voucher.issued_at)
    path = tmp_path / "c.pdf"
    path.write_bytes(first)
    text = subprocess.run(
        ["pdftotext", "-layout", str(path), "-"], check=True, capture_output=True, text=True
    ).stdout
    for word in (
        voucher.voucher_no,
        "￥8,800.00",
        "人民币捌仟捌佰元整",
        grouped(voucher.check_code),
    ):
        assert word in text
    address = reverse("verify_code", args=[voucher.check_code.lower()])
    with at(voucher.issued_at):
        page = text_of(Client().get(address))
    assert "真实有效" in page
    assert "余额不公开" in page
    with at(voucher.valid_until):
        assert "已过期" in text_of(Client().get(address))
    freezing.freeze_voucher(voucher, reason="核查", actor=CLERK, at=voucher.issued_at)
    with at(voucher.issued_at):
        assert "已冻结" in text_of(Client().get(address))


def test_only_the_owner_opens_a_certificate_and_gives_a_voucher_back():
    voucher = a_voucher()
    firm = of_enterprise(voucher.enterprise)
    address = reverse("voucher_surrender", args=[voucher.pk])
    with at(voucher.issued_at):
        paper = firm.get(reverse("voucher_certificate", args=[voucher.pk]))
        assert paper.content.startswith(b"%PDF")
        assert "放弃后不能恢复" in text_of(firm.get(address))
        assert firm.post(address, {"reason": "不用了"}).status_code == 302
        assert firm.post(address).status_code == 302  # asking again changes nothing
    voucher.refresh_from_db()
    assert voucher.state == "surrendered"


def test_a_batch_goes_through_two_people_and_is_printed():
    programme = a_programme(grant_fen=2 * WAN)
    crowd = a_crowd(programme, 2, WAN)
    first, second = bureau("一号", APPROVER), bureau("二号", APPROVER)
    issue = reverse("office_issue")
    with at():
        page = text_of(first.get(issue))
        assert page.count("余额足够") == 2
        told = {"applications": [str(each.pk) for each in crowd]}
        assert first.post(issue, {}).status_code == 409
        assert first.post(issue, told).status_code == 302
        batch = IssueBatch.objects.get()
        own = reverse("office_issue_batch", args=[batch.pk])
        assert "您是编制人，须由他人发券" in text_of(first.get(own))
        assert "发券后 <strong" in text_of(second.get(own))
        go = reverse("office_issue_batch_issue", args=[batch.pk])
        assert first.post(go).status_code == 409
        assert second.post(go).status_code == 302
        done = text_of(bureau("审计", AUDITOR).get(own))
    numbers = sorted(Voucher.objects.values_list("voucher_no", flat=True))
    assert f"券号 {numbers[0]} 至 {numbers[1]}" in done
    assert "已发券 2 张" in done


def test_a_voucher_is_frozen_by_one_and_revoked_by_two():
    voucher = a_voucher()
    first, second = bureau("初审员", REVIEWER), bureau("审批员", APPROVER)
    own = reverse("office_voucher", args=[voucher.pk])
    with at(voucher.issued_at):
        assert voucher.voucher_no in text_of(first.get(reverse("office_vouchers")))
        freeze = reverse("office_voucher_freeze", args=[voucher.pk])
        assert first.post(freeze, {"reason": " "}).status_code == 409
        assert first.post(freeze, {"reason": "核查 1 号"}).status_code == 302
        ask = reverse("office_voucher_ask", args=[voucher.pk])
        assert first.post(ask, {"kind": "x"}).status_code == 409
        assert first.post(ask, {"kind": "revoke", "reason": "虚假"}).status_code == 302
        request = VoucherRequest.objects.get()
        assert "您是经办人" in text_of(first.get(own))
        decide = reverse("office_voucher_decide", args=[voucher.pk, request.pk])
        assert second.post(decide, {"agree": "yes"}).status_code == 302
        assert "已撤销" in text_of(second.get(own))


def test_a_draw_is_prepared_on_its_page_and_checked_by_anybody(tmp_path):
    programme, seed, _ = a_revealed_draw()
    first, second = bureau("一号", APPROVER), bureau("二号", APPROVER)
    page, act = (
        reverse(name, args=[programme.pk])
        for name in ("office_allocation", "office_allocation_act")
    )
    public = reverse("draw", args=[seed.pk])
    with at(closed(programme)):
        assert "分配确认后" in text_of(Client().get(public))
        assert first.post(act, {"button": "prepare", "window": "1"}).status_code == 302
        run = programme.runs.get()
        told = {"button": "confirm", "run": str(run.pk), "digest": run.digest}
        assert "您是试算人" in text_of(first.get(page))
        assert first.post(act, told).status_code == 409
        assert second.post(act, told).status_code == 302
        assert second.post(act, {"button": "x"}).status_code == 409
        assert run.run_no in text_of(Client().get(public))
        data = Client().get(reverse("draw_list", args=[seed.pk])).content
        checker = Client().get(reverse("draw_checker")).content
    assert lots.faults_of(json.loads(data)) == []
    assert b"voucher-lot/1" in checker


def test_the_page_of_first_come_shows_the_line():
    programme = a_programme(grant_fen=WAN)
    a_crowd(programme, 2, WAN)
    chief = bureau("一号", APPROVER)
    with at():
        act = reverse("office_allocation_act", args=[programme.pk])
        assert chief.post(act, {"button": "reserve"}).status_code == 302
        page = text_of(chief.get(reverse("office_allocation", args=[programme.pk])))
    assert "先到先得" in page
    assert "PTSLQ-2026-900001" in page
    assert pages_money.allocation_page(programme, "", AT)["reserved_count"] == 1


def test_somebody_who_may_only_look_changes_nothing():
    voucher = a_voucher()
    auditor = bureau("审计", AUDITOR)
    with at(voucher.issued_at):
        own = text_of(auditor.get(reverse("office_voucher", args=[voucher.pk])))
        assert "提请另一人审批" not in own
        freeze = auditor.post(reverse("office_voucher_freeze", args=[voucher.pk]), {"reason": "x"})
    assert freeze.status_code == 403
    assert admin_of(voucher.enterprise).id


def test_confirmed_runs_are_told_on_the_page():
    programme, _, _ = a_revealed_draw()
    run = confirm(prepare(programme))
    told = pages_money.allocation_page(programme, "", closed(programme))
    assert told["windows"][0]["confirmed"] == [run]

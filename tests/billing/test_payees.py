"""Where a payee's money goes: filed by both kinds, compared by the bureau, kept by lists."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from billing import settling
from billing.models import PaymentLine, Statement
from ledger import clock
from ledger.refusals import Refused
from tests.billing.payments import sign
from tests.billing.test_claims import AT, After, add
from tests.billing.test_doors import signed_in, text_of
from tests.billing.world import World, fresh, small_world
from tests.roles import SUPERUSER, as_role
from vouchers.banking import confirm_account, file_account
from vouchers.succeeding import rename_enterprise

pytestmark = pytest.mark.django_db
NUMBER = "310015504000500012"
BANK = "示例银行上海市普陀支行"


@pytest.fixture(autouse=True)
def _claim_time() -> Any:
    with clock.set_to(AT):
        yield


def keeper(name: str) -> Client:
    """Return a browser of somebody who keeps registers at the bureau."""
    user = get_user_model().objects.create_user(
        username=name, password="x", display_name=name, person_hash=f"person-{name}"
    )
    with as_role(SUPERUSER):
        user.user_permissions.set(Permission.objects.filter(codename="keep_registers"))
    return signed_in(user)


def written_off() -> tuple[After, Statement]:
    """A claim of an enterprise that has no account yet, written off."""
    world = After()
    world.open()
    statement, clerk = world.statements[0], world.clerks[0]
    claim = settling.open_claim(statement, actor=clerk, at=AT)
    add(world, claim, 0)
    add(world, claim, 0, kind="receipt")
    claim = settling.submit_claim(claim, actor=clerk, at=AT)
    claim = settling.check_claim(claim, support=True, note="", actor=world.finance, at=AT)
    settling.review_claim(claim, reason="", actor=world.approver, at=AT)
    return world, fresh(statement)


def filed_on_the_page(payee: Any, client: Client, side: str = "portal") -> Any:
    told = {"holder": payee.name, "bank_name": BANK, "number": NUMBER}
    assert client.post(reverse(f"{side}_payee_file"), told).url == reverse(f"{side}_payee")
    return payee.accounts.waiting().get()


def confirmed_on_the_page(account: Any, client: Client) -> None:
    told = {"number": NUMBER, "evidence": "基本存款账户信息"}
    url = reverse("office_payee_confirm", args=[account.pk])
    assert client.post(url, told).status_code == 302


def drawn(world: World, statement: Statement) -> Any:
    return settling.export_payment_list(fresh(statement.close), actor=world.cashier, at=AT)


def code_of(act: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(Refused) as refused:
        act(*args, **kwargs)
    return refused.value.code


def test_a_claim_is_paid_to_the_account_the_enterprise_filed_and_the_bureau_confirmed() -> None:
    world, statement = written_off()
    firm = statement.enterprise
    portal = signed_in(world.seat("企业管理员", enterprise=firm))
    claim = text_of(portal.get(reverse("portal_claim", args=[statement.pk])))
    assert reverse("portal_payee") in claim
    assert "没有核对过的收款账户" in text_of(portal.get(reverse("portal_payee")))
    batch = drawn(world, statement)
    step = {"step": "first", "digest": batch.sha256, "actor": world.approver, "at": AT}
    assert code_of(settling.sign_batch, batch, **step) == "account_changed", "未登记"
    settling.drop_batch(batch, reason="账户未登记", actor=world.cashier, at=AT)
    confirmed_on_the_page(filed_on_the_page(firm, portal), keeper("核对人"))
    assert "尚未登记收款账户" not in text_of(
        portal.get(reverse("portal_claim", args=[statement.pk]))
    )
    batch = sign(world, drawn(world, statement), AT)
    sent = settling.send_batch(batch, actor=world.cashier, at=AT)
    line, file = sent.lines.get(), sent.files.get()
    assert (line.payee, line.amount_fen, line.account_masked) == (firm, 880_000, "**** **** 0012")
    assert line.account_id == firm.accounts.in_force().pk
    assert all(each in file.content for each in (firm.name, BANK, '"8,800.00"'))
    assert NUMBER not in file.content + batch.content
    assert statement.provider.name not in file.content


def test_another_account_with_the_same_end_or_another_name_is_never_paid_unseen() -> None:
    """H11: bank and last four digits are alike; the filing is another, so approval is anew."""
    world, statement = written_off()
    firm = statement.enterprise
    told: dict[str, Any] = {"actor": world.clerks[0], "at": AT}
    agreed: dict[str, Any] = {"evidence": "开户许可证", "actor": world.approver, "at": AT}
    named = {"holder": firm.name, "bank_name": BANK}
    confirm_account(file_account(firm, number=NUMBER, **named, **told), number=NUMBER, **agreed)
    batch = sign(world, drawn(world, statement), AT)
    other = "9999" + NUMBER
    filed = file_account(firm, number=other, **named, **told)
    assert settling.signing.account_fault(batch.lines.get()) == "", "it only waits"
    confirm_account(filed, number=other, **agreed)
    assert settling.send_batch(batch, actor=world.cashier, at=AT).state == "finance_approved"
    line = batch.lines.get()
    assert (line.state, line.holds.get().kind) == ("suspended", "account")
    release = {"reason": "已核", "actor": world.cashier, "at": AT}
    assert code_of(settling.release_payment, line, **release) == "new_approval_needed"
    settling.withdraw_payment(line, **release)
    rename_enterprise(
        firm, name="上海新名有限公司", document_no="准1号", effective_on=AT.date(),
        actor=world.clerk, at=AT,
    )  # fmt: skip
    fault = settling.signing.account_fault(drawn(world, statement).lines.get())
    assert "须按现名称重新登记" in fault
    with pytest.raises(IntegrityError), transaction.atomic():
        PaymentLine.objects.update(account_id=filed.pk)


def test_a_provider_files_by_the_same_page_and_only_administrators_do() -> None:
    world, _ = small_world()
    provider = world.providers[0]
    before = provider.bank_account_last4
    admin = world.seat("供方管理员", provider=provider)
    console = signed_in(admin)
    account = filed_on_the_page(provider, console, "console")
    page = text_of(console.get(reverse("console_payee")))
    assert "等待核对" in page
    assert NUMBER not in page
    assert reverse("console_payee") in text_of(console.get(reverse("console_statements")))
    same = {"holder": "张三", "bank_name": BANK, "number": NUMBER}
    told = text_of(console.post(reverse("console_payee_file"), same), 409)
    assert f"户名必须与登记名称一致：{provider.name}" in told
    assert fresh(provider).bank_account_last4 == before
    confirmed_on_the_page(account, keeper("核对人"))
    assert fresh(provider).bank_account_last4 == "0012"
    clerk = world.seat("经办", enterprise=world.enterprises[0])
    clerk.enterprise_seats.update(role="enterprise_clerk")
    portal = signed_in(clerk)
    assert "由本单位管理员登记" in text_of(portal.get(reverse("portal_payee")))
    assert portal.post(reverse("portal_payee_file"), same).status_code == 403


def test_the_bureau_sees_what_waits_types_the_number_and_may_decline() -> None:
    world, _ = small_world()
    firm = world.enterprises[0]
    portal = signed_in(world.seat("企业管理员", enterprise=firm))
    office = keeper("核对人")
    assert "没有等待核对的账户" in text_of(office.get(reverse("office_payees")))
    account = filed_on_the_page(firm, portal)
    url = reverse("office_payee", args=[account.pk])
    assert url in text_of(office.get(reverse("office_payees")))
    page = text_of(office.get(url))
    assert "**** **** 0012" in page
    assert NUMBER not in page
    confirm = reverse("office_payee_confirm", args=[account.pk])
    slip = {"number": "310015504000500021", "evidence": "凭证"}
    assert "与登记的账号不一致" in text_of(office.post(confirm, slip), 409)
    assert "请写明核对了什么凭证" in text_of(office.post(confirm, {"number": NUMBER}), 409)
    assert portal.post(confirm, slip).status_code == 403
    decline = reverse("office_payee_decline", args=[account.pk])
    assert "请写明不予通过的理由" in text_of(office.post(decline, {}), 409)
    assert office.post(decline, {"reason": "凭证缺页"}).url == url
    assert "凭证缺页" in text_of(portal.get(reverse("portal_payee")))
    assert "请刷新页面" in text_of(office.post(confirm, slip), 409)

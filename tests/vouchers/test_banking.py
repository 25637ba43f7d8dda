"""Accounts of payees: one files, another compares with the paper; nothing filed is changed."""

from dataclasses import replace
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.test import override_settings

from ledger.models import LogEntry
from ledger.refusals import Refused
from tests.vouchers import story
from vouchers.abstaining import declare_conflict
from vouchers.banking import bare_number, confirm_account, decline_account, file_account
from vouchers.models import Enterprise, EnterpriseAccount, Notice

pytestmark = pytest.mark.django_db
NUMBER = "31001550400050001234"
BANK = "示例银行上海市普陀支行"
AT = story.AT


def firm() -> Enterprise:
    found: Enterprise = Enterprise.objects.create(
        name="上海智绘（算法）有限公司", uscc=story.OTHER_USCC, registered_at=AT
    )
    return found


def filed(payee: Enterprise, number: str = NUMBER, actor: Any = story.CLERK) -> Any:
    return file_account(payee, holder=payee.name, bank_name=BANK, number=number, actor=actor, at=AT)


def code_of(act: Any, *args: Any, **kwargs: Any) -> tuple[str, str]:
    with pytest.raises(Refused) as refused:
        act(*args, **kwargs)
    return refused.value.code, refused.value.field


CONFIRM: dict[str, Any] = {"number": NUMBER, "evidence": "基本存款账户信息", "at": AT}


def test_a_filed_account_counts_once_a_second_person_typed_its_number() -> None:
    payee = firm()
    account = filed(payee, "3100 1550-4000 ５０００ 1234")
    assert (account.last4, account.masked) == ("1234", "**** **** 1234")
    assert NUMBER not in account.number_closed
    payee.refresh_from_db()
    assert (payee.bank_name, payee.bank_account_last4) == ("", "")
    confirm_account(account, actor=story.CHIEF, **CONFIRM)
    payee.refresh_from_db()
    assert (payee.bank_name, payee.bank_account_last4) == (BANK, "1234")
    assert payee.accounts.in_force() == account
    kinds = LogEntry.objects.filter(type__startswith="payee.").order_by("id")
    assert [each.type for each in kinds] == ["payee.file", "payee.confirm"]
    assert not any(NUMBER[-8:] in bytes(each.body).decode() for each in kinds)
    told = Notice.objects.filter(kind__startswith="payee_").order_by("id")
    assert [each.kind for each in told] == ["payee_filed", "payee_confirmed"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"holder": "张三"}, ("holder_differs", "holder")),
        ({"holder": "上海智绘算法有限公司"}, ("holder_differs", "holder")),
        ({"bank_name": "工行"}, ("bank_invalid", "bank_name")),
        ({"number": "1234567"}, ("number_invalid", "number")),
        ({"number": "1" * 33}, ("number_invalid", "number")),
        ({"number": "3100155040005000123X"}, ("number_invalid", "number")),
        ({"number": ""}, ("number_invalid", "number")),
    ],
)
def test_what_is_not_the_firm_s_own_account_is_refused(
    changes: dict[str, str], code: tuple[str, str]
) -> None:
    payee = firm()
    told = {"holder": payee.name, "bank_name": BANK, "number": NUMBER} | changes
    assert code_of(file_account, payee, **told, actor=story.CLERK, at=AT) == code
    assert not EnterpriseAccount.objects.exists()


def test_brackets_of_another_width_are_the_same_name() -> None:
    payee = firm()
    told = {"holder": "上海智绘(算法) 有限公司", "bank_name": BANK, "number": NUMBER}
    account = file_account(payee, **told, actor=story.CLERK, at=AT)
    assert account.holder == payee.name


def test_confirming_takes_another_person_the_same_number_and_a_paper() -> None:
    payee = firm()
    account = filed(payee)
    own = story.CLERK
    assert code_of(confirm_account, account, actor=own, **CONFIRM)[0] == "same_person"
    slip = CONFIRM | {"number": NUMBER[:-1] + "5"}
    assert code_of(confirm_account, account, actor=story.CHIEF, **slip)[0] == "number_differs"
    bare = CONFIRM | {"evidence": " "}
    assert code_of(confirm_account, account, actor=story.CHIEF, **bare)[0] == "evidence_missing"
    Enterprise.objects.filter(pk=payee.pk).update(name="新名")
    fresh = EnterpriseAccount.objects.get()
    assert code_of(confirm_account, fresh, actor=story.CHIEF, **CONFIRM)[0] == "holder_differs"
    assert EnterpriseAccount.objects.get().outcome == ""


def test_nobody_decides_for_a_payee_they_sit_at_or_are_tied_to() -> None:
    payee = firm()
    account = filed(payee)
    member = story.user_of("企业里的人")
    payee.seats.create(user=member, role="enterprise_clerk", active=False)
    colleague = story.staff("同一个人", person=member.person_hash)
    relative = story.user_of("亲属")
    tied = replace(story.staff("亲属", person=relative.person_hash), id=str(relative.pk))
    declare_conflict(payee, relative, relation="配偶在该企业任职", actor=tied, at=AT)
    for actor, code in ((colleague, "own_organisation"), (tied, "conflict_of_interest")):
        assert code_of(confirm_account, account, actor=actor, **CONFIRM)[0] == code
        asked = {"reason": "凭证缺页", "actor": actor, "at": AT}
        assert code_of(decline_account, account, **asked)[0] == code
    assert EnterpriseAccount.objects.get().outcome == ""


def test_a_change_is_a_new_row_and_the_account_in_force_stays_until_it_is_confirmed() -> None:
    payee = firm()
    first = filed(payee)
    assert filed(payee) == first, "asked again"
    confirm_account(first, actor=story.CHIEF, **CONFIRM)
    assert code_of(filed, payee)[0] == "account_same"
    slip, right = filed(payee, "9" * 12), filed(payee, "9" * 13)
    slip.refresh_from_db()
    assert (slip.outcome, payee.accounts.waiting().get()) == ("replaced", right)
    told = {"actor": story.CHIEF, "at": AT}
    assert code_of(decline_account, right, reason="", **told)[0] == "reason_missing"
    decline_account(right, reason="凭证是另一家的", **told)
    assert code_of(decline_account, right, reason="再来", **told)[0] == "already_decided"
    again = {"number": "9" * 13, "evidence": "x", **told}
    assert code_of(confirm_account, right, **again)[0] == "already_decided"
    payee.refresh_from_db()
    assert (payee.accounts.in_force(), payee.bank_account_last4) == (first, "1234")
    assert payee.accounts.count() == 3


def test_the_database_keeps_what_was_filed_and_the_two_persons() -> None:
    account = filed(firm())
    rows = EnterpriseAccount.objects.filter(pk=account.pk)
    decided = {"outcome": "confirmed", "decided_at": AT, "evidence": "x"}
    for change in (
        {"last4": "9999"},
        {"holder": "张三"},
        {**decided, "decided_person": account.filed_person},
        {**decided, "decided_person": ""},
        {"outcome": "confirmed"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.delete()
    rows.update(**decided, decided_person="someone-else")
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(outcome="declined")


def test_a_number_closed_under_a_key_that_is_gone_is_filed_anew() -> None:
    payee = firm()
    with override_settings(SECRET_KEY="another key, now lost", SECRET_KEY_FALLBACKS=[]):
        account = filed(payee)
    assert code_of(confirm_account, account, actor=story.CHIEF, **CONFIRM)[0] == (
        "number_unreadable"
    )
    again = filed(payee)
    confirm_account(again, actor=story.CHIEF, **CONFIRM)
    assert payee.accounts.in_force() == again


def test_a_number_is_read_as_it_is_printed() -> None:
    assert bare_number(" 3100-1550 ４０００ ") == "310015504000"

"""The bureau's page of the checks: who sees it, who ends safe mode, what it says."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import call_command

from ledger import incidents
from ledger.actors import Actor, system_actor
from ledger.invariants import Finding
from tests.ledger.making import AT
from tests.roles import give_group

pytestmark = pytest.mark.django_db

PAGE = "/office/books/"
JOB = system_actor("check-books")
FOUND = [Finding("balance_drift", "7", "1100:p-2026: stored 1 summed 2")]
BANNER = "核销、结算与付款已暂停"


@pytest.fixture
def people(client):
    """Give a function that signs somebody of a role in."""
    call_command("sync_roles", verbosity=0)

    def enter(role: str, person: str = ""):
        user = get_user_model().objects.filter(username=role).first()
        if user is None:
            user = get_user_model().objects.create_user(
                username=role, display_name=role, person_hash=person or f"person-{role}"
            )
            give_group(user, Group.objects.get(name=role))
        client.force_login(user)
        return client

    return enter


def text_of(answer) -> str:
    return answer.content.decode()


def test_a_quiet_house_says_so_and_lists_its_nights(people):
    incidents.keep_result([], 41, actor=JOB, at=AT)
    page = text_of(people("auditor").get(PAGE))
    assert "正常" in page
    assert "2026-10-01 09:02" in page or "2026年10月1日" in page
    assert ">41<" in page
    assert BANNER not in page
    assert ">申请解除</button>" not in page


def test_an_empty_house_has_no_nights_yet(people):
    assert "还没有核对记录" in text_of(people("platform").get(PAGE))


@pytest.mark.parametrize("role", ["approver", "auditor", "finance", "platform"])
def test_the_finding_is_shown_to_whoever_may_look(people, role):
    incidents.keep_result(FOUND, 41, actor=JOB, at=AT)
    page = text_of(people(role).get(PAGE))
    for words in (BANNER, "balance_drift", "stored 1 summed 2", incidents.digest_of(FOUND)):
        assert words in page
    assert (">申请解除</button>" in page) == (role in ("approver", "auditor"))


@pytest.mark.parametrize("role", ["reviewer"])
def test_others_do_not_see_the_page_but_are_warned(people, role):
    incidents.keep_result(FOUND, 41, actor=JOB, at=AT)
    assert people(role).get(PAGE).status_code == 403
    page = text_of(people(role).get("/office/vouchers/"))
    assert BANNER in page
    assert PAGE not in page


def test_the_warning_stands_on_the_pages_of_the_bureau_alone(people):
    incidents.keep_result(FOUND, 41, actor=JOB, at=AT)
    assert BANNER in text_of(people("auditor").get("/office/"))
    assert BANNER not in text_of(people("auditor").get("/public/log/"))


@pytest.mark.parametrize("role", ["finance", "platform", "reviewer"])
def test_who_may_only_look_changes_nothing(people, role):
    request = incidents.ask_to_close(
        incidents.open_incident(FOUND, actor=JOB, at=AT),
        reason="x", actor=system_person("approver"), at=AT,
    )  # fmt: skip
    assert people(role).post(f"{PAGE}ask/", {"reason": "y"}).status_code == 403
    digest = {"digest": request.incident.digest}
    assert people(role).post(f"{PAGE}requests/{request.pk}/confirm/", digest).status_code == 403
    assert incidents.safe_mode()


def system_person(name: str) -> Actor:
    return Actor(kind="user", id=name, name=name, role="safe_mode", person=f"person-{name}")


def test_safe_mode_is_ended_by_one_who_asks_and_another_who_confirms(people):
    incident = incidents.open_incident(FOUND, actor=JOB, at=AT)
    asked = people("approver").post(f"{PAGE}ask/", {"reason": "已查清：备份恢复"}, follow=True)
    assert "须由另一自然人确认" in text_of(asked)
    address = f"{PAGE}requests/{incident.requests.get().pk}/confirm/"
    digest = {"digest": incident.digest}
    own = people("approver").post(address, digest, follow=True)
    assert "您是申请人，须由另一自然人确认解除" in text_of(own)
    assert "确认解除" in text_of(people("auditor").get(PAGE))
    done = text_of(people("auditor").post(address, digest, follow=True))
    assert "安全模式已解除" in done
    assert BANNER not in done
    assert "已查清：备份恢复" in done
    assert not incidents.safe_mode()


def test_a_request_without_a_reason_is_shown_again(people):
    incidents.open_incident(FOUND, actor=JOB, at=AT)
    for reason, status in ((" ", 422), ("长" * 1001, 409)):
        answer = people("auditor").post(f"{PAGE}ask/", {"reason": reason})
        assert answer.status_code == status
        assert "请写明已查清的原因" in text_of(answer)
    assert "选填" not in text_of(answer)


def test_nothing_is_asked_where_nothing_is_open(people):
    answer = people("auditor").post(f"{PAGE}ask/", {"reason": "x"}, follow=True)
    assert "无须解除" in text_of(answer)
    missing = f"{PAGE}requests/00000000-0000-7000-8000-000000000000/confirm/"
    assert people("auditor").post(missing).status_code == 404


def test_words_of_a_reason_are_shown_as_they_are(people):
    incident = incidents.open_incident(FOUND, actor=JOB, at=AT)
    people("approver").post(f"{PAGE}ask/", {"reason": "<script>alert(1)</script>"})
    assert "<script>alert(1)" not in text_of(people("auditor").get(PAGE))
    assert incident.requests.count() == 1

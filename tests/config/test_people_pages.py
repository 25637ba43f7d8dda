"""The pages about people: members, invitations, accounts and roles, standing in, ties."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.db import DatabaseError, transaction
from django.test import Client

from config.models import Delegation, Invitation, RoleGrant, User
from ledger import clock
from tests.billing.world import World
from tests.config.entry import PASSWORD, officer, sign_in, someone
from tests.vouchers import story
from vouchers.models import ConflictDeclaration, EnterpriseSeat

pytestmark = pytest.mark.django_db
MEMBERS, PEOPLE = "/portal/members/", "/office/people/"
LINK = re.compile(r"http://testserver(/account/invitations/[\w-]+/)")


def entered(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def firm():
    """An enterprise with an administrator and a clerk who may not submit."""
    enterprise = story.a_voucher().enterprise
    admin, clerk = someone("admin"), someone("clerk")
    EnterpriseSeat.objects.create(user=admin, enterprise=enterprise, role="enterprise_admin")
    EnterpriseSeat.objects.create(
        user=clerk, enterprise=enterprise, role="enterprise_clerk", may_submit=False
    )
    return enterprise, entered(admin), entered(clerk)


def invite(client, where=MEMBERS, role="enterprise_clerk", **more):
    told = {"name": "新同事", "email": "new@example.org", "role": role} | more
    return client.post(f"{where}invite/", told)


def test_an_invitation_is_shown_once_mailed_and_used_once(firm, django_capture_on_commit_callbacks):
    enterprise, admin, _ = firm
    with django_capture_on_commit_callbacks(execute=True):
        shown = invite(admin).content.decode()
    link = LINK.search(shown).group(1)
    assert LINK.search(mail.outbox[0].body).group(1) == link
    assert link.split("/")[-2] not in str(Invitation.objects.values().get())
    assert not LINK.search(admin.get(MEMBERS).content.decode()), "only once"
    newcomer = someone("newcomer")
    stranger = Client().get(link)
    assert f"/login/?next={link}" in stranger.content.decode()
    assert entered(newcomer).post(link)["Location"] == "/enter/"
    seat = enterprise.seats.get(user=newcomer)
    assert (seat.role, seat.may_submit, seat.submits) == ("enterprise_clerk", False, False)
    assert entered(someone("second")).post(link).status_code == 410
    assert entered(someone("third")).get("/account/invitations/guessed/").status_code == 410


def test_an_invitation_ends_by_withdrawal_and_by_time(firm):
    _, admin, _ = firm
    link = LINK.search(invite(admin).content.decode()).group(1)
    made = Invitation.objects.get()
    admin.post(f"{MEMBERS}invitations/{made.pk}/withdraw/")
    assert entered(someone("late")).get(link).status_code == 410
    other = LINK.search(invite(admin).content.decode()).group(1)
    with clock.set_to(clock.now() + timedelta(days=7)):
        assert Client().get(other).status_code == 410
    for change in ({"role": "enterprise_admin"}, {"expires_at": clock.now() + timedelta(days=99)}):
        with pytest.raises(DatabaseError), transaction.atomic():
            Invitation.objects.update(**change)


def test_an_officer_or_a_provider_cannot_come_in_as_an_enterprise(firm):
    enterprise, admin, _ = firm
    link = LINK.search(invite(admin).content.decode()).group(1)
    world = World(programme=enterprise.vouchers.get().programme, enterprises=[enterprise])
    engineer = world.seat("engineer", provider=world.make_provider())
    sides = [officer("chen", "reviewer"), engineer]
    for user in sides:
        answer = entered(user).post(link)
        assert answer.status_code == 409
        assert "同一自然人" in answer.content.decode()
    assert Invitation.objects.get().accepted_at is None


def test_only_an_administrator_manages_and_only_their_own_people(firm):
    enterprise, admin, clerk = firm
    assert invite(clerk).status_code == 403
    assert "由本单位管理员办理" in clerk.get(MEMBERS).content.decode()
    theirs = enterprise.seats.get(user__username="clerk")
    world = World(programme=enterprise.vouchers.get().programme, enterprises=[enterprise])
    others = world.seat("elsewhere", enterprise=world.make_enterprise())
    foreign = others.enterprise_seats.get()
    assert admin.post(f"{MEMBERS}{foreign.pk}/remove/").status_code == 404
    assert entered(others).post(f"{MEMBERS}{theirs.pk}/remove/").status_code == 404
    signed = Client()
    sign_in(signed, "clerk", PASSWORD)
    assert signed.get(MEMBERS).status_code == 200
    admin.post(f"{MEMBERS}{theirs.pk}/remove/")
    assert signed.get(MEMBERS)["Location"].startswith("/login/"), "their session has ended"
    own = enterprise.seats.get(user__username="admin")
    admin.post(f"{MEMBERS}{own.pk}/remove/")
    own.refresh_from_db()
    assert own.active, "nobody removes themselves"


def test_a_clerk_hands_in_only_if_the_administrator_let_them(firm):
    enterprise, _, clerk = firm
    application = enterprise.applications.get()
    answer = clerk.post(f"/portal/applications/{application.pk}/withdraw/")
    assert answer.status_code == 409
    assert "须由企业管理员办理" in answer.content.decode()


def test_a_role_goes_through_the_pages_of_two_offices():
    platform = entered(officer("zhou", "platform"))
    approver, auditor = entered(officer("wang", "approver")), entered(officer("sun", "auditor"))
    link = LINK.search(invite(platform, PEOPLE, "reviewer").content.decode()).group(1)
    newcomer = someone("chen")
    client = entered(newcomer)
    client.post(link)
    grant = RoleGrant.objects.get()
    assert client.get("/office/vouchers/").status_code == 403, "not yet"
    confirm = f"{PEOPLE}grants/{grant.pk}/confirm/"
    assert auditor.post(confirm).status_code == 403
    platform.post(confirm)
    grant.refresh_from_db()
    assert grant.confirmed_at is None
    assert "等待确认" in approver.get(PEOPLE).content.decode()
    approver.post(confirm)
    assert entered(User.objects.get(pk=newcomer.pk)).get("/office/vouchers/").status_code == 200
    platform.post(f"{PEOPLE}accounts/{newcomer.pk}/switch/", {"reason": "人员离职"})
    newcomer.refresh_from_db()
    assert not newcomer.is_active
    assert auditor.get(PEOPLE).status_code == 200
    assert auditor.post(f"{PEOPLE}grants/{grant.pk}/end/", {"reason": "x"}).status_code == 403


def test_standing_in_goes_through_the_page_and_is_told_with_the_name():
    giver, taker = officer("wang", "approver"), officer("chen", "reviewer")
    client = entered(giver)
    told = {"right": "vouchers.decide_application", "taker": str(taker.pk), "reason": "出差三天"}
    day = (clock.now() + timedelta(days=3)).date().isoformat()
    assert (
        client.post("/office/standing/delegations/", told | {"last_day": "yesterday"}).status_code
        == 422
    )
    client.post("/office/standing/delegations/", told | {"last_day": day})
    made = Delegation.objects.get()
    theirs = entered(taker)
    shown = theirs.get("/office/standing/delegations/").content.decode()
    assert f"{giver.display_name}委托" in shown
    third = entered(officer("zhao", "reviewer"))
    assert third.post(f"/office/standing/delegations/{made.pk}/end/").status_code == 404
    theirs.post(f"/office/standing/delegations/{made.pk}/end/")
    made.refresh_from_db()
    assert made.ended_by_name == taker.display_name


def test_a_tie_is_declared_and_ended_on_the_page():
    enterprise = story.a_voucher().enterprise
    officer_user = officer("chen", "reviewer")
    client, chief = entered(officer_user), entered(officer("wang", "approver"))
    where, told = "/office/standing/conflicts/", {"relation": "配偶在该企业任职"}
    unknown = client.post(where, told | {"enterprise": "没有这家"})
    assert "没有找到" in unknown.content.decode()
    client.post(where, told | {"enterprise": enterprise.uscc})
    made = ConflictDeclaration.objects.get()
    assert client.post(f"{where}{made.pk}/end/", {"reason": "自行解除"}).status_code == 403
    chief.post(f"{where}{made.pk}/end/", {"reason": "已核实离职证明"})
    made.refresh_from_db()
    assert made.ended_at is not None

"""The one table of roles, and the database that follows it."""

from io import StringIO

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import CommandError, call_command

from config import roles
from config.models import User
from config.roles import ROLE_TITLES, ROLES

#: Roles are brought in with the migrations, by the owner: the application cannot widen a right.
pytestmark = [pytest.mark.django_db, pytest.mark.superuser]


def sync(**options) -> str:
    out = StringIO()
    call_command("sync_roles", stdout=out, stderr=out, **options)
    return out.getvalue()


def rights_of(role: str) -> set[str]:
    pairs = Group.objects.get(name=role).permissions.values_list(
        "content_type__app_label", "codename"
    )
    return {f"{app}.{codename}" for app, codename in pairs}


def test_every_right_of_the_table_is_declared_by_a_model():
    sync(strict=True)


@pytest.mark.parametrize("role", ROLES)
def test_a_group_holds_exactly_the_rights_of_its_role(role):
    sync()
    Group.objects.get(name=role).permissions.add(Permission.objects.get(codename="delete_session"))
    sync()
    assert rights_of(role) == set(ROLES[role])


def test_every_role_has_a_name_for_people():
    assert set(ROLE_TITLES) == set(ROLES)


def test_somebody_in_a_group_has_its_rights():
    sync()
    user = User.objects.create(username="w", person_hash="w")
    user.groups.add(Group.objects.get(name="auditor"))
    assert user.has_perm("ledger.inspect_log")
    assert not user.has_perm("billing.release_payment")


def test_a_right_that_no_model_declares_is_refused_when_strict(monkeypatch):
    monkeypatch.setitem(roles.ROLES, "auditor", ("billing.print_money",))
    assert "billing.print_money" in sync()
    with pytest.raises(CommandError):
        sync(strict=True)


def test_platform_people_hold_no_right_over_money_or_decisions():
    business = {"vouchers", "billing"}
    assert not [right for right in ROLES["platform"] if right.split(".")[0] in business]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("vouchers.review_application", "vouchers.decide_application"),
        ("providers.propose_rate", "providers.approve_rate"),
        ("billing.prepare_settlement", "billing.approve_settlement"),
        ("billing.release_payment", "billing.approve_settlement"),
    ],
)
def test_no_single_role_does_both_halves_of_a_step_for_two(one, other):
    assert not [role for role, rights in ROLES.items() if {one, other} <= set(rights)]


def test_an_auditor_only_looks_and_stands_for_the_end_of_safe_mode():
    """A file of the cases is a look too: it changes none of them, and the log notes it."""
    more_than_looks = {
        right
        for right in ROLES["auditor"]
        if right.split(".")[1].split("_")[0] not in {"view", "inspect"}
    }
    assert more_than_looks == {"ledger.lift_safe_mode", "vouchers.export_cases"}

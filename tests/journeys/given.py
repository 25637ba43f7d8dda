"""What is there before a journey begins: people, a programme with money."""

import hashlib
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import call_command

from ledger import clock
from ledger.actors import Actor
from tests.journeys.conftest import PASSWORD
from tests.roles import give_group
from tests.vouchers.story import published
from vouchers.issuing import grant_budget
from vouchers.models import Programme
from vouchers.programming import load_edition

BUDGET_FEN = 500_000_000
BUREAU = {
    "li": ("李受理", "reviewer"),
    "zhao": ("赵审定", "approver"),
    "sun": ("孙审定", "approver"),
    "zhou": ("周财务", "finance"),
    "qian": ("钱出纳", "finance"),
    "zheng": ("郑国库", "finance"),
    "wu": ("吴审计", "auditor"),
}
EDITION = Path(settings.BASE_DIR) / "vouchers" / "editions" / "putuo-demo-2026.toml"


def given_a_person(username: str, name: str, *, natural_person: str = "") -> Any:
    """Open an account; two accounts with the same ``natural_person`` belong to one human."""
    person = hashlib.sha256((natural_person or username).encode()).hexdigest()
    return get_user_model().objects.create_user(
        username, password=PASSWORD, display_name=name, person_hash=person
    )


def given_the_bureau() -> dict[str, Any]:
    """Seat the people of the bureau, each in one role."""
    call_command("sync_roles", verbosity=0)
    people = {}
    for username, (name, role) in BUREAU.items():
        people[username] = given_a_person(username, name)
        give_group(people[username], Group.objects.get(name=role))
    return people


def acting(user: Any, role: str) -> Actor:
    """Return a person of the story as the acts know them."""
    return Actor(
        kind="user", id=str(user.pk), name=user.display_name, role=role, person=user.person_hash
    )


def given_a_programme_with_money(bureau: dict[str, Any]) -> Programme:
    """Publish the demonstration edition and take its budget in, by two people."""
    chief, finance = acting(bureau["zhao"], "approver"), acting(bureau["zhou"], "finance")
    at = clock.now()
    programme = load_edition(EDITION.read_text(encoding="utf-8"), actor=chief, at=at)
    programme = published(programme, at)
    grant_budget(
        programme,
        BUDGET_FEN,
        document_no="普财预〔2026〕1号",
        approved_by=chief,
        actor=finance,
        at=at,
    )
    return programme

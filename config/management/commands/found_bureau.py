"""Give the first platform administrator and the first approver of a new house their roles.

``manage.py found_bureau USERNAME=platform USERNAME=approver``. The accounts exist already (opened
on the sign-up page). Everybody after them is invited on the page of accounts, by two persons; the
database refuses a second founding.
"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, transaction

from config.granting import confirm_role, found_role, propose_role
from config.models import User
from ledger import clock
from ledger.actors import Actor, system_actor
from ledger.refusals import Refused

FOUNDERS = ("platform", "approver")


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("people", nargs="+", metavar="USERNAME=ROLE")
        parser.add_argument(
            "--demonstration",
            action="store_true",
            help="let the founders sign for all others as well: invented people only",
        )

    @transaction.atomic
    def handle(self, *args: object, **options: Any) -> None:
        founders: dict[str, User] = {}
        for word in options["people"]:
            name, _, role = word.partition("=")
            user = User.objects.filter(username=name).first()
            if user is None:
                raise CommandError(f"no account {name}: open it on the sign-up page first")
            try:
                self._give(user, role, founders, may_sign=options["demonstration"])
            except (Refused, DatabaseError) as error:
                raise CommandError(f"{word}: {error}") from error
            if options["verbosity"]:
                self.stdout.write(f"{name}: {role}")

    def _give(self, user: User, role: str, founders: dict[str, User], *, may_sign: bool) -> None:
        now = clock.now()
        if role in FOUNDERS and role not in founders:
            found_role(user, role, actor=system_actor("founding"), at=now)
            founders[role] = user
            return
        if not may_sign or set(founders) != set(FOUNDERS):
            raise CommandError(f"{user.username}: invited on the page of accounts, by two persons")
        proposer, confirmer = (_acting(founders[each], each) for each in FOUNDERS)
        grant = propose_role(user, role, reason="演示人员", actor=proposer, at=now)
        confirm_role(grant, actor=confirmer, at=now)


def _acting(user: User, role: str) -> Actor:
    return Actor(
        kind="user",
        id=str(user.pk),
        name=user.display_name,
        role=role,
        person=user.person_hash,
    )

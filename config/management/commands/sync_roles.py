"""Make the bureau's groups hold exactly the rights of ``config.roles``."""

from argparse import ArgumentParser

from django.contrib.auth.models import Group, Permission
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from config.roles import ROLES


def sync_roles() -> list[str]:
    """Write the table of roles to the database; return rights that no model declares."""
    known = {
        f"{app}.{codename}": key
        for key, app, codename in Permission.objects.values_list(
            "pk", "content_type__app_label", "codename"
        )
    }
    with transaction.atomic():
        for role, rights in ROLES.items():
            group, _ = Group.objects.get_or_create(name=role)
            group.permissions.set([known[right] for right in rights if right in known])
    return sorted({right for rights in ROLES.values() for right in rights} - known.keys())


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--strict", action="store_true", help="fail on an undeclared right")

    def handle(self, *args: object, **options: object) -> None:
        undeclared = sync_roles()
        for right in undeclared:
            self.stderr.write(f"no model declares the right {right}")
        if undeclared and options["strict"]:
            raise CommandError("the table of roles names rights that do not exist")
        self.stdout.write(f"{len(ROLES)} roles in place")

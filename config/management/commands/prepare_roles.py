"""Bring the rights of the database's roles in line with the table of rights."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection, transaction

from deploy import roles

HEAD = """-- 由数据库管理员以超级用户执行，可重复执行：
--   manage.py prepare_roles --sql | psql --set ON_ERROR_STOP=1 --single-transaction {database}
-- 没有超级用户（如云数据库）时加 --no-guard：账本结构保护不生效，doctor 会提示。
-- 随后为各登录角色设置口令（psql 中）：{passwords}
"""
SINGLE = "数据库以单一账号运行，未区分角色；区分的方法见 docs/operations.md。"


def ask(text: str) -> list[tuple[Any, ...]]:
    """Run one statement of the house's own and return its rows."""
    with connection.cursor() as cursor:
        cursor.execute(text)
        return cursor.fetchall() if cursor.description else []


def in_force() -> bool:
    """Say whether this database belongs to the owner's role, so that rights are apart."""
    prefix = settings.DATABASE_ROLE_PREFIX
    if not roles.exist(ask, prefix):
        return False
    owned = ask(
        "SELECT pg_get_userbyid(relowner) FROM pg_class"
        " WHERE oid = to_regclass('public.ledger_logentry')"
    )
    return [row[0] for row in owned] == [roles.names(prefix)[roles.OWNER]]


class Command(BaseCommand):
    help = "按权限清单（deploy/rights.py）授予和收回数据库各角色的权限；可重复执行。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--sql", action="store_true", help="只输出建立角色的 SQL，交数据库管理员执行"
        )
        parser.add_argument(
            "--no-guard", action="store_true", help="SQL 中不含结构保护（需要超级用户）"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["sql"]:
            self._print_sql(guard=not options["no_guard"])
        elif not in_force():
            self.stdout.write(SINGLE)
        else:
            self._apply()

    def _print_sql(self, *, guard: bool) -> None:
        prefix, database = settings.DATABASE_ROLE_PREFIX, connection.settings_dict["NAME"]
        known = roles.names(prefix)
        passwords = "  ".join(f"\\password {known[role]}" for role in roles.LOGINS)
        self.stdout.write(HEAD.format(database=database, passwords=passwords))
        for each in roles.making(prefix, database, guard=guard):
            self.stdout.write(each.rstrip(";") + ";\n")

    def _apply(self) -> None:
        try:
            with transaction.atomic():
                moved = roles.apply(ask, settings.DATABASE_ROLE_PREFIX)
        except (DatabaseError, roles.RightsStuck) as error:
            raise CommandError(
                f"不能授予权限：请以 DATABASE_URL_MIGRATE 的账号执行（{str(error).strip()}）"
            ) from error
        self.stdout.write(f"权限与清单一致（本次调整 {moved} 项）。")

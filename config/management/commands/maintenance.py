"""Open or end a declared maintenance, without which the ledger's structure cannot be changed."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from ledger.actors import Actor
from ledger.clock import now
from ledger.maintaining import LONGEST, begin_maintenance, end_maintenance
from ledger.refusals import Refused


def person_behind(username: str) -> Actor:
    """Return the account of a person who is answerable for the maintenance.

    Raises:
        CommandError: there is no such account.
    """
    user = get_user_model().objects.filter(username=username, is_active=True).first()
    if user is None:
        raise CommandError(f"没有账号 {username}：请给出负责人的登录名")
    return Actor(
        kind="user",
        id=str(user.pk),
        name=user.display_name,
        role="operator",
        person=user.person_hash,
    )


class Command(BaseCommand):
    help = "声明维护的开始与结束（公开记入日志）；其间才能改动账本的表、触发器和函数。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("step", choices=["begin", "end"], help="开始或结束")
        parser.add_argument("--person", required=True, help="负责人的登录名")
        parser.add_argument("--reason", default="", help="原因，一句话；会公开")

    def handle(self, *args: Any, **options: Any) -> None:
        actor = person_behind(options["person"])
        try:
            if options["step"] == "begin":
                begin_maintenance(options["reason"], actor=actor, at=now())
            else:
                end_maintenance(actor=actor, at=now())
        except Refused as refused:
            raise CommandError(refused.message) from refused
        hours = LONGEST.seconds // 3600
        ending = f"最迟 {hours} 小时后自动失效" if options["step"] == "begin" else "结构保护恢复"
        self.stdout.write(f"已记入日志：{ending}。")

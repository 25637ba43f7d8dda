"""Send a trace or a scheduler's export through the upload interface, as a provider would.

    manage.py import_usage philly_jobs_flat.csv.gz --profile philly --setup
    manage.py import_usage sacct.log --profile sacct --url https://… --token-file … --key-file … \
        --orders orders.csv --zone Asia/Shanghai --model nvidia-a100

``--setup`` makes a demonstration provider with key, capacity and orders by the acts. Without it,
token, private key and a CSV of group,order_no name an existing provider. Narration goes to
stderr, the totals to stdout.
"""

import csv
import io
import json
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.core.wsgi import get_wsgi_application
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ledger import clock
from providers.client import MeteringClient
from providers.importing import ImportStopped, Totals, mapped_lines, send_file
from providers.profiles import HOLD, KEEP, PROFILES, Declared, Mapped, Profile
from providers.tracing import set_up

REGISTRY_FROM = datetime(2010, 1, 1, tzinfo=UTC)
OUTCOMES = ("accepted", "held", "open", "zero", "duplicate", "conflict", "rejected")
WORDS = {
    "accepted": "已入账", "held": "待定", "open": "未结束", "zero": "零用量", "duplicate": "重复",
    "conflict": "冲突", "rejected": "被拒",
}  # fmt: skip


class Command(BaseCommand):
    help = "把公开轨迹或调度系统导出文件按供方的方式经上传接口送入，并打印各结果的用量合计"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--profile", required=True, choices=sorted(PROFILES))
        parser.add_argument("--provider", default="", help="演示供方的名称（配合 --setup）")
        parser.add_argument("--setup", action="store_true", help="建立演示供方、密钥、订单")
        parser.add_argument("--url", default="", help="接口地址；缺省在本进程内经同一入口上传")
        parser.add_argument("--token-file", type=Path)
        parser.add_argument("--key-file", type=Path, help="Ed25519 私钥（PEM）")
        parser.add_argument("--orders", type=Path, help="两列 CSV：group,order_no")
        parser.add_argument("--zone", default="", help="没有时区的时间按此时区，例如 Asia/Shanghai")
        parser.add_argument("--model", default="", help="文件不写型号时申报的型号")
        parser.add_argument("--epoch", default="", help="以秒计时的文件从此刻算起（带时区）")
        parser.add_argument("--repeats", choices=[HOLD, KEEP], default="")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        if not path.is_file():
            raise CommandError(f"找不到文件：{path}")
        profile = PROFILES[options["profile"]]
        declared = _declared(profile, options)
        console = Console(stderr=True)
        console.print(f"读取 {path.name}（{profile.title}）…")
        try:
            groups, models, rows = _look_over(path, profile, declared)
        except (ValueError, KeyError, UnicodeDecodeError) as error:
            raise CommandError(f"文件与 {profile.name} 的格式不符：{error}") from error
        with self._client(profile, groups, models, options) as (client, orders):
            missing = sorted(set(groups) - set(orders))
            if missing:
                raise CommandError(f"没有这些分组的订单号：{'、'.join(missing)}")
            try:
                with _bar(rows, console) as progress:
                    totals = send_file(
                        client, path, profile, declared, orders=orders,
                        repeats=options["repeats"], progress=progress,
                    )  # fmt: skip
            except ImportStopped as stopped:
                raise CommandError(f"接口没有接受：{stopped}") from stopped
        self._tell(totals, profile, declared, options, console)

    def _client(
        self,
        profile: Profile,
        groups: dict[str, tuple[datetime, datetime]],
        models: set[str],
        options: dict[str, Any],
    ) -> "_Line":
        """Return the client and the orders: set up here, or named by the caller."""
        if options["setup"]:
            if settings.ENCRYPTED:
                raise CommandError("--setup 只用于演示环境，正式站点请用已备案供方的密钥与订单。")
            line = set_up(
                options["provider"] or profile.title,
                groups,
                models,
                registry_from=REGISTRY_FROM,
                at=clock.now(),
            )
            return _Line(line.token, line.key_id, line.private_key, line.orders, options["url"])
        named = (options["token_file"], options["key_file"], options["orders"])
        if not all(named):
            raise CommandError(
                "请给出 --token-file、--key-file、--orders，或用 --setup 建立演示供方。"
            )
        token = options["token_file"].read_text().strip()
        private = load_pem_private_key(options["key_file"].read_bytes(), None)
        if not isinstance(private, Ed25519PrivateKey):
            raise CommandError("--key-file 应为 Ed25519 私钥。")
        with options["orders"].open(newline="", encoding="utf-8-sig") as file:
            orders = {row["group"]: row["order_no"] for row in csv.DictReader(file)}
        return _Line(token, token.partition(".")[0], private, orders, options["url"])

    def _tell(
        self,
        totals: Totals,
        profile: Profile,
        declared: Declared,
        options: dict[str, Any],
        console: Console,
    ) -> None:
        """Print the totals: JSON, or a table for people with what was odd beneath it."""
        months = sorted({month for _, month in totals.use} | {m for _, m in totals.records})
        if options["json"]:
            self.stdout.write(json.dumps(_plain(totals, months), ensure_ascii=False, indent=1))
            return
        page = io.StringIO()
        Console(file=page, width=170).print(_table(totals, profile, months))
        self.stdout.write(page.getvalue())
        for line in _remarks(totals, declared):
            console.print(f"  {line}")


def _table(totals: Totals, profile: Profile, months: list[str]) -> Table:
    """Lay the totals out: a line per Shanghai month, a column per outcome."""
    table = Table(title=f"{profile.title}：按结果与上海月份的用量（设备毫秒）")
    table.add_column("月份")
    for outcome in OUTCOMES:
        table.add_column(WORDS[outcome], justify="right")
    for month in months:
        table.add_row(month, *(f"{totals.use[outcome, month]:,}" for outcome in OUTCOMES))
    table.add_section()
    sums = [sum(totals.use[outcome, month] for month in months) for outcome in OUTCOMES]
    table.add_row("合计", *(f"{each:,}" for each in sums))
    table.add_row("记录数", *(f"{totals.counts[outcome]:,}" for outcome in OUTCOMES))
    return table


def _remarks(totals: Totals, declared: Declared) -> Iterator[str]:
    """Yield what a reader should know beside the figures."""
    yield from (f"{reason} × {count}" for reason, count in sorted(totals.reasons.items()))
    yield from (f"发现：{finding} × {count}" for finding, count in sorted(totals.findings.items()))
    if declared.zone:
        yield f"无时区的时间按 {declared.zone} 申报"
    if declared.model:
        yield f"文件没有型号，按申报型号 {declared.model}"
    if totals.replayed_chunks:
        yield f"{totals.replayed_chunks} 批此前已经收到，没有新增任何记录"


class _Line:
    """The client and the orders as a context: closes the connections at the end."""

    def __init__(
        self,
        token: str,
        key_id: str,
        private_key: Ed25519PrivateKey,
        orders: dict[str, str],
        url: str,
    ) -> None:
        transport = None if url else httpx.WSGITransport(app=get_wsgi_application())
        self.orders = orders
        self.client = MeteringClient(
            url or settings.PUBLIC_ORIGIN,
            token,
            key_id,
            private_key,
            transport=transport,
            public_origin=settings.PUBLIC_ORIGIN if not url else "",
        )

    def __enter__(self) -> tuple[MeteringClient, dict[str, str]]:
        return self.client, self.orders

    def __exit__(self, *error: object) -> None:
        self.client.close()


def _declared(profile: Profile, options: dict[str, Any]) -> Declared:
    """Return what the caller declares, on top of what the profile declares."""
    declared = profile.declared
    if not options["setup"]:
        declared = Declared(epoch=declared.epoch)
    if options["zone"]:
        declared = replace(declared, zone=options["zone"])
    if options["model"]:
        declared = replace(declared, model=options["model"])
    if options["epoch"]:
        epoch = datetime.fromisoformat(options["epoch"])
        if epoch.tzinfo is None:
            raise CommandError("--epoch 须带时区，例如 2026-01-01T00:00:00+08:00")
        declared = replace(declared, epoch=epoch)
    if not declared.zone and profile.name != "openb":
        raise CommandError("这种文件的时间没有时区，请用 --zone 申报，例如 --zone Asia/Shanghai。")
    return declared


def _look_over(
    path: Path, profile: Profile, declared: Declared
) -> tuple[dict[str, tuple[datetime, datetime]], set[str], int]:
    """Read the file once: groups with their periods, models, rows."""
    groups: dict[str, tuple[datetime, datetime]] = {}
    models: set[str] = set()
    rows = 0
    for each in mapped_lines(path, profile, declared):
        rows += 1
        models.add(each.record["device_model"])
        groups[each.group] = _wider(groups.get(each.group), each)
    return groups, models, rows


def _wider(period: tuple[datetime, datetime] | None, each: Mapped) -> tuple[datetime, datetime]:
    first, last = each.started_at, each.ended_at or each.started_at
    if period is None:
        return first, last
    return min(period[0], first), max(period[1], last)


@contextmanager
def _bar(rows: int, console: Console) -> Iterator[Callable[[int], None]]:
    """Show how far the upload is."""
    columns = (TextColumn("上传"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("upload", total=rows)
        yield lambda done: bar.update(task, completed=done)


def _plain(totals: Totals, months: list[str]) -> dict[str, Any]:
    """Return the totals as plain data; amounts of use as texts."""
    return {
        "rows": totals.rows,
        "chunks": totals.chunks,
        "replayed_chunks": totals.replayed_chunks,
        "counts": {outcome: totals.counts[outcome] for outcome in OUTCOMES},
        "device_milli_seconds": {
            outcome: str(sum(totals.use[outcome, month] for month in months))
            for outcome in OUTCOMES
        },
        "by_month": {
            month: {
                outcome: str(totals.use[outcome, month])
                for outcome in OUTCOMES
                if totals.use[outcome, month] or totals.records[outcome, month]
            }
            for month in months
        },
        "reasons": dict(sorted(totals.reasons.items())),
        "findings": dict(sorted(totals.findings.items())),
        "repeat_lines": totals.repeats,
    }

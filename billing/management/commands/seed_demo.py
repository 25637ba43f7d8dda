"""Play the demonstration month through the real acts, uploads and jobs, and tell its story."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.table import Table

from billing.management.demonstration import (
    cases,
    claimed,
    desk,
    efficiency,
    metered,
    registers,
    settled,
    summary,
    supply,
    support,
)
from billing.management.demonstration.cast import MONTH_FIRMS, Cast, when
from ledger import audit, clock
from ledger.amounts import yuan_text
from providers.models import Order
from vouchers.models import Programme, Voucher

OCTOBER = date(2026, 10, 1), date(2026, 10, 31)
TO_NOVEMBER = date(2026, 10, 1), date(2026, 11, 30)
FROM_SEPTEMBER = date(2026, 9, metered.SEPTEMBER[0]), date(2026, 10, 31)


#: Columns when the story goes into a file or a log instead of a terminal.
PAPER_WIDTH = 150


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--inline", action="store_true", help="do the jobs in this process, without a worker"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if Programme.objects.exists():
            raise CommandError("数据库里已有政策批次：演示只在空库上进行。")
        self.telling = settled.Say(
            self._say, patience=0 if options["inline"] else settled.PATIENCE_SECONDS
        )
        self.told = Console(highlight=False, soft_wrap=True)
        if not self.told.is_terminal:
            self.told.width = PAPER_WIDTH
        audit.ensure_key(clock.now())
        cast = Cast()
        cast.staff()
        programme, vouchers = self._support(cast)
        taopu, changfeng, orders = self._supply(cast, vouchers)
        self._uploads(
            claimed.september(cast, taopu, orders["claim"], self.telling), "2026 年 9 月：先用后补"
        )
        self._uploads(metered.a_month(cast, taopu, changfeng, orders), "2026 年 10 月的上报")
        self._step("月结：计费、核销、对账单")
        month_close = settled.close(cast, self.telling, settled.OCTOBER, when("2026-11-04 10:00"))
        settled.confirm(cast, month_close, self.telling)
        efficiency_waits = efficiency.file_october(cast, taopu, changfeng)
        month_close = settled.approve(cast, month_close, when("2026-11-10 10:00"))
        claimed.write_off(cast, month_close, self.telling)
        month_close = settled.pay(cast, month_close, self.telling)
        self._step("月度报告 PDF")
        reports = settled.report(cast, month_close, self.telling)
        self._step("此后：办理中的事项与 11 月的上报")
        shown = cases.open_cases(cast, programme)
        desk.dispatch(cast)
        self._uploads(metered.the_present(taopu, orders), "2026 年 11 月的上报")
        waiting = supply.order(
            cast, vouchers[1], changfeng, "nvidia-l40s", cards=2, hours=100,
            at=when("2026-11-18 10:00"), first=date(2026, 11, 23), last=date(2026, 12, 31),
            accepted=False,
        )  # fmt: skip
        shown += [claimed.one_waiting(cast), efficiency_waits]
        shown.append((f"用券订单 {waiting.order_no}", "等待服务商接单：以 provider2 登录"))
        settled.seal_everything(self.telling)
        self._end(summary.write(cast, vouchers, month_close, reports, taopu, shown))

    def _support(self, cast: Cast) -> tuple[Programme, list[Voucher]]:
        self._step("政策批次与预算")
        programme = support.open_programme(cast)
        paid_after_use = claimed.open_programme(cast)
        self._say(f"{programme.title}，预算 7,000,000.00 元")
        self._step("企业申请、两人审核、公示、发券")
        applications = [
            support.submit(cast, firm, programme, when(f"2026-08-{day} 09:30"))
            for day, firm in zip((24, 25, 26), MONTH_FIRMS, strict=True)
        ]
        for application in applications:
            support.recommend(cast, application, when("2026-08-28 10:00"))
            application.refresh_from_db()
        notice = support.notice(cast, applications, when("2026-09-01 10:00"))
        self._say(f"公示 {notice.notice_no}：{notice.starts_on} 至 {notice.last_day}")
        vouchers = support.issue(cast, notice, when("2026-09-09 09:00"))
        vouchers.append(claimed.issue(cast, paid_after_use))
        for voucher in vouchers:
            face = yuan_text(voucher.face_fen)
            self._say(f"{voucher.voucher_no} {voucher.enterprise.name} 面额 {face} 元")
        registers.load(cast)
        return programme, vouchers

    def _supply(
        self, cast: Cast, vouchers: list[Voucher]
    ) -> tuple[supply.Supplier, supply.Supplier, dict[str, Order]]:
        self._step("服务商、折算系数、备案价与用券订单")
        self._say(f"折算系数 {supply.load_rates(cast)} 个型号，两人办理")
        taopu = supply.admit(cast, supply.TAOPU, when("2026-07-06 09:00"))
        changfeng = supply.admit(cast, supply.CHANGFENG, when("2026-07-07 09:00"))
        plan = (
            ("delta", 0, taopu, "huawei-ascend-910b", 8, 700, TO_NOVEMBER),
            ("sample", 1, changfeng, "nvidia-l40s", 2, 300, OCTOBER),
            ("maker", 2, taopu, "nvidia-a800", 16, 400, OCTOBER),
            ("side", 0, changfeng, "nvidia-l40s", 4, 200, OCTOBER),
            ("claim", 3, taopu, "huawei-ascend-910b", 4, 400, FROM_SEPTEMBER),
        )
        orders = {}
        for day, (name, place, supplier, model, cards, hours, days) in enumerate(plan, start=21):
            orders[name] = supply.order(
                cast, vouchers[place], supplier, model, cards=cards, hours=hours,
                at=when(f"2026-09-{day} 10:00"), first=days[0], last=days[1],
            )  # fmt: skip
            held = yuan_text(orders[name].held_fen)
            self._say(f"{orders[name].order_no} {supplier.house.name} 冻结 {held} 元")
        return taopu, changfeng, orders

    def _uploads(self, told: metered.Told, title: str) -> None:
        self._step(title)
        for what, answer in told.lines:
            self._say(f"{what} → {answer}")

    def _end(self, told: dict[str, Any]) -> None:
        table = Table(title="2026 年 10 月结算", title_justify="left")
        for head in ("对账单", "企业", "服务商", "PFLOPS·h", "总价（元）", "券抵扣（元）", "状态"):
            table.add_column(head, justify="right" if "元" in head or "h" in head else "left")
        for each in told["statements"]:
            table.add_row(
                each["statement_no"],
                each["enterprise"],
                each["provider"],
                each["pflops_hours"],
                yuan_text(each["gross_fen"]),
                yuan_text(each["public_fen"]),
                each["state_label"],
            )
        self.told.print(table)
        for each in told["reports"]:
            self._say(f"报告 {each['report_no']} 校验码 {each['check_code']} {each['path']}")
        self._say(f"日志 {told['checkpoint']['size']} 条，树根 {told['checkpoint']['root']}")
        for each in told["cases"]:
            self._say(f"{each['name']}：{each['next']}")
        self._say(f"摘要：{summary.summary_path()}")

    def _step(self, title: str) -> None:
        self.told.print(f"[bold]■ {title}[/bold]")

    def _say(self, line: str) -> None:
        self.told.print(f"  {line}", markup=False)

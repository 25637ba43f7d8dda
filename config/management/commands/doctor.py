"""Look the house over: servers, roles, worker, sealer, fonts, key, log, disk, holidays, clock."""

import importlib
import io
import json
import shutil
import time
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pikepdf
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import DatabaseError, connection
from kombu.exceptions import KombuError, OperationalError

from config.celery import app
from config.health import broker_answers, migrations_are_applied
from config.management.commands import prepare_roles
from deploy import roles
from deploy.ddl_guard import GUARD_STANDS
from ledger import clock, exploring, incidents, sealing, witnessing, work
from ledger.maintaining import open_maintenance
from ledger.periods import day_of
from ledger.refusals import Broken
from providers.retaining import damaged_bodies
from vouchers.calendars import work_calendar
from vouchers.notices import overdue_count, undelivered_count
from vouchers.scanning import held_count

OK, WARN, FAIL = "ok", "warn", "fail"
GIB = 2**30
FREE_WARN, FREE_FAIL = 5 * GIB, GIB
PING_SECONDS = 2
SEALER_TRIES = 4  # one second apart: the sealer looks once a second
WITNESS_LATE = timedelta(minutes=15)  # asked each minute, so this is many rounds
LATE = timedelta(hours=1)  # for a mail or a file that waits
HOLIDAYS_AHEAD = timedelta(days=60)  # the longest period counted in working days, and some air
OFFSET_WARN, OFFSET_FAIL = timedelta(milliseconds=500), timedelta(seconds=5)
CHECK_OVERDUE = timedelta(days=2)
NEWEST_UPLOADS = 20
CHINESE_FONT = "Noto-Sans-CJK"
SAMPLE = "<p style='font-family:Noto Sans CJK SC'>算力券壹佰元整</p>"
MARKS = {OK: "正常", WARN: "注意", FAIL: "故障"}

Answer = tuple[str, str]


@dataclass(frozen=True)
class Result:
    """What one look found: its name, ok, warn or fail, and a sentence for people."""

    name: str
    title: str
    level: str
    detail: str


def database() -> Answer:
    """Ask the database for its version and its size."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('server_version'),"
            " pg_size_pretty(pg_database_size(current_database())),"
            " current_setting('data_checksums')"
        )
        version, size, checksums = cursor.fetchone()
    if checksums != "on":
        return WARN, f"PostgreSQL {version}，{size}；未启用数据校验和，磁盘损坏可能不被发现"
    return OK, f"PostgreSQL {version}，{size}，已启用数据校验和"


def migrations() -> Answer:
    """Look for migrations that wait."""
    waiting = migrations_are_applied()
    return (
        (FAIL, f"有迁移未执行（{waiting}）：manage.py migrate") if waiting else (OK, "全部已执行")
    )


def database_roles() -> Answer:
    """Look as whom the house comes to the database, and whether rights are as they should be."""
    me, everything = prepare_roles.ask(
        "SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user"
    )[0]
    if not prepare_roles.in_force():
        who = "超级用户" if everything else "账号"
        return WARN, (
            f"以单一{who} {me} 运行，应用可以改动表结构：请执行 manage.py prepare_roles --sql，"
            "交数据库管理员建立各角色"
        )
    if me not in roles.names(settings.DATABASE_ROLE_PREFIX).values() or everything:
        return WARN, f"本程序以 {me} 而不是应用角色连接，请核对 DATABASE_URL"
    found = roles.differences(prepare_roles.ask, settings.DATABASE_ROLE_PREFIX)
    if found:
        shown = [f"{each.role} {each.privilege} {each.name}" for each in sorted(found.excess)]
        shown += [f"缺 {each.role} {each.privilege} {each.name}" for each in sorted(found.missing)]
        shown += [f"{each} 不归所有者角色" for each in found.foreign]
        return WARN, f"权限与清单有 {len(shown)} 处不同（{shown[0]}）：manage.py prepare_roles"
    return OK, f"以 {me} 运行，不拥有任何表，权限与清单一致"


def structure() -> Answer:
    """Look whether the structure of the ledger is guarded, and whether somebody may change it."""
    begun = open_maintenance(clock.now())
    if begun is not None:
        return WARN, f"维护进行中（{begun.begun_at:%Y-%m-%d %H:%M} UTC 开始），账本结构可以改动"
    if not prepare_roles.ask(GUARD_STANDS)[0][0]:
        return WARN, "账本结构保护未启用（需数据库超级用户）：manage.py prepare_roles --sql"
    return OK, "账本的表、触发器和函数只能在声明的维护中改动"


def broker() -> Answer:
    """Try to reach the broker."""
    fault = broker_answers()
    return (
        (FAIL, f"连接不上消息队列（{fault}），请核对 CELERY_BROKER_URL")
        if fault
        else (OK, "可连接")
    )


def worker() -> Answer:
    """Ask all workers to answer."""
    try:
        answers = app.control.ping(timeout=PING_SECONDS)
    except (KombuError, OperationalError, OSError) as error:
        return FAIL, f"消息队列不可用（{type(error).__name__}）"
    if not answers:
        return WARN, "没有后台任务进程应答：月结、报表、大批量上传都会停在排队中"
    return OK, f"{len(answers)} 个后台任务进程应答"


def pieces_of_work() -> Answer:
    """Look for work that was given up or waits."""
    given_up = work.given_up()
    if given_up:
        return WARN, f"{given_up} 项任务多次失败已停止，处理原因后可重新发起"
    return OK, f"{work.open_work().count()} 项未完成"


def sealer() -> Answer:
    """Wait a few seconds for the sealer to seal what waits now; longer than promised is a fault."""
    for left in reversed(range(SEALER_TRIES)):
        lag = sealing.sealing_lag(clock.now())
        if not lag.count:
            return OK, "没有等待封存的日志条目"
        if left:
            time.sleep(1)
    return (FAIL if lag.alarming else WARN), (
        f"{lag.count} 条日志未封存，最早一条已等待 {lag.oldest // timedelta(seconds=1)} 秒"
        f"（承诺不超过 {sealing.LAG_ALARM // timedelta(seconds=1)} 秒）："
        "请确认 manage.py seal_log 正在运行"
    )


def signing_key() -> Answer:
    """Read the signing key as the sealer does."""
    try:
        key = sealing.signing_key()
    except (Broken, OSError) as error:
        return FAIL, f"读不到日志签名密钥：{error}"
    return OK, f"可读，公钥标识 {key.key_id.hex()}"


def log_tail() -> Answer:
    """Check the newest checkpoint and the newest entries against their digests."""
    found = exploring.health(exploring.lines())
    return (OK if found.sound else FAIL), found.sentence


def witnesses() -> Answer:
    """Look whether the witnesses keep up with the log."""
    try:
        found = witnessing.standings()
    except Broken as error:
        return FAIL, f"见证设置读不出来：{error}"
    if not found:
        return OK, "未设置（LOG_WITNESSES），只有本系统自己的签名"
    since = clock.now() - WITNESS_LATE
    late = [each.witness for each in found if each.behind and (not each.at or each.at < since)]
    if late:
        return WARN, f"{'、'.join(late)} 没有跟上：manage.py witness_log --once 可看原因"
    return OK, f"{len(found)} 个见证方均跟上"


def books() -> Answer:
    """Look whether a nightly check found something that nobody has ended."""
    found = incidents.open_incidents()
    if found:
        since = day_of(found[0].opened_at)
        return FAIL, f"自 {since} 起处于安全模式，核销、结算与付款已暂停：见 /office/books/"
    last = next(iter(incidents.results()), None)
    if last is None:
        return OK, "还没有核对记录"
    if clock.now() - last.at > CHECK_OVERDUE:
        return WARN, f"最近一次核对是 {day_of(last.at)}：请确认 celery beat 与 worker 正在运行"
    return OK, f"最近一次核对 {day_of(last.at)}，{last.findings} 处不符"


def chinese_font() -> Answer:
    """Render a line of Chinese and look which font went into the PDF."""
    try:
        weasyprint = importlib.import_module("weasyprint")
    except OSError as error:
        return FAIL, f"缺少排版组件，不能生成 PDF：{str(error).splitlines()[0]}"
    with pikepdf.open(io.BytesIO(weasyprint.HTML(string=SAMPLE).write_pdf())) as pdf:
        fonts = {str(each.get("/BaseFont")) for each in pdf.objects if _is_font(each)}
    if not any(CHINESE_FONT in each for each in fonts):
        return FAIL, "缺少中文字体，PDF 中的汉字会变成方框：请安装 fonts-noto-cjk"
    return OK, "PDF 可生成，中文字体齐全"


def _is_font(thing: Any) -> bool:
    return isinstance(thing, pikepdf.Dictionary) and thing.get("/Type") == pikepdf.Name.Font


def disk() -> Answer:
    """Look how much room is left where the files of the house lie."""
    if not Path(settings.VAR_DIR).exists():
        return FAIL, f"{settings.VAR_DIR} 不存在：manage.py prepare_house"
    usage = shutil.disk_usage(settings.VAR_DIR)
    level = FAIL if usage.free < FREE_FAIL else WARN if usage.free < FREE_WARN else OK
    return level, f"{settings.VAR_DIR} 剩余 {usage.free // GIB} GiB"


def raw_uploads() -> Answer:
    """Hold the raw bytes of the newest uploads against their digests."""
    found = [batch for batch, _ in damaged_bodies(NEWEST_UPLOADS)]
    if found:
        return FAIL, (
            f"最近 {NEWEST_UPLOADS} 批上传中有 {len(found)} 批的原始文件不在或与摘要不符"
            "：manage.py kept_uploads --check 可看全部，请从备份恢复"
        )
    return OK, f"最近 {NEWEST_UPLOADS} 批上传的原始文件与摘要一致"


def mail() -> Answer:
    """Look whether mails leave the house."""
    if not settings.MAIL.on:
        return OK, "未开通（EMAIL_URL），消息只进站内信箱"
    late = overdue_count(clock.now() - LATE)
    if late:
        return WARN, f"有 {late} 封邮件超过 1 小时没有发出：请查看办公后台的邮件发送记录"
    return OK, f"没有积压，{undelivered_count()} 封未送达"


def scanner() -> Answer:
    """Look whether files come out of quarantine."""
    if settings.FILE_SCANNER == "none":
        return OK, "未接入病毒检查（FILE_SCANNER），文件只做类型和内容检查"
    held = held_count(clock.now() - LATE)
    if held:
        return WARN, f"有 {held} 个文件超过 1 小时没有检查完，请核对 {settings.FILE_SCANNER}"
    return OK, "没有积压"


def assets() -> Answer:
    """Look whether the style sheet of the pages was built and collected."""
    if not (Path(settings.STATIC_ROOT) / "build" / "house.css").exists():
        return WARN, "样式未收集：deploy/assets.sh，再 manage.py collectstatic"
    return OK, "样式已就绪"


def holidays() -> Answer:
    """Look whether working days can be counted for the days to come."""
    today = day_of(clock.now())
    wanted = {today.year, (today + HOLIDAYS_AHEAD).year}
    missing = sorted(wanted - work_calendar().years)
    if not missing:
        return OK, f"未来 {HOLIDAYS_AHEAD.days} 天所在年份均已载入"
    years = "、".join(str(each) for each in missing)
    level = FAIL if today.year in missing else WARN
    return level, f"缺少 {years} 年节假日表，涉及该年的期限不能计算：manage.py load_holidays"


def machine_clock() -> Answer:
    """Compare this machine's clock with the database's."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        offset = abs(cursor.fetchone()[0] - clock.now())
    level = FAIL if offset > OFFSET_FAIL else WARN if offset > OFFSET_WARN else OK
    return level, f"与数据库相差 {offset // timedelta(milliseconds=1)} 毫秒"


#: name -> (title, look, whether it needs the database)
LOOKS: dict[str, tuple[str, Callable[[], Answer], bool]] = {
    "database": ("数据库", database, True),
    "migrations": ("数据库迁移", migrations, True),
    "roles": ("数据库角色", database_roles, True),
    "structure": ("账本结构保护", structure, True),
    "broker": ("消息队列", broker, False),
    "worker": ("后台任务进程", worker, False),
    "work": ("后台任务", pieces_of_work, True),
    "sealer": ("日志封存", sealer, True),
    "signing_key": ("日志签名密钥", signing_key, False),
    "log": ("日志末尾核验", log_tail, True),
    "witnesses": ("日志见证", witnesses, True),
    "books": ("账簿核对", books, True),
    "font": ("PDF 与中文字体", chinese_font, False),
    "mail": ("邮件", mail, True),
    "scanner": ("文件病毒检查", scanner, True),
    "assets": ("页面样式", assets, False),
    "disk": ("磁盘", disk, False),
    "raw_uploads": ("上传原始文件", raw_uploads, True),
    "holidays": ("节假日表", holidays, True),
    "clock": ("时钟", machine_clock, True),
}


def look_over() -> list[Result]:
    """Take every look; those that need a database that is out of order are not taken."""
    results: list[Result] = []
    out_of_order = False
    for name, (title, look, needs_database) in LOOKS.items():
        if needs_database and out_of_order:
            results.append(Result(name, title, FAIL, "数据库有故障，未检查"))
            continue
        try:
            level, detail = look()
        except DatabaseError as error:
            level, detail = FAIL, f"数据库不可用（{type(error).__name__}）"
        out_of_order |= name in {"database", "migrations"} and level == FAIL
        results.append(Result(name, title, level, detail))
    return results


class Command(BaseCommand):
    help = "检查运行环境：每项给出 正常 / 注意 / 故障；有故障时以状态 1 结束。"
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="以 JSON 输出，供程序读取")
        parser.add_argument("--strict", action="store_true", help="有“注意”项时也以状态 1 结束")

    def handle(self, *args: Any, **options: Any) -> None:
        results = look_over()
        if options["json"]:
            listed = [asdict(each) for each in results]
            self.stdout.write(json.dumps(listed, ensure_ascii=False, indent=2))
        else:
            for each in results:
                self.stdout.write(f"[{MARKS[each.level]}] {each.title}：{each.detail}")
        bad = {FAIL, WARN} if options["strict"] else {FAIL}
        if any(each.level in bad for each in results):
            raise SystemExit(1)

"""Start and stop the house on one machine: ``python -m deploy.launcher WORD``.

Words: run, demo, test, check, bench, verify, and ``with`` before any other program.

Started by the Makefile with the Python of ``.venv``. With DATABASE_URL (and CELERY_BROKER_URL)
set, the servers behind them are used and none is started. Everything it starts, it stops.
"""

import argparse
import fcntl
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

import psycopg

from deploy import roles
from deploy.auditor import known_witnesses
from deploy.processes import Child
from deploy.servers import Postgres, ServerFailed, Valkey
from deploy.site import Site, need_port
from deploy.story import logins, story, summary

ROOT = Path(__file__).resolve().parent.parent
PREFIX = os.environ.get("DATABASE_ROLE_PREFIX") or "voucher"
STARTED = time.monotonic()
MOST_TEST_PROCESSES = 4
SECRETS = {"SECRET_KEY": 50, "POSTGRES_PASSWORD": 24, "BROKER_PASSWORD": 24}
SECRETS |= {f"POSTGRES_{role.upper()}_PASSWORD": 24 for role in roles.LOGINS}
CHECKS = (
    ("规范 lint", ["ruff", "check", "."]),
    ("格式 format", ["ruff", "format", "--check", "."]),
    ("依赖方向 imports", ["lint-imports"]),
    ("类型 types", ["mypy", "."]),
    ("迁移 migrations", ["manage.py", "makemigrations", "--check", "--dry-run"]),
    ("接口描述 schema", ["manage.py", "describe_interface", "--check"]),
)


class Stopped(Exception):  # noqa: N818 - somebody pressed Ctrl-C
    """The launcher was told to stop."""


def say(text: str) -> None:
    """Print a line with the seconds since the start."""
    print(f"[{time.monotonic() - STARTED:6.1f}s] {text}", flush=True)


def stop_on_signal() -> None:
    """Turn the first Ctrl-C or SIGTERM into an orderly end and ignore the impatient ones."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        raise Stopped

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, stop)


def read_secrets(folder: Path) -> dict[str, str]:
    """Return the secrets of this installation; made once, readable by their owner alone.

    Those that an earlier version did not know are added.
    """
    file = folder / "secrets.env"
    file.touch(mode=0o600)
    known = dict(line.split("=", 1) for line in file.read_text().splitlines() if "=" in line)
    missing = {
        name: secrets.token_urlsafe(size) for name, size in SECRETS.items() if name not in known
    }
    if missing:
        with file.open("a") as lines:
            lines.writelines(f"{name}={value}\n" for name, value in missing.items())
    return known | missing


@contextmanager
def only_one(folder: Path) -> Iterator[bool]:
    """Hold the folder's lock; yield whether it was free."""
    with (folder / "launcher.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def base_environment(folder: Path, own: dict[str, str]) -> dict[str, str]:
    """Return what every program of the house runs in, but for the servers' addresses."""
    return (
        known_witnesses(folder)
        | os.environ
        | {
            "VAR_DIR": str(folder),
            "SECRET_KEY": os.environ.get("SECRET_KEY") or own["SECRET_KEY"],
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "PYTHONUTF8": "1",
            "C_FORCE_ROOT": "1",  # JSON only, so root is no door for others' code
        }
    )


def addresses_apart(postgres: Postgres, own: dict[str, str], *, make: bool) -> dict[str, str]:
    """Return the address of the database for each role, made or mended first when asked."""
    passwords = {role: own[f"POSTGRES_{role.upper()}_PASSWORD"] for role in roles.LOGINS}
    if make:
        roles.make(postgres.url("house"), PREFIX, passwords, guard=True)
    return postgres.addresses("house", PREFIX, passwords)


@contextmanager
def servers(
    folder: Path,
    *,
    quick: bool = False,
    running: bool = False,
    apart: bool = True,
    ours: list[Postgres | Valkey] | None = None,
) -> Iterator[dict[str, str]]:
    """Start what no address was given for; yield the environment that everything runs in.

    Args:
        quick: for tests only, nothing is kept safe from a power cut.
        running: another launcher has started them already; only tell where they are.
        apart: every program comes to the database as a role of its own; else all come as its
            superuser, as tests and benchmarks need who make databases.
        ours: the servers started here are added to it.
    """
    own = read_secrets(folder)
    environment = base_environment(folder, own)
    with ExitStack() as started:
        if not os.environ.get("DATABASE_URL"):
            postgres = Postgres(folder, own["POSTGRES_PASSWORD"], quick=quick, running=running)
            if not running:
                started.callback(postgres.stop)
                postgres.start()
                postgres.create("house")
                if ours is not None:
                    ours.append(postgres)
                say(f"数据库 PostgreSQL 已启动（127.0.0.1:{postgres.port}）")
            environment["DATABASE_URL"] = postgres.url("house")
            if apart:
                environment |= addresses_apart(postgres, own, make=not running)
        if not os.environ.get("CELERY_BROKER_URL"):
            valkey = Valkey(folder, own["BROKER_PASSWORD"], running=running)
            if not running:
                started.callback(valkey.stop)
                valkey.start()
                if ours is not None:
                    ours.append(valkey)
                say(f"消息队列 Valkey 已启动（127.0.0.1:{valkey.port}）")
            environment["CELERY_BROKER_URL"] = valkey.url
        yield environment


def call(words: list[str], environment: dict[str, str]) -> int:
    """Run a program to its end on this terminal and return its status."""
    program = [sys.executable, *words] if words[0] in {"manage.py", "-m"} else words
    child = Child.on_terminal(program, environment=environment, folder=ROOT)
    if "pytest" in words:
        child.stop_signal = signal.SIGINT  # it then stops what its tests started
    try:
        return child.wait()
    finally:
        child.stop()


def must(words: list[str], environment: dict[str, str]) -> None:
    """Run a program that everything after it needs.

    Raises:
        ServerFailed: it ended with a fault.
    """
    if call(words, environment):
        raise ServerFailed(f"没有成功：{' '.join(words)}")


def is_empty(environment: dict[str, str]) -> bool:
    """Say whether nothing was ever booked here, so that the demonstration may play."""
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        row = connection.execute("SELECT NOT EXISTS (SELECT 1 FROM ledger_journal)").fetchone()
    return bool(row and row[0])


def seed(folder: Path, environment: dict[str, str]) -> None:
    """Play the demonstration month, with the worker and the sealer at work."""
    if not (ROOT / "billing/management/commands/seed_demo.py").exists():
        say("没有演示月份的命令，跳过")
        return
    if not is_empty(environment):
        tell_again(folder)
        return
    if subprocess.run([sys.executable, "-c", "import weasyprint"], capture_output=True).returncode:
        say("缺少 PDF 排版组件，演示无法出具报告，先不演示；请按安装时的提示补装后再运行")
        return
    say("正在演示一个完整的月份（全部经过真实的业务动作、接口和后台任务）……")
    # Refusals belong to the story; the terminal shows the story and not their log lines.
    story = os.environ.get("DEMO_STORY", "seed_demo")  # or seed_year: twelve months (make year)
    must(["manage.py", story], environment | {"LOG_LEVEL": "ERROR"})
    say("演示完成；摘要在 var/demo/summary.json")


def log_keys(environment: dict[str, str]) -> str:
    """Return the verification keys of the log, as its own command tells them."""
    words = [sys.executable, "manage.py", "make_log_key"]
    made = subprocess.run(
        words, cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    return made.stdout


def tell_again(folder: Path) -> None:
    """Tell the demonstration of an earlier start by its summary."""
    told = summary(folder)
    if not told:
        say("库中已有数据，但没有演示摘要：是别的数据，或演示曾中断（make clean 可以重来）")
        return
    say("库中已有数据，不再演示（make clean 可以重来）；上次演示的结果：")
    for line in story(told):
        print(f"  {line}")
    sys.stdout.flush()


def tell_logins(folder: Path, port: int) -> None:
    """Print who may sign in to the demonstration, and where to look first."""
    for line in logins(summary(folder)):
        print(f"    {line}")
    for title, path in (("公开核验", "public/verify/"), ("公开日志", "public/log/")):
        print(f"    {title}：http://127.0.0.1:{port}/{path}")
    sys.stdout.flush()


def open_house(*, serve: bool) -> None:
    """Bring everything up on ``var``; serve until told to stop, or only play the month."""
    folder = ROOT / "var"
    folder.mkdir(mode=0o700, exist_ok=True)
    port = int(os.environ.get("PORT", "8000"))
    with ExitStack() as opened:
        if not opened.enter_context(only_one(folder)):
            raise ServerFailed("这个目录里已有一个正在运行（make run）；请先停止它。")
        if serve:
            need_port(ROOT, folder, port)  # told now, not after a minute of preparation
        ours: list[Postgres | Valkey] = []
        environment = opened.enter_context(servers(folder, ours=ours))
        # Our own database holds invented data; somebody else's has to say so itself.
        environment.setdefault("DEMO_MODE", "0" if os.environ.get("DATABASE_URL") else "1")
        environment.setdefault("PUBLIC_ORIGIN", f"http://127.0.0.1:{port}")
        site = Site(ROOT, folder, environment, port, say)
        try:
            must(["manage.py", "prepare_house"], environment)
            say("数据表、角色、节假日、日志密钥、静态文件已就绪")
            witnessed = environment["DEMO_MODE"] == "1" and not os.environ.get("LOG_WITNESSES")
            if witnessed:
                site.start_witness(log_keys(environment))
                say("独立的见证程序（审计局见证）已启动")
            site.start_workers()
            say("后台任务与日志封存已启动")
            seed(folder, environment)
            if witnessed:
                call(["manage.py", "witness_log", "--once"], environment)
            if not serve and not summary(folder):
                raise ServerFailed("演示没有做完，原因见上")
            if serve:
                site.start_web()
                if environment["DEMO_MODE"] == "1":
                    tell_logins(folder, port)
                say(f"网站已启动：http://127.0.0.1:{port}/ （按 Ctrl-C 停止；日志在 var/log/）")
                site.watch(ours)
        finally:
            say("正在停止……")
            site.stop()
    say("全部已停止")


def beside_the_house(words: list[str]) -> int:
    """Run one program on the data of ``var``, whether the house is open or not."""
    folder = ROOT / "var"
    folder.mkdir(mode=0o700, exist_ok=True)
    with only_one(folder) as free, servers(folder, running=not free) as environment:
        return call(words, environment)


def verify() -> int:
    """Export the log and check it with the verifier that knows neither Django nor the database."""
    folder = ROOT / "var" / "verify"
    folder.mkdir(parents=True, exist_ok=True)
    bundle, key = folder / "log.bundle", folder / "log.vkey"
    with only_one(ROOT / "var") as free, servers(ROOT / "var", running=not free) as environment:
        must(["manage.py", "export_log", str(bundle)], environment)
        key.write_text(log_keys(environment), encoding="utf-8")
    # No environment of the house: nothing but the two files decides.
    plain = {"PATH": os.environ["PATH"], "PYTHONUTF8": "1"}
    return call(["-m", "ledger.verifying", str(bundle), "--vkey", str(key)], plain)


@contextmanager
def scratch(*, quick: bool) -> Iterator[dict[str, str]]:
    """Yield the environment of throw-away servers in a folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="house-"))
    try:
        with servers(folder, quick=quick, apart=False) as environment:
            yield environment
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def pytest_words(rest: list[str]) -> list[str]:
    """Return the words of a test run; a whole one is spread over processes, by file.

    Two for each processor: a test waits half its time for a server, a worker or a browser. The
    order is that of ``tests/conftest.py``, the longest files first, so that all end together.
    """
    processes = min(2 * (os.cpu_count() or 1), MOST_TEST_PROCESSES)
    spread = [] if rest else ["-n", str(processes), "--dist", "loadfile", "--no-loadscope-reorder"]
    return ["-m", "pytest", *spread, *rest]


def test(rest: list[str], environment: dict[str, str]) -> int:
    """Run tests; of a whole run every process copies tables that are made once."""
    if not rest and not os.environ.get("DATABASE_URL"):
        must(["manage.py", "migrate", "--verbosity", "0"], environment)
        environment["TEST_TEMPLATE"] = "house"
    return call(pytest_words(rest), environment)


def check(rest: list[str]) -> int:
    """Do all that CI does, quick parts first; go on after a fault so that one run tells all."""
    failed = []
    with scratch(quick=True) as environment:
        for title, words in CHECKS:
            say(f"{title} ……")
            if call(list(words), environment):
                failed.append(title)
        say(f"没有通过：{'、'.join(failed)}；最后是测试" if failed else "以上全部通过；最后是测试")
        tests = test(rest, environment)  # its closing line is the last word
    return 1 if failed or tests else 0


def main() -> int:
    """Do what the first word says."""
    parser = argparse.ArgumentParser(prog="deploy.launcher", description=__doc__)
    parser.add_argument("what", choices=["run", "demo", "test", "check", "bench", "verify", "with"])
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    asked = parser.parse_args()
    stop_on_signal()
    try:
        match asked.what:
            case "run" | "demo":
                open_house(serve=asked.what == "run")
                return 0
            case "test":
                with scratch(quick=True) as environment:
                    return test(asked.rest, environment)
            case "check":
                return check(asked.rest)
            case "bench":
                with scratch(quick=False) as environment:
                    return call(["-m", "benchmarks", *asked.rest], environment)
            case "verify":
                return verify()
            case _:
                return beside_the_house(asked.rest)
    except Stopped:
        say("全部已停止")
        return 0 if asked.what == "run" else 130
    except ServerFailed as failure:
        say(str(failure))
        return 1


if __name__ == "__main__":
    sys.exit(main())

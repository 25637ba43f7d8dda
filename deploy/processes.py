"""Child processes: each in its own group, its output in a file, stopped gently and then surely."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

GENTLE_SECONDS = 20.0
LAST_LINES = 15


class Child:
    """One process that the launcher started, with everything that process starts."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        environment: dict[str, str],
        folder: Path,
        stop_signal: int = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.log = log
        self.environment = environment
        self.folder = folder
        self.stop_signal = stop_signal
        self.process: subprocess.Popen[bytes] | None = None
        self.asked = False

    def start(self) -> None:
        """Start it in a group of its own, so that Ctrl-C reaches the launcher alone."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.asked = False
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @classmethod
    def on_terminal(
        cls, command: Sequence[str], *, environment: dict[str, str], folder: Path
    ) -> "Child":
        """Start a program that talks to the person at the terminal."""
        child = cls(command[0], command, log=Path(), environment=environment, folder=folder)
        child.process = subprocess.Popen(
            child.command, cwd=folder, env=environment, start_new_session=True
        )
        return child

    def wait(self) -> int:
        """Wait for its end and return its status."""
        assert self.process is not None
        return self.process.wait()

    @property
    def number(self) -> int:
        """Return its process id."""
        assert self.process is not None
        return self.process.pid

    @property
    def status(self) -> int | None:
        """Return the exit status, or nothing while it runs."""
        return self.process.poll() if self.process else None

    @property
    def is_running(self) -> bool:
        """Say whether it was started and has not ended."""
        return self.process is not None and self.process.poll() is None

    def ask_to_stop(self) -> None:
        """Send the signal that asks it to end, without waiting; asking twice is harmless."""
        if self.process is not None and self.is_running and not self.asked:
            self.process.send_signal(self.stop_signal)
            self.asked = True

    def stop(self, seconds: float = GENTLE_SECONDS) -> None:
        """Ask it to end; end its whole group when it does not within ``seconds``."""
        if self.process is None:
            return
        if self.is_running:
            self.ask_to_stop()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
        # The leader may have ended and left members of its group behind.
        end_group(self.process.pid)
        self.process.wait()

    def last_words(self) -> str:
        """Return the end of its log, for a person who must know why it ended."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return ""
        return "\n".join(f"    {line}" for line in lines[-LAST_LINES:])


def end_group(leader: int) -> None:
    """Kill what is left of a process group."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def is_alive(number: int, word: str) -> bool:
    """Say whether process ``number`` lives and its command line has ``word`` (not a reused id)."""
    try:
        line = Path(f"/proc/{number}/cmdline").read_bytes()
    except OSError:
        return False
    # A dead process that nobody has waited for has no command line any more.
    return bool(line) and word.encode() in line


def stop_stranger(number: int, word: str, stop_signal: int) -> None:
    """Stop a server that an earlier, killed launcher left running."""
    if not is_alive(number, word):
        return
    os.kill(number, stop_signal)
    give_up = time.monotonic() + GENTLE_SECONDS
    while is_alive(number, word):
        if time.monotonic() > give_up:
            os.kill(number, signal.SIGKILL)
        time.sleep(0.1)


def stop_leftover(note: Path, folder: Path) -> None:
    """Stop a child that outlived its launcher (kill -9), found by its note and its folder."""
    try:
        number = int(note.read_text())
        ours = Path(f"/proc/{number}/cwd").resolve(strict=True) == folder.resolve()
    except (OSError, ValueError):
        return
    if ours:
        stop_stranger(number, "", signal.SIGTERM)
        end_group(number)
    note.unlink(missing_ok=True)

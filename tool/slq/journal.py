"""The state of a push beside its file: one line for each chunk that has an answer.

Lines are only added, each written through to the disk before the next chunk goes out. A torn
last line (the machine died) is passed over; its chunk is sent again under the same key.
"""

import json
import os
from pathlib import Path
from typing import Any

from slq.locking import Lock

SUFFIX = ".slq-state"


class Journal:
    """What has been answered so far, by number of the chunk.

    Args:
        head: what makes two runs the same: digest of the file, endpoint, key, policy. A journal
            of another run is set aside.
    """

    def __init__(self, path: Path, head: dict[str, str]) -> None:
        """Read the journal, or begin one."""
        self.path = path
        self.lock = Lock(path)
        self.chunks: dict[int, dict[str, Any]] = {}
        self.resumed = False
        self.other_run = False
        lines = _lines(path)
        if lines and lines[0] == head:
            self.chunks = {line["chunk"]: line for line in lines[1:]}
            self.resumed = bool(self.chunks)
            self._write("\n")  # ends a torn line
            return
        self.other_run = bool(lines)
        path.write_text("", encoding="utf-8")
        self._write(json.dumps(head) + "\n")

    def note(self, number: int, said: dict[str, Any]) -> None:
        """Write down what became of a chunk."""
        self.chunks[number] = {"chunk": number, **said}
        self._write(json.dumps(self.chunks[number], ensure_ascii=False) + "\n")

    def is_done(self, number: int) -> bool:
        """Say whether every row of a chunk was taken."""
        return self.chunks.get(number, {}).get("clean", False) is True

    def attempt(self, number: int) -> int:
        """Return how often a chunk was refused for good; each time it needs a new key."""
        known = self.chunks.get(number)
        return 0 if known is None else int(known["attempt"]) + 1

    def close(self) -> None:
        """Let others work on the file."""
        self.lock.release()

    def _write(self, text: str) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())


def state_path(path: Path) -> Path:
    """Return where the state of a file lies."""
    return path.with_name(path.name + SUFFIX)


def _lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    found = []
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found

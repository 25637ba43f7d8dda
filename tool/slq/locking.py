"""One run at a time on a file or a spool: a lock that the system takes back when a run dies."""

import os
import sys
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


class Busy(Exception):  # noqa: N818 - says why a run does not begin
    """Another run is working on it; carries the path."""


class Lock:
    """Holds a file for this run alone, from its making to ``release``.

    Raises:
        Busy: another run holds it.
    """

    def __init__(self, path: Path) -> None:
        """Take the lock, making the file if there is none."""
        self.file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            if sys.platform == "win32":
                msvcrt.locking(self.file, msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self.file)
            raise Busy(str(path)) from error

    def release(self) -> None:
        """Give it back; the file stays."""
        os.close(self.file)

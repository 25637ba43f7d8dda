"""The spool: whatever lies in ``outgoing`` is sent, then moved to ``sent`` or to ``rejected``.

A collector writes under another name (a leading dot, or ``.part``) and renames when it is done.
What cannot be sent now stays where it is. A file that was taken in part goes to ``rejected`` with
its receipts and with the rows to mend.
"""

from collections.abc import Callable
from pathlib import Path

from slq.cutting import kind_of
from slq.journal import state_path
from slq.locking import Lock
from slq.outcomes import Exit
from slq.taking_home import beside

FOLDERS = ("outgoing", "sent", "rejected")
LOCK = ".slq-lock"
RECEIPTS, ERRORS = "receipts.ndjson", "errors.csv"


def waiting(spool: Path) -> list[Path]:
    """Return the files to send, in order of their names."""
    for name in FOLDERS:
        (spool / name).mkdir(parents=True, exist_ok=True)
    return sorted(
        path
        for path in (spool / "outgoing").iterdir()
        if path.is_file()
        and not path.name.startswith(".")
        and kind_of(path)
        and not path.name.endswith((f".{RECEIPTS}", f".{ERRORS}"))
    )


def send_spool(spool: Path, push: Callable[[Path], Exit]) -> dict[str, Exit]:
    """Send every waiting file and move it to where it belongs; one run at a time.

    Raises:
        Busy: another run works on this spool.
    """
    ended: dict[str, Exit] = {}
    spool.mkdir(parents=True, exist_ok=True)
    lock = Lock(spool / LOCK)
    try:
        for path in waiting(spool):
            code = push(path)
            ended[path.name] = code
            if code in (Exit.AUTH, Exit.LATER, Exit.USAGE):
                break
            _move(path, spool / ("sent" if code is Exit.OK else "rejected"))
    finally:
        lock.release()
    return ended


def _move(path: Path, folder: Path) -> None:
    """Move a file with what lies beside it; an earlier file of that name is never replaced."""
    number, name = 1, path.name
    while (folder / name).exists():
        number += 1
        name = f"{number}-{path.name}"
    goal = folder / name
    for part in (RECEIPTS, ERRORS):
        if beside(path, part).exists():
            beside(path, part).replace(beside(goal, part))
    path.replace(goal)
    state_path(path).unlink(missing_ok=True)

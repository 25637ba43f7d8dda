"""The source tree as the house tests see it: files git knows, their shelf, their syntax tree."""

import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("ledger", "vouchers", "providers", "billing")
DOOR_WORDS = frozenset({"portal", "office", "console", "api", "public", "management", "frame"})
#: Lines of a shelf contract that hold acts: the one that moves value or reads evidence.
ACT_SHELVES = {
    "ledger": {"audit", "balances", "book", "sealing", "work", "bookkeeping", "invariants"},
    "vouchers": set(),
}


@cache
def settings_of_tools() -> dict[str, Any]:
    """Return the parsed pyproject file."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@cache
def committed_files() -> tuple[Path, ...]:
    """Return every file git knows or would add (ignored files are nobody's)."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    return tuple(path for name in sorted(set(listed)) if name and (path := ROOT / name).is_file())

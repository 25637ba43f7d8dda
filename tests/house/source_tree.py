"""The source tree as the house tests see it: the files git knows, their shelf, their syntax."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("ledger", "vouchers", "providers", "billing")
FOLDERS = (*ROOMS, "config", "deploy", "benchmarks", "tool")
DOOR_WORDS = frozenset(
    {"portal", "office", "console", "api", "public", "frame", "health", "tasks", "commands"}
)


@cache
def settings_of_tools() -> dict[str, Any]:
    """Return the parsed pyproject file."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@cache
def shelves_of(room: str) -> list[set[str]]:
    """Return the shelves of a room from the top down, as names of files."""
    contracts = settings_of_tools()["tool"]["importlinter"]["contracts"]
    (contract,) = (each for each in contracts if each.get("containers") == [room])
    return [set(re.findall(r"\w+", line)) for line in contract["layers"]]


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


def name_of(path: Path) -> str:
    """Return the path as people write it in the house."""
    return path.relative_to(ROOT).as_posix()


@cache
def sources() -> tuple[Path, ...]:
    """Return the house's own Python files: no tests, no migrations."""
    return tuple(
        path
        for path in committed_files()
        if path.suffix == ".py"
        and path.relative_to(ROOT).parts[0] in (*FOLDERS, "manage.py")
        and "migrations" not in path.parts
    )


@cache
def files_of_tests() -> tuple[Path, ...]:
    """Return the Python files of the tests."""
    return tuple(
        path
        for path in committed_files()
        if name_of(path).startswith("tests/") and path.suffix == ".py"
    )


@cache
def text_of(path: Path) -> str:
    """Return the text of a file."""
    return path.read_text(encoding="utf-8")


@cache
def tree_of(path: Path) -> ast.Module:
    """Return the syntax tree of a Python file."""
    return ast.parse(text_of(path), filename=str(path))


def nodes(path: Path, *kinds: type[ast.AST]) -> Iterator[Any]:
    """Yield all nodes of the given kinds."""
    return (node for node in ast.walk(tree_of(path)) if isinstance(node, kinds))


def lines_of(path: Path) -> int:
    """Return how many lines a file has."""
    return len(text_of(path).splitlines())


def is_door(path: Path) -> bool:
    """Say whether a file is a door by its name (``office``, ``office_money``, a command)."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    words = set(parts[-1].split("_")[:1]) | set(parts[1:-1])
    return parts[0] in {*ROOMS, "config"} and bool(words & DOOR_WORDS)


def shelf_of(path: Path) -> str:
    """Return on which shelf a file of a room stands: door, act, models, lifecycle or rule."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    room, name = parts[0], parts[1] if len(parts) > 1 else ""
    if room not in ROOMS or name == "__init__":
        return "door" if is_door(path) else "plug"
    shelves = shelves_of(room)
    level = next(index for index, names in enumerate(shelves) if name in names)
    acts_begin = 2 if room != "ledger" else 1
    models = shelves.index({"models"})
    if level < acts_begin:
        return "door"
    if level < models:
        return "act"
    return {"models": "models", "lifecycle": "lifecycle"}.get(name, "rule")

"""Measure ours against the floor: fresh process, fresh database, seconds and peak memory."""

import importlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from rich.console import Console
from rich.table import Table

from benchmarks import rivals

TEMPLATE = f"bench_template_{os.getpid()}"


@dataclass(frozen=True)
class Measured:
    """One timed part: how long, how many units, how much memory at the highest."""

    seconds: float
    units: int
    peak_mib: float

    @property
    def per_second(self) -> float:
        """Return units a second."""
        return self.units / self.seconds


def database_url(name: str) -> str:
    """Return the URL of database ``name`` on the server of DATABASE_URL."""
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))


def execute(statement: str) -> None:
    """Run one statement that makes or drops a database."""
    with psycopg.connect(database_url("postgres"), autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[call-overload]


def make_template() -> None:
    """Make the migrated database that every timed part gets a copy of."""
    execute(f"DROP DATABASE IF EXISTS {TEMPLATE} WITH (FORCE)")
    execute(f"CREATE DATABASE {TEMPLATE}")
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        env=os.environ | {"DATABASE_URL": database_url(TEMPLATE)},
        check=True,
    )


def measure(name: str, part: str, size: int) -> dict[str, Measured]:
    """Time ``part`` (ours, floor or both) of benchmark ``name`` in a child process."""
    copy = f"bench_{os.getpid()}"
    execute(f"DROP DATABASE IF EXISTS {copy} WITH (FORCE)")
    execute(f"CREATE DATABASE {copy} TEMPLATE {TEMPLATE}")
    try:
        answer = subprocess.run(
            [sys.executable, "-m", "benchmarks.child", name, part, str(size)],
            env=os.environ | {"DATABASE_URL": database_url(copy)},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        told = json.loads(answer.stdout.splitlines()[-1])
        return {each: Measured(**figures) for each, figures in told.items()}
    finally:
        execute(f"DROP DATABASE IF EXISTS {copy} WITH (FORCE)")


def measure_rivals(names: Sequence[str], size: int, ours: Measured) -> dict[str, float]:
    """Tell how many times as fast ours is as each rival; return their units a second."""
    speeds: dict[str, float] = {}
    for name in names:
        if not rivals.installed(name):
            print(f"{name}: not installed; `make setup EXTRA=bench` adds it to the comparison")
            continue
        own = f"bench_rival_{os.getpid()}"
        execute(f"DROP DATABASE IF EXISTS {own} WITH (FORCE)")
        execute(f"CREATE DATABASE {own}")
        try:
            found = rivals.measure(name, size, database_url(own))
        finally:
            execute(f"DROP DATABASE IF EXISTS {own} WITH (FORCE)")
        speeds[name] = round(found["units"] / found["seconds"], 1)
        how = "" if "bulk" in name else " one at a time"
        print(
            f"{name} {version(name.split()[0])}: {speeds[name]:,.0f} a second{how}, as its"
            f" documents show; ours {ours.per_second / speeds[name]:,.1f} times as many"
        )
    return speeds


def best_of(name: str, size: int, repeats: int, *, together: bool) -> tuple[Measured, Measured]:
    """Return the quickest (ours, floor) of ``repeats`` turns: the least disturbed by neighbours.

    Args:
        together: one preparation serves both parts; for a floor that only reads.
    """
    parts = ("both",) if together else ("ours", "floor")
    turns = [measure(name, part, size) for _ in range(repeats) for part in parts]
    ours, floor = (
        min((turn[part] for turn in turns if part in turn), key=lambda each: each.seconds)
        for part in ("ours", "floor")
    )
    return ours, floor


def run_benchmark(name: str, sizes: Sequence[int], repeats: int, out: Path) -> None:
    """Measure one benchmark at ``sizes``, print its table and append its JSON lines."""
    module = importlib.import_module(f"benchmarks.{name}")
    table = Table(title=f"{name}: {(module.__doc__ or '').splitlines()[0]}")
    for heading in ("size", "ours s", f"ours {module.UNIT}/s", "floor s", "ratio", "goal", "peak"):
        table.add_column(heading, justify="right")
    make_template()
    try:
        for size in sizes:
            together = getattr(module, "TOGETHER", False)
            ours, floor = best_of(name, size, repeats, together=together)
            ratio = floor.seconds / ours.seconds
            if getattr(module, "RATIO", "rate") == "time":
                ratio = 1 / ratio
            table.add_row(
                f"{size:,}",
                f"{ours.seconds:.3f}",
                f"{ours.per_second:,.0f}",
                f"{floor.seconds:.3f}",
                f"{ratio:.2f}",
                module.GOAL,
                f"{ours.peak_mib:.0f} MiB",
            )
            line = result_line(name, size, ours, floor, ratio, module.GOAL)
            line["rivals"] = measure_rivals(getattr(module, "RIVALS", ()), size, ours)
            write_line(out, line)
    finally:
        execute(f"DROP DATABASE IF EXISTS {TEMPLATE} WITH (FORCE)")
    Console().print(table)


def result_line(
    name: str, size: int, ours: Measured, floor: Measured, ratio: float, goal: str
) -> dict[str, object]:
    """Return what is kept of one measurement."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "name": name,
        "size": size,
        "ours_seconds": round(ours.seconds, 4),
        "floor_seconds": round(floor.seconds, 4),
        "ratio": round(ratio, 4),
        "goal": goal,
        "units_per_second": round(ours.per_second, 1),
        "peak_mib": round(ours.peak_mib, 1),
        "floor_peak_mib": round(floor.peak_mib, 1),
        "versions": {
            "python": platform.python_version(),
            "django": version("django"),
            "psycopg": version("psycopg"),
        },
    }


def write_line(out: Path, line: dict[str, object]) -> None:
    """Append ``line`` to the file of results."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")

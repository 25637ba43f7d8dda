"""The timed process: ``python -m benchmarks.child NAME PART SIZE`` prints one JSON line."""

import gc
import importlib
import json
import os
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import django


def reset_peak_memory() -> None:
    """Forget the highest memory so far, so that preparing does not count (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_mib() -> float:
    """Return the highest resident memory since the last reset."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def timed(module: ModuleType, part: str, state: Any) -> dict[str, float]:
    """Run one part and return its seconds, units and peak memory."""
    gc.collect()
    reset_peak_memory()
    started = time.perf_counter()
    done = getattr(module, part)(state)
    seconds = time.perf_counter() - started
    units = done
    if isinstance(done, tuple):  # it took its own times, e.g. the slowest of many
        units, seconds = done
    return {"seconds": seconds, "units": units, "peak_mib": peak_mib()}


def main(name: str, part: str, size: int) -> None:
    """Prepare untimed, run ``part`` timed, tell seconds, units and peak memory.

    ``both``: the floor only reads, so it is run on what ours is about to change. It is run twice
    and timed the second time, so that both find the rows as warm.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    module = importlib.import_module(f"benchmarks.{name}")
    prepare = (
        getattr(module, "prepare_floor", module.prepare) if part == "floor" else module.prepare
    )
    state = prepare(size)
    if part == "both":
        module.floor(state)
        told = {each: timed(module, each, state) for each in ("floor", "ours")}
    else:
        told = {part: timed(module, part, state)}
    print(json.dumps(told))


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))

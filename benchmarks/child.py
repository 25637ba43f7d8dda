"""The timed process: ``python -m benchmarks.child NAME PART SIZE`` prints one JSON line."""

import gc
import importlib
import json
import os
import sys
import time
from pathlib import Path

import django


def reset_peak_memory() -> None:
    """Forget the highest memory so far, so that preparing does not count (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_mib() -> float:
    """Return the highest resident memory since the last reset."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def main(name: str, part: str, size: int) -> None:
    """Prepare untimed, run ``part`` timed, tell seconds, units and peak memory."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    module = importlib.import_module(f"benchmarks.{name}")
    prepare = (
        getattr(module, "prepare_floor", module.prepare) if part == "floor" else module.prepare
    )
    state = prepare(size)
    gc.collect()
    reset_peak_memory()
    started = time.perf_counter()
    done = getattr(module, part)(state)
    seconds = time.perf_counter() - started
    units = done
    if isinstance(done, tuple):  # it took its own times, e.g. the slowest of many
        units, seconds = done
    print(json.dumps({"seconds": seconds, "units": units, "peak_mib": peak_mib()}))


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))

"""Run benchmarks by name: ``python -m benchmarks [NAME ...] [--size N] [--repeats N]``."""

import argparse
import importlib
import os
import pkgutil
from pathlib import Path

import django

import benchmarks
from benchmarks.harness import run_benchmark


def chosen(names: list[str]) -> list[str]:
    """Return the modules whose name starts with one of ``names`` (all when empty)."""
    modules = sorted(
        module.name for module in pkgutil.iter_modules(benchmarks.__path__) if module.name[0] == "p"
    )
    found = [each for each in modules if not names or each.split("_")[0] in names or each in names]
    if not found:
        raise SystemExit(f"no such benchmark; there are: {', '.join(modules)}")
    return found


def main() -> None:
    """Run what was asked for and print one table."""
    parser = argparse.ArgumentParser(prog="benchmarks")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--size", type=int)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("var/bench/results.jsonl"))
    asked = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    for name in chosen(asked.names):
        module = importlib.import_module(f"benchmarks.{name}")
        sizes = (asked.size,) if asked.size else module.SIZES
        run_benchmark(name, sizes, asked.repeats, asked.out)


main()

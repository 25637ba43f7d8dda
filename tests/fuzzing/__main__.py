"""Fuzz one decoder for a while, guided by coverage: ``python -m tests.fuzzing csv --seconds 60``.

Needs the group ``[fuzz]``. What breaks a decoder is written to ``--found`` and ends the run with
a status that is not zero; give the file back with ``--again FILE``.
"""

import argparse
import importlib
import sys
from pathlib import Path

from tests.fuzzing.seeds import seeds

LONGEST = 4096


def main() -> None:
    """Read the words of the command line and fuzz until the time is over."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzzing", description=__doc__)
    parser.add_argument("target")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--found", type=Path, default=Path("var/fuzz"))
    parser.add_argument("--again", type=Path)
    given = parser.parse_args()
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["providers"]):
        targets = importlib.import_module("tests.fuzzing.targets").TARGETS
    if given.target not in targets:
        parser.error(f"one of {', '.join(targets)}")
    target = targets[given.target]
    if given.again:
        target(given.again.read_bytes())
        return
    corpus = given.found / given.target
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(given.target)):
        (corpus / f"seed-{number}").write_bytes(seed)
    words = [f"-max_total_time={given.seconds}", f"-max_len={LONGEST}", "-timeout=20"]
    words += [f"-artifact_prefix={given.found}/{given.target}-", "-rss_limit_mb=2048"]
    atheris.Setup([sys.argv[0], *words, str(corpus)], target)
    atheris.Fuzz()


main()

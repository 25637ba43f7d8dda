"""Copy the files that the tool shares with the service; ``--check`` only says whether they differ.

The service's file is the source. The copy differs in one word: whose package it imports from.
Run ``python tool/refresh.py`` after changing one of them; a test holds them equal.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE, COPY = HERE.parent / "providers", HERE / "slq"
SHARED = ("client.py", "profiles.py", "signatures.py")


def wanted(name: str) -> str:
    """Return what the copy of a shared file must say."""
    text = (SOURCE / name).read_text(encoding="utf-8")
    return text.replace("from providers.", "from slq.")


def stale() -> list[str]:
    """Name the copies that are not what they must be."""
    return [
        name
        for name in SHARED
        if not (COPY / name).exists() or (COPY / name).read_text(encoding="utf-8") != wanted(name)
    ]


def main() -> int:
    """Copy, or only check."""
    behind = stale()
    if "--check" in sys.argv[1:]:
        sys.stderr.write(
            "".join(f"tool/slq/{name} is behind providers/{name}\n" for name in behind)
        )
        return 1 if behind else 0
    for name in behind:
        (COPY / name).write_text(wanted(name), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

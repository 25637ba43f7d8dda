"""The stand-alone verifier as one file that plain Python runs.

A zip application of the few rule files that the verifier needs, found by following imports from
``ledger.verifying``, with the schemas. Same sources, same bytes.

    python -m ledger.standalone voucher-verify.pyz
"""

import ast
import io
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from ledger.archives import ArchiveWriter
from ledger.schemas import FOLDER, house_schemas

START = "verifying"
_MAIN = '''"""Start the verifier of computing voucher logs."""

import sys

if sys.version_info < (3, 11):
    sys.exit("NOT OK: 需要 Python 3.11 或更新的版本。")
try:
    import cryptography  # noqa: F401
except ImportError:
    sys.exit("NOT OK: 需要 cryptography 程序包：pip install cryptography")

from ledger.verifying import main

sys.exit(main())
'''


def _source(module: str) -> bytes:
    return files("ledger").joinpath(f"{module}.py").read_bytes()


def _imported(source: bytes) -> Iterator[str]:
    """Yield the files of this room that a file imports when it runs."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ledger."):
            yield str(node.module).split(".")[1]
        elif isinstance(node, ast.ImportFrom) and node.module == "ledger":
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.Import):
            yield from (
                each.name.split(".")[1] for each in node.names if each.name.startswith("ledger.")
            )


def needed_modules() -> dict[str, bytes]:
    """Return the source of every file of this room that the verifier runs, by name."""
    found: dict[str, bytes] = {}
    waiting = [START]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = _source(name)
            waiting += _imported(found[name])
    return found


def verifier_program() -> bytes:
    """Return the bytes of ``voucher-verify.pyz``."""
    members = {f"ledger/{name}.py": source for name, source in needed_modules().items()}
    members |= {"__main__.py": _MAIN.encode(), "ledger/__init__.py": b""}
    members |= {f"ledger/{FOLDER}/{each.file_name}": each.raw for each in house_schemas()}
    file = io.BytesIO()
    writer = ArchiveWriter(file)
    for name in sorted(members):
        writer.add(name, members[name])
    writer.close()
    return file.getvalue()


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(verifier_program())

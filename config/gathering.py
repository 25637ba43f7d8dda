"""Gather every Chinese text of the source that a page can show: units of templates and of Python.

Pure but for reading the tree. What nobody reads on a page is left out by a short list, each line
with its reason.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from config.cutting import IDEOGRAPH, cut
from config.loading import is_official

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("config", "billing", "providers", "vouchers", "ledger")
#: Parts of the tree whose texts no page shows.
UNSEEN = {
    "/migrations/": "history of the database",
    "/management/": "commands: operators read them in a terminal",
    "/witness/": "a program of its own for a terminal",
    "providers/tracing.py": "names in data that are imported from public traces",
    "ledger/standalone.py": "a program of its own for a terminal",
    "ledger/signer.py": "a program of its own for a terminal",
    "config/interface.py": "the interface document for machines",
    "config/environment.py": "faults of the start, in a terminal",
    "config/gathering.py": "this list",
    "config/tongue.py": "the tables of the second language itself",
    "config/cutting.py": "the tables of the second language itself",
    "ledger/capitals.py": "amounts in Chinese capitals, as official papers want them",
    "ledger/packing.py": "texts inside bundles for auditors, official papers",
    "billing/certificate_content.py": "official papers: Chinese for every reader",
    "billing/charts.py": "pictures of printed reports",
    "billing/paper_content.py": "official papers: Chinese for every reader",
    "billing/pdf.py": "official papers: Chinese for every reader",
    "billing/report_content.py": "official papers: Chinese for every reader",
    "billing/report_parts.py": "official papers: Chinese for every reader",
    "vouchers/letter": "official letters: Chinese for every reader",
    "vouchers/certificate": "official papers: Chinese for every reader",
}
#: Titles of official letters, which pages show as links.
SEEN_ANYWAY = (
    "受理回执", "受理通知书", "补正通知书", "不予支持告知书", "不予受理告知书", "审定通知书",
    "公示异议处理答复", "复核决定书", "公示名单",
)  # fmt: skip
#: Calls whose texts are names of columns and models, which no page shows.
UNSEEN_NAMES = {"verbose_name", "verbose_name_plural", "db_comment"}
#: Tables whose texts are names, sources and clauses: they stay as they are.
UNSEEN_KEYS = {"clause", "basis", "source", "name", "vendor", "aliases", "wrong", "right"}


def texts() -> dict[str, set[str]]:
    """Return every text with the files it stands in."""
    found: dict[str, set[str]] = {}
    letters = [(text, "vouchers/letter_texts.py") for text in SEEN_ANYWAY]
    for text, place in [*_of_templates(), *_of_python(), *_of_tables(), *letters]:
        found.setdefault(text, set()).add(place)
    return found


def given() -> dict[str, str]:
    """Return the English that stands beside its Chinese in a table (``zh`` and ``en``)."""
    pairs = {}
    for _, table in _tables():
        for key, value in table.items():
            english = table.get(re.sub("zh$", "en", key)) if key.endswith("zh") else None
            if isinstance(english, str) and isinstance(value, str):
                pairs[value] = english
    return pairs


def _tables() -> Iterator[tuple[str, dict[str, Any]]]:
    """Give every table of the TOML files of the rooms, the nested ones too."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.toml")):
            waiting: list[Any] = [tomllib.loads(path.read_text(encoding="utf-8"))]
            while waiting:
                each = waiting.pop()
                if isinstance(each, dict):
                    yield path.relative_to(ROOT).as_posix(), each
                waiting.extend(each.values() if isinstance(each, dict) else each)
                waiting = [more for more in waiting if isinstance(more, dict | list)]


def _of_tables() -> Iterator[tuple[str, str]]:
    for name, table in _tables():
        for key, value in table.items():
            values = value if isinstance(value, list) else [value]
            if key not in UNSEEN_KEYS and not (key == "title" and "edition_no" in table):
                for text in values:
                    if isinstance(text, str) and IDEOGRAPH.search(text):
                        yield text.strip(), name


def _of_templates() -> Iterator[tuple[str, str]]:
    folder = ROOT / "templates"
    for path in sorted(folder.rglob("*.html")):
        name = path.relative_to(folder).as_posix()
        if is_official(name):
            continue
        read = cut(path.read_text(encoding="utf-8"))
        for unit in [*read.units, *read.constants]:
            yield unit, f"templates/{name}"


def _of_python() -> Iterator[tuple[str, str]]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if not any(part in name for part in UNSEEN):
                for text in texts_of(path.read_text(encoding="utf-8"), fields="/models" in name):
                    yield text, name


def texts_of(source: str, *, fields: bool = False) -> Iterator[str]:
    """Give the Chinese texts of a Python file; an f-string with its places as ``{name}``.

    Args:
        source: the file.
        fields: whether the file declares models, whose column names no page shows.
    """
    tree = ast.parse(source)
    skipped = set(_unseen(tree, fields=fields))
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if id(node) in skipped:
            continue
        text = _text(node)
        if text is None:
            waiting.extend(reversed(list(ast.iter_child_nodes(node))))
        elif IDEOGRAPH.search(text):
            yield text.strip()
        if isinstance(node, ast.JoinedStr):
            waiting.extend(each for each in node.values if isinstance(each, ast.FormattedValue))


def _text(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"{(\w*)[^{}]*}|%\((\w+)\)[sd]|%[sd]", _Slots(), node.value)
    if isinstance(node, ast.JoinedStr):
        slots = _Slots()
        return "".join(
            str(each.value) if isinstance(each, ast.Constant) else slots.name(_name(each))
            for each in node.values
        )
    return None


class _Slots:
    """Names for the open places of one sentence, each once."""

    def __init__(self) -> None:
        self.taken: set[str] = set()

    def __call__(self, found: re.Match[str]) -> str:
        return self.name(found[1] or found[2] or "value")

    def name(self, wanted: str) -> str:
        """Return ``{wanted}``, with a number behind it if it is taken."""
        name, count = wanted, 1
        while name in self.taken or name.isdigit():
            count += 1
            name = f"{wanted if not wanted.isdigit() else 'value'}{count}"
        self.taken.add(name)
        return f"{{{name}}}"


def _name(place: ast.AST) -> str:
    """Name an open place after the last word of what stands in it."""
    words: list[str] = re.findall(r"[A-Za-z_]\w*", ast.unparse(place).removeprefix("f"))
    return words[-1] if words else "value"


def _unseen(tree: ast.AST, *, fields: bool) -> Iterator[int]:
    """Give the nodes that no page shows: docstrings, names of columns."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield id(first.value)
        elif _is_a_name(node) or (fields and getattr(node, "arg", "") == "help_text"):
            yield id(node)
        elif fields and isinstance(node, ast.Call) and _is_field(node):
            yield id(node.args[0])


def _is_a_name(node: ast.AST) -> bool:
    """Say whether a node gives a model or a column its name."""
    if isinstance(node, ast.keyword):
        return node.arg in UNSEEN_NAMES
    if not isinstance(node, ast.Assign):
        return False
    return isinstance(node.targets[0], ast.Name) and node.targets[0].id in UNSEEN_NAMES


def _is_field(node: ast.Call) -> bool:
    func = node.func
    called = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
    return bool(node.args) and called.endswith(("Field", "Key"))

"""What may not stand in the source: each ban with its reason, each exception with its own."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db.models import QuerySet

from tests.house.source_tree import (
    ROOMS,
    ROOT,
    committed_files,
    files_of_tests,
    name_of,
    nodes,
    sources,
    text_of,
)

#: Files that may break a ban, with the reason.
FLOATS_ARE_FINE = {
    "ledger/entries.py": "names the type in order to refuse it",
    "ledger/work.py": "seconds to wait before another attempt, no value",
    "ledger/rolling.py": "seconds to wait for postings that run, no value",
    "ledger/management/commands/seal_log.py": "seconds between two seals, no value",
    "billing/charts.py": "a length on paper",
    "billing/management/demonstration/settled.py": "seconds to wait for work, no value",
    "providers/client.py": "seconds to wait for an answer, no value",
}
THE_MACHINE_CLOCK = {
    "ledger/clock.py": "the one place that reads it",
    "deploy/issuer.py": "a token of the test issuer is good from now on",
    "ledger/witness/__main__.py": "a witness says when it saw a tree",
    "ledger/identifiers.py": "an id carries a real time by its standard",
    "benchmarks/harness.py": "measures real time",
    "providers/api_requests.py": "whether a signature is fresh is a question of real time",
    "providers/client.py": "signs with the real time of its machine",
    "providers/delivering.py": "a receiver judges a message by real time",
    "tool/slq/client.py": "signs with the real time of its machine",
    "tool/slq/sending.py": "waits until a date that the service names",
}
SWALLOWS_FAULTS = {
    "config/errors.py:broken": "the page of last resort must not fail itself",
    "ledger/work.py:ring": "the work is safe in its row whatever ails the broker",
    "ledger/work.py:_carry_out": "keeps the fault in the row, shows it and tries again",
}
ASKS_ALL_ROWS = {
    "providers/api_requests.py": "finds the key that speaks; all else starts from its provider",
}
RINGS_THE_BELL = {"ledger/work.py": "the only bell: work is a row first"}
MACHINE_PATHS = {"tests/house/test_guards.py", "tests/house/test_bans.py"}

VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "core", "misc", "base", "manager"}
REGISTRY_HOSTS = re.compile(
    r"(?:pypi|pythonhosted|npmjs|npmmirror|crates|debian|ubuntu|tuna\.tsinghua|aliyun)"
    r"\.(?:org|com|io|edu|cn)\b"
)
PLACES_OF_A_MACHINE = re.compile(r"(?<![\w./<>*-])/(?:root|home|tmp|work|Users)/")
COMMITTED_ASSETS = {".woff", ".woff2", ".ttf", ".otf", ".eot", ".map", ".jar", ".so", ".whl"}
OWN_SCRIPTS = {
    "static/sitting.js",
    "static/tongue.js",
    "static/house.js",
    "static/log-check.js",
    "static/log-proof.js",
    "static/security-key.js",
    "static/try-it.js",
    "static/verify.js",
}
LARGEST_BYTES = 400_000

Finding = tuple[str, str]


def in_rooms() -> Iterator[Path]:
    return (path for path in sources() if path.relative_to(ROOT).parts[0] in ROOMS)


def readable() -> Iterator[Path]:
    binary = {".png", ".jpg", ".svg", ".pdf", ".ico", ".gz", ".zip", ".db"}
    return (path for path in committed_files() if path.suffix not in binary)


def floats() -> Iterator[Finding]:
    """Money and compute are whole numbers: a float cannot hold a fen."""
    for path in in_rooms():
        for node in nodes(path, ast.Constant, ast.Name, ast.Attribute):
            name = getattr(node, "id", getattr(node, "attr", ""))
            if isinstance(getattr(node, "value", None), float) or name in {"float", "FloatField"}:
                yield name_of(path), f"{node.lineno}: {ast.unparse(node)}"


def unseated_queries() -> Iterator[Finding]:
    """A door starts from the seat or asks a named question of a model, never a whole table."""
    door = re.compile(r"(portal|office|console|api|public|frame|forms)(_\w+)?\.py")
    plain = {name for name in dir(QuerySet) if not name.startswith("_")}
    for path in in_rooms():
        if door.fullmatch(path.name):
            for node in nodes(path, ast.Attribute):
                table = ast.unparse(node.value).rpartition(".")[2]
                if table in {"objects", "_default_manager"} and node.attr in plain:
                    yield name_of(path), f"{node.lineno}: {ast.unparse(node)}"


def machine_clocks() -> Iterator[Finding]:
    """Time is handed in, so that every decision can be made again as of its moment."""
    clock = re.compile(r"(datetime|date|timezone|time)\.(now|utcnow|today|time|time_ns|localdate)")
    for path in sources():
        for node in nodes(path, ast.Attribute):
            if clock.fullmatch(ast.unparse(node)):
                yield name_of(path), f"{node.lineno}: {ast.unparse(node)}"


def bare_bells() -> Iterator[Finding]:
    """Work is a row first (ledger.work): a bare message is lost with its worker."""
    for path in sources():
        for node in nodes(path, ast.Attribute):
            if node.attr in {"delay", "apply_async", "send_task", "delay_on_commit"}:
                yield name_of(path), f"{node.lineno}: {ast.unparse(node)}"


def hidden_wiring() -> Iterator[Finding]:
    """Acts call what they mean; no receiver and no start-up hook of ours changes rows unseen."""
    for path in sources():
        for node in nodes(path, ast.FunctionDef, ast.ImportFrom):
            if getattr(node, "module", "") in {"django.dispatch", "django.db.models.signals"}:
                yield name_of(path), f"{node.lineno}: {node.module}"
            if getattr(node, "name", "") == "ready":
                yield name_of(path), f"{node.lineno}: ready"


@pytest.mark.parametrize(
    ("ban", "allowed"),
    [
        (floats, FLOATS_ARE_FINE),
        (unseated_queries, ASKS_ALL_ROWS),
        (machine_clocks, THE_MACHINE_CLOCK),
        (bare_bells, RINGS_THE_BELL),
        (hidden_wiring, {}),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_banned_words_do_not_stand_in_the_source(
    ban: Callable[[], Iterator[Finding]], allowed: dict[str, str]
):
    found = list(ban())
    assert [each for each in found if each[0] not in allowed] == []
    assert set(allowed) <= {name for name, _ in found}, "an exception nobody needs any more"


def swallowed() -> Iterator[str]:
    """Yield functions that catch everything and pass nothing on."""
    for path in sources():
        for function in nodes(path, ast.FunctionDef, ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if not isinstance(node, ast.ExceptHandler):
                    continue
                caught = ast.unparse(node.type) if node.type else "BaseException"
                raises = any(isinstance(each, ast.Raise) for each in ast.walk(node))
                if caught in {"Exception", "BaseException"} and not raises:
                    yield f"{name_of(path)}:{function.name}"


def test_a_fault_is_never_swallowed():
    assert set(swallowed()) == set(SWALLOWS_FAULTS)


def test_no_file_has_a_name_that_could_hold_anything():
    parts = {
        (name_of(path), part)
        for path in sources() + files_of_tests()
        for part in path.relative_to(ROOT).with_suffix("").parts
    }
    assert sorted(each for each in parts if each[1] in VAGUE_NAMES) == []


def test_no_place_of_a_machine_and_no_package_registry_is_written_down():
    found = [
        f"{name_of(path)}: {line.strip()[:80]}"
        for path in readable()
        if name_of(path) not in MACHINE_PATHS
        for line in text_of(path).splitlines()
        if PLACES_OF_A_MACHINE.search(line) or REGISTRY_HOSTS.search(line)
    ]
    assert found == []


def test_nothing_made_by_others_is_committed():
    scripts = {name_of(path) for path in committed_files() if path.suffix in {".js", ".css"}}
    assert {each for each in scripts if each.startswith("static/")} <= OWN_SCRIPTS
    assert [name_of(path) for path in committed_files() if path.suffix in COMMITTED_ASSETS] == []


def test_no_committed_file_is_large():
    large = {name_of(path): path.stat().st_size for path in committed_files()}
    assert {name: size for name, size in large.items() if size > LARGEST_BYTES} == {}


def test_every_silenced_finding_names_its_rule():
    loose = re.compile(r"#\s*noqa\s*(?!:)|#\s*type:\s*ignore\s*(?!\[)")
    found = [
        f"{name_of(path)}:{number}"
        for path in sources()
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if loose.search(line)
    ]
    assert found == []

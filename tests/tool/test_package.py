"""The distribution: its shared files are those of the house, its words are whole."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from importlib.metadata import distribution, version

import pytest

from providers.records import FIELDS
from tests.tool.program import TOOL

WORDS = tomllib.loads((TOOL / "slq" / "words.toml").read_text(encoding="utf-8"))
SOURCES = sorted((TOOL / "slq").glob("*.py"))


def test_the_shared_files_are_those_of_the_house():
    ran = subprocess.run(
        [sys.executable, TOOL / "refresh.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, ""), "run python tool/refresh.py"


def test_it_imports_nothing_but_what_it_declares():
    told = tomllib.loads((TOOL / "pyproject.toml").read_text())["project"]["dependencies"]
    declared = {re.split(r"[>=;<]", each)[0].strip().replace("-", "_") for each in told}
    imported = {
        name.partition(".")[0]
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        )
    }
    assert imported - sys.stdlib_module_names - {"slq"} <= declared


def test_every_word_is_said_in_both_languages_with_the_same_values():
    for name, said in WORDS.items():
        assert set(said) == {"zh", "en"}, name
        values = [set(re.findall(r"(?<!\{)\{(\w+)\}", said[tongue])) for tongue in ("zh", "en")]
        assert values[0] == values[1], name


def test_every_word_that_is_asked_for_exists():
    text = "".join(path.read_text(encoding="utf-8") for path in SOURCES)
    asked = set(re.findall(r'(?:speech|tell|Unclear|BadReceipt)\(\s*"(\w+)"', text))
    assert asked
    assert asked <= set(WORDS)


def test_the_columns_it_writes_are_those_of_the_record():
    written = ast.parse((TOOL / "slq" / "mapping.py").read_text(encoding="utf-8"))
    (fields,) = (
        ast.literal_eval(node.value)
        for node in written.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "FIELDS"
    )
    assert set(fields) == set(FIELDS)


def plain_name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def needed(name: str, known: set[str]) -> set[str]:
    """Return a distribution and all that it needs here, extras left out."""
    if name in known:
        return known
    known.add(name)
    for line in distribution(name).requires or ():
        asked = re.match(r"[A-Za-z0-9_.\-]+", line)
        here = not re.search(r"extra ==|python_version\s*<|platform|implementation_name", line)
        if asked and here:
            needed(plain_name(asked[0]), known)
    return known


def test_the_versions_it_is_tried_with_are_written_down():
    told = tomllib.loads((TOOL / "pyproject.toml").read_text())["project"]["dependencies"]
    all_of_it: set[str] = set()
    for each in told:
        if "win32" not in each:
            needed(plain_name(re.split(r"[>=;<]", each)[0].strip()), all_of_it)
    lines = (TOOL / "constraints.txt").read_text().splitlines()
    pinned = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert pinned == {name: version(name) for name in sorted(all_of_it)}


@pytest.mark.slow
def test_it_installs_into_an_empty_environment_without_django(tmp_path):
    """By pip, as the README says; in a copy, so that nothing is left beside the source."""
    shutil.copytree(TOOL, tmp_path / "tool", ignore=shutil.ignore_patterns("build", "*.egg-info"))
    venv.create(tmp_path / "empty", with_pip=True)
    there = tmp_path / "empty" / "bin"
    plain = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    plain |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words, cwd=tmp_path, env=plain, capture_output=True, text=True, check=False, timeout=300
        )

    made = run(there / "pip", "install", "./tool", "-c", "tool/constraints.txt")
    if "No matching distribution" in made.stderr or "connection" in made.stderr.lower():
        pytest.skip("no package registry can be reached from this machine")
    assert made.returncode == 0, made.stderr
    assert run(there / "pip", "check").returncode == 0
    assert run(there / "python", "-c", "import django").returncode != 0
    told = tomllib.loads((tmp_path / "tool" / "pyproject.toml").read_text())["project"]["version"]
    assert run(there / "slq", "--version").stdout == f"slq {told}\n"
    assert "示例：" in run(there / "slq", "push", "--help").stdout


HELP = """
import argparse, json
from slq.cli import build_parser
from slq.words import Speech
def commands(parser, name):
    yield name, parser
    for action in parser._actions:
        for word, each in (action.choices or {}).items() if action.nargs == "A..." else ():
            yield from commands(each, f"{name} {word}")
found = {}
for tongue in ("zh", "en"):
    for name, parser in commands(build_parser(Speech(tongue)), "slq"):
        silent = [a.dest for a in parser._actions if not a.help and a.nargs != "A..."]
        found[f"{tongue} {name}"] = [parser.format_help(), silent]
print(json.dumps(found))
"""


def test_every_command_is_explained_in_both_languages_with_examples_first(program):
    told = program.python(HELP)
    assert len(told) == 2 * 16
    for name, (text, silent) in told.items():
        chinese = name.startswith("zh")
        assert silent == [], name
        assert text.index("示例：" if chinese else "Examples:") < text.index(
            "选项：" if chinese else "options:"
        )
        assert chinese or not re.search("[\u4e00-\u9fff]", text), name

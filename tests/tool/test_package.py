"""The distribution: its shared files are those of the house, its words are whole."""

import ast
import re
import subprocess
import sys
import tomllib

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

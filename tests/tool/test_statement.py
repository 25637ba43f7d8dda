"""``slq statement``: what the service says, as a table, as CSV, as JSON."""

import csv
import io

import pytest

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def month(line, program):
    """A month with one record that counts and one that waits."""
    strange = line.row(2, device_model="nobody-knows-this")
    rows = [line.row(n) for n in range(10, 13)]
    assert program.run("push", line.file("usage.csv", *rows, strange)).code == 0
    return line


def test_a_month_is_a_table_that_ends_with_its_total(month, program):
    ran = program.run("statement", "2026-10")
    assert ran.code == 0, ran.err
    head, only, total = ran.out.rstrip("\n").split("\n")
    cells = dict(zip(head.split("\t"), only.split("\t"), strict=True))
    assert cells["order_no"] == month.there.order.order_no
    assert (cells["usage_month"], cells["state"]) == ("2026-10", "preliminary")
    assert total.split("\t")[4] == cells["pflops_hours"] == "0.000260"
    assert "尚未结算" in ran.err
    assert "unknown_model" in ran.err


def test_as_csv_and_as_json_it_says_the_same(month, program):
    told = program.run("statement", "2026-10", "--json").json
    (row,) = csv.DictReader(io.StringIO(program.run("statement", "2026-10", "--csv").out))
    (line,) = told["lines"]
    assert row == {name: str(line[name]) for name in row}
    assert line["device_milli_seconds"] == "3000"
    assert told["preliminary"] is True


def test_without_a_month_the_months_are_listed(month, program):
    assert program.run("statement").out == "2026-10\tpreliminary\n"


@pytest.mark.parametrize(
    "words", [["2026-13"], ["october"], ["2026-10", "--csv", "--json"], ["2026-1"]]
)
def test_a_month_that_is_none_is_wrong_use(line, program, words):
    ran = program.run("statement", *words)
    assert ran.code == 2
    assert "Traceback" not in ran.err

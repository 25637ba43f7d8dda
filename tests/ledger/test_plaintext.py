"""The books as beancount: an independent tool adds them up, and finds one changed fen."""

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

from ledger import chart
from ledger.balances import balance
from ledger.plaintext import export_books
from ledger.rolling import roll_up
from tests.ledger.making import (
    AT,
    BUDGET,
    TREASURY,
    a_small_month,
    book,
    grant,
    issue,
    journal,
    move,
    seal_all,
    voucher,
)
from tests.ledger.test_inspecting import as_owner

pytestmark = pytest.mark.django_db(transaction=True)


def bean_check(path: Path) -> subprocess.CompletedProcess:
    program = Path(sys.executable).with_name("bean-check")
    return subprocess.run(
        [program, "--no-cache", path], capture_output=True, text=True, timeout=60, check=False
    )


def exported(tmp_path: Path) -> Path:
    path = tmp_path / "books.beancount"
    told = io.StringIO()
    call_command("export_books", str(path), stdout=told)
    assert told.getvalue().startswith("已导出 ")
    return path


@pytest.fixture
def file(tmp_path) -> Path:
    a_small_month()
    seal_all()
    roll_up(AT)
    book(grant(7), issue(5))
    return exported(tmp_path)


def test_bean_check_agrees_to_the_last_unit(file):
    checked = bean_check(file)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_every_account_has_its_balance_asserted_with_no_tolerance(file):
    text = file.read_text()
    opened = re.findall(r"^\S+ open (\S+) ", text, re.MULTILINE)
    asserted = re.findall(r"^\S+ balance (\S+)  (-?\d+) ~ 0 ", text, re.MULTILINE)
    assert sorted(opened) == sorted(name for name, _ in asserted)
    assert len(opened) == len(set(opened)) == 11
    left = {int(amount) for _, amount in asserted}
    assert {-balance(key).posted for key in (TREASURY, BUDGET, voucher())} <= left


AMOUNT = re.compile(r"  (-?)(\d+) (FEN|GFLOPS-S)$", re.MULTILINE)


def test_one_changed_amount_fails_wherever_it_stands(file):
    text = file.read_text()
    places = list(AMOUNT.finditer(text))
    assert len(places) == 2 * 11
    for place in places[::5]:
        changed = str(int(place[2]) + 1)
        file.write_text(text[: place.start(2)] + changed + text[place.end(2) :])
        assert bean_check(file).returncode != 0, place[0]


def test_both_sides_of_a_transfer_changed_alike_fail_by_the_assertions(file):
    text = file.read_text()
    file.write_text(text.replace(" 50000 FEN", " 50001 FEN").replace("-50000 FEN", "-50001 FEN"))
    checked = bean_check(file)
    assert checked.returncode != 0
    assert "Balance failed" in checked.stderr


def test_a_changed_assertion_fails(file):
    text = file.read_text()
    file.write_text(re.sub(r"(\d+) ~ 0 FEN", lambda m: f"{int(m[1]) + 1} ~ 0 FEN", text, count=1))
    assert "Balance failed" in bean_check(file).stderr


@pytest.mark.unbalanced
def test_a_balance_row_that_drifted_is_found_by_the_other_tool(tmp_path):
    a_small_month()
    as_owner("UPDATE ledger_accountbalance SET credits_posted = credits_posted + 1")
    assert "Balance failed" in bean_check(exported(tmp_path)).stderr


def test_what_is_only_held_is_no_movement(file):
    text = file.read_text()
    assert "voucher.release" not in text
    assert text.count("voucher.redeem") == 1
    assert 'code: "300"' not in text
    assert 'code: "310"' in text


def test_awkward_texts_are_quoted(tmp_path):
    odd = chart.budget('p "quoted" \\ 年')
    move_in = move(chart.treasury(odd.programme), odd, 3, chart.TransferCode.GRANT)
    book(journal(move_in, kind='kind "x"'))
    checked = bean_check(exported(tmp_path))
    assert checked.stderr == ""


def test_empty_books_are_an_empty_file_that_checks(tmp_path):
    assert export_books(tmp_path / "none.beancount").accounts == 0
    assert bean_check(tmp_path / "none.beancount").returncode == 0

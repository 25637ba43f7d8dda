"""The commands of the room: what they print and with which status they end."""

import io
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from config.invariants import INVARIANTS
from ledger import audit, models
from ledger.signing import VerificationKey
from ledger.verifying import verify
from tests.ledger.making import AT, KEYS, a_small_month, book, grant, seal_all
from tests.ledger.test_inspecting import as_owner
from tests.roles import address_of
from tests.worker import environment

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]


def told(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def failing(*arguments: str) -> str:
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command(*arguments, stdout=out)
    assert ended.value.code == 1
    return out.getvalue()


def test_sound_books_and_log_are_told_so():
    a_small_month()
    seal_all()
    assert told("check_books").startswith(f"账簿无误：{len(INVARIANTS)} 项")
    assert told("verify_log").startswith("日志无误：13 条")
    assert json.loads(told("check_books", "--json"))["findings"] == []
    assert json.loads(told("verify_log", "--json")) == []


@pytest.mark.unbalanced
def test_a_changed_row_is_named_and_the_status_is_one():
    a_small_month()
    seal_all()
    as_owner("UPDATE ledger_transfer SET amount = amount + 1 WHERE code = 500")
    assert "balance_drift" in failing("check_books")
    assert "balance_drift" in {
        each["name"] for each in json.loads(failing("check_books", "--json"))["findings"]
    }
    assert ".amount" in failing("verify_log")
    assert any(each["name"] == "transfer" for each in json.loads(failing("verify_log", "--json")))


def test_one_rule_alone_can_be_checked():
    a_small_month()
    only = told("check_books", "--json", "--only", "leaf_gap", "--only", "month_total")
    assert json.loads(only) == {"checked": ["leaf_gap", "month_total"], "findings": []}
    with pytest.raises(CommandError, match="没有这一项：leaf_gaps"):
        call_command("check_books", "--only", "leaf_gaps")


def test_a_key_is_made_once_and_told():
    first = told("make_log_key")
    assert told("make_log_key") == first
    keys = [VerificationKey.parse(each) for each in first.split()]
    assert keys == audit.ensure_keys(AT)
    assert [each.algorithm.title for each in keys] == ["Ed25519", "ML-DSA-44", "SM2-SM3"]


@pytest.mark.sealer
def test_sealing_once_seals_what_is_there():
    a_small_month()
    audit.ensure_key(AT)
    for _ in range(200):
        if "检查点 13" in told("seal_log", "--once"):
            break
        time.sleep(0.05)
    assert audit.latest_checkpoint().size == 13


def test_without_a_key_sealing_says_what_to_do():
    book(grant(1))
    with pytest.raises(CommandError, match="make_log_key"):
        call_command("seal_log", "--once")


def test_a_mark_is_adopted_only_on_demand():
    assert "尚无检查点" in told("seal_log", "--adopt-mark")
    a_small_month()
    seal_all()
    (settings.VAR_DIR / "log" / "seal.mark").unlink()
    book(grant(1))
    with pytest.raises(CommandError, match="拒绝签发"):
        call_command("seal_log", "--once")
    assert "已采用检查点 13" in told("seal_log", "--adopt-mark")
    assert seal_all().size == 14


def test_the_log_is_exported_into_one_file(tmp_path):
    with pytest.raises(CommandError, match="未能导出"):
        call_command("export_log", str(tmp_path / "log.bundle"))
    a_small_month()
    seal_all()
    assert "已导出 13 条日志" in told("export_log", str(tmp_path / "log.bundle"))
    with (tmp_path / "log.bundle").open("rb") as file:
        assert verify(file).manifest.entries == 13
    with pytest.raises(CommandError, match="未能导出"):
        call_command("export_log", str(tmp_path / "nowhere" / "log.bundle"))


@pytest.mark.slow
def test_the_sealer_runs_each_second_and_stops_when_told():
    audit.ensure_key(AT)
    book(grant(1))
    sealer = subprocess.Popen(
        [sys.executable, "manage.py", "seal_log"],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
        env={**environment(), "DATABASE_URL_SEAL": address_of("seal")},
    )  # fmt: skip
    try:
        for count in (1 + KEYS, 2 + KEYS):
            until = time.monotonic() + 60
            while models.LogLeaf.objects.count() < count and time.monotonic() < until:
                time.sleep(0.1)
            assert models.LogLeaf.objects.count() == count
            book(grant(1)) if count == 1 + KEYS else None
        sealer.send_signal(signal.SIGTERM)
        assert sealer.wait(20) == 0
    finally:
        sealer.kill()
        sealer.communicate()

"""The launcher's words to a person, and the doors that let commands find the data."""

import contextlib
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import manage
from deploy import launcher
from deploy.servers import ServerFailed
from deploy.story import logins, story, summary

TOLD = {
    "vouchers": [
        {
            "voucher_no": "PTSLJ-2026-000001",
            "enterprise": "示例公司",
            "face_fen": 9_600_000,
            "balance_fen": 8_149_705,
        }
    ],
    "statements": [
        {
            "statement_no": "PTSL-JS-2026-10-000001",
            "pflops_hours": "980.368862",
            "gross_fen": 1_879_301,
            "public_fen": 751_720,
            "state_label": "已付款",
        }
    ],
    "reports": [{"report_no": "PTSL-BG-1", "check_code": "VQ02", "path": "var/reports/1.pdf"}],
    "checkpoint": {"size": 446, "root": "d0d6"},
    "cases": [{"name": "某公司", "next": "等待受理"}],
    "logins": [{"username": "reviewer", "password": "demo", "role": "初审"}],
}


@pytest.fixture
def played(tmp_path):
    """Give a folder in which the demonstration was played."""
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "summary.json").write_text(json.dumps(TOLD), encoding="utf-8")
    return tmp_path


@pytest.fixture
def own_root(tmp_path, monkeypatch):
    monkeypatch.setattr(launcher, "ROOT", tmp_path)
    return tmp_path


def test_the_month_is_told_in_lines(played):
    assert list(story(summary(played))) == [
        "算力券 PTSLJ-2026-000001 示例公司 面额 96,000.00 元，余额 81,497.05 元",
        "对账单 PTSL-JS-2026-10-000001 980.368862 PFLOPS·h，总价 18,793.01 元，"
        "券抵扣 7,517.20 元，已付款",
        "报告 PTSL-BG-1 校验码 VQ02 var/reports/1.pdf",
        "日志 446 条，树根 d0d6",
        "某公司：等待受理",
    ]
    assert list(logins(summary(played))) == ["reviewer     demo   初审"]


@pytest.mark.parametrize("text", ["", "{", "[]"])
def test_a_summary_that_cannot_be_read_is_no_summary(tmp_path, text):
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "summary.json").write_text(text)
    assert summary(tmp_path) == {}
    assert summary(tmp_path / "nowhere") == {}


def test_a_demonstration_that_was_played_is_told_again_and_not_played_again(
    played, monkeypatch, capsys
):
    monkeypatch.setattr(launcher, "is_empty", lambda environment: False)
    monkeypatch.setattr(launcher, "must", lambda *_: pytest.fail("played again"))
    launcher.seed(played, {})
    assert "余额 81,497.05 元" in capsys.readouterr().out


def test_other_peoples_data_is_left_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(launcher, "is_empty", lambda environment: False)
    monkeypatch.setattr(launcher, "must", lambda *_: pytest.fail("played on others' data"))
    launcher.seed(tmp_path, {})
    assert "没有演示摘要" in capsys.readouterr().out


def test_a_machine_without_pdf_libraries_is_not_shown_half_a_month(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(launcher, "is_empty", lambda environment: True)
    monkeypatch.setattr(launcher, "must", lambda *_: pytest.fail("played without PDFs"))
    failed = subprocess.CompletedProcess([], returncode=1)
    monkeypatch.setattr(launcher.subprocess, "run", lambda *_, **__: failed)
    launcher.seed(tmp_path, {})
    assert "PDF" in capsys.readouterr().out


def test_a_port_in_use_is_told_before_anything_is_started(own_root, monkeypatch):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setenv("PORT", str(other.getsockname()[1]))
        with pytest.raises(ServerFailed, match="PORT="):
            launcher.open_house(serve=True)
    assert not (own_root / "var" / "pg").exists()
    assert not (own_root / "var" / "secrets.env").exists()


def test_two_launchers_of_one_checkout_do_not_mix(own_root):
    (own_root / "var").mkdir(exist_ok=True)
    with launcher.only_one(own_root / "var") as free:
        assert free
        with pytest.raises(ServerFailed, match="正在运行"):
            launcher.open_house(serve=False)


def test_secrets_are_made_once_and_for_their_owner_alone(tmp_path):
    first = launcher.read_secrets(tmp_path)
    assert launcher.read_secrets(tmp_path) == first
    assert len(first["SECRET_KEY"]) >= 50
    assert stat.S_IMODE((tmp_path / "secrets.env").stat().st_mode) == 0o600


def test_a_whole_test_run_is_spread_and_a_part_is_not():
    whole = launcher.pytest_words([])
    assert whole[whole.index("-n") + 1] in {"1", "2", "3", "4"}
    assert "loadfile" in whole
    assert launcher.pytest_words(["tests/ledger", "-k", "x"]) == [
        *("-m", "pytest", "tests/ledger", "-k", "x")
    ]


@pytest.fixture
def asked(monkeypatch):
    """Catch which words reach Django, and in which environment."""
    caught = []
    monkeypatch.setattr(
        manage, "execute_from_command_line", lambda words: caught.append(dict(os.environ))
    )
    return caught


def test_a_command_with_a_database_url_starts_nothing(asked, monkeypatch, played):
    (played / "secrets.env").touch()
    monkeypatch.setattr(manage, "OWN_DATA", played)
    monkeypatch.setattr(manage, "servers", lambda *_, **__: pytest.fail("started a server"))
    manage.main()
    assert len(asked) == 1


@pytest.mark.parametrize("house_is_open", [False, True])
def test_a_command_without_one_works_on_the_data_of_the_checkout(
    asked, monkeypatch, capsys, played, house_is_open
):
    @contextlib.contextmanager
    def servers(folder, *, running):
        assert (folder, running) == (played, house_is_open)
        sys.stdout.write("数据库 PostgreSQL 已启动")
        yield {"DATABASE_URL": "postgres://here/house"}

    (played / "secrets.env").touch()
    monkeypatch.setattr(manage, "OWN_DATA", played)
    monkeypatch.setattr(manage, "servers", servers)
    monkeypatch.delenv("DATABASE_URL")
    with launcher.only_one(played) if house_is_open else contextlib.nullcontext():
        manage.main()
    assert asked[0]["DATABASE_URL"] == "postgres://here/house"
    told = capsys.readouterr()
    assert "PostgreSQL" not in told.out  # a command's own output stays its own
    assert "PostgreSQL" in told.err


def test_a_checkout_that_was_never_run_says_what_is_missing(asked, monkeypatch, tmp_path):
    monkeypatch.setattr(manage, "OWN_DATA", tmp_path)
    monkeypatch.delenv("DATABASE_URL")
    manage.main()
    assert "DATABASE_URL" not in asked[0]  # the settings then list what a start needs


@pytest.fixture
def ready_checkout(tmp_path):
    """Give a checkout whose Python environment is already in place."""
    shutil.copytree(Path(manage.ROOT) / "deploy", tmp_path / "deploy")
    (tmp_path / "deploy" / "assets.sh").write_text("echo assets: up to date\n")
    for name in ("requirements.lock", "uv.txt"):
        (tmp_path / name).write_text("nothing\n")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho Python 3.11.2\n")
    python.chmod(0o755)
    mark = subprocess.run(
        "cat requirements.lock uv.txt | cksum; .venv/bin/python -V",
        shell=True,
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    (tmp_path / ".venv" / ".house-stamp").write_bytes(mark.stdout)
    return tmp_path


def set_up(checkout, *words, **environment):
    return subprocess.run(
        ["sh", "deploy/bootstrap.sh", *words],
        cwd=checkout,
        env=os.environ | {"NO_APT": "1"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_second_set_up_has_nothing_to_say(ready_checkout):
    bare = ready_checkout / "bin"
    bare.mkdir()
    (bare / "dpkg-query").write_text("#!/bin/sh\necho install ok installed\n")
    (bare / "dpkg-query").chmod(0o755)
    done = set_up(ready_checkout, PATH=f"{bare}:{os.environ['PATH']}")
    assert done.returncode == 0, done.stderr
    assert "安装" not in done.stdout
    assert "缺少" not in done.stdout


def test_missing_libraries_are_named_in_one_line_to_copy(ready_checkout):
    bare = ready_checkout / "bin"
    bare.mkdir()
    (bare / "dpkg-query").write_text("#!/bin/sh\nexit 1\n")
    (bare / "dpkg-query").chmod(0o755)
    path = f"{bare}:{os.environ['PATH']}"
    libraries = "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fontconfig fonts-noto-cjk"
    line = "apt-get update && apt-get install -y --no-install-recommends"
    done = set_up(ready_checkout, PATH=path)
    assert done.returncode == 0, done.stderr
    assert f"    {line} {libraries}\n" in done.stdout
    tests_too = set_up(ready_checkout, "test", PATH=path, CHROMIUM_PATH="")
    assert "poppler-utils" in tests_too.stdout

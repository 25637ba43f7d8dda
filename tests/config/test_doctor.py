"""The doctor: a whole house is well, and each fault is named and told in Chinese."""

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from types import SimpleNamespace

import pytest
from django.core.management import call_command
from django.db import OperationalError
from django.utils.timezone import now

from config.management.commands import doctor
from ledger import clock, exploring, incidents, work
from ledger.actors import system_actor
from ledger.audit import latest_checkpoint, record
from ledger.invariants import Finding
from ledger.models import Cosignature, Work
from tests.ledger.bodies import listing
from tests.ledger.making import seal_all
from tests.ledger.small_log import AUDIT
from tests.vouchers import story
from vouchers.notices import tell_enterprise

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 2, 1, tzinfo=UTC)
ACTOR = system_actor("test")


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(doctor, "SEALER_TRIES", 1)


@pytest.fixture
def worker_answers(monkeypatch):
    control = SimpleNamespace(ping=lambda timeout: [{"worker@here": {"ok": "pong"}}])
    monkeypatch.setattr(doctor, "app", SimpleNamespace(control=control))


@pytest.fixture
def well(transactional_db, quick, worker_answers, settings):
    """Give the house all that a doctor looks for."""
    style = settings.VAR_DIR / "static" / "build" / "house.css"
    style.parent.mkdir(parents=True)
    style.touch()
    settings.STATIC_ROOT = settings.VAR_DIR / "static"
    seal_all(AT)
    with clock.set_to(AT):
        yield


def results() -> dict[str, doctor.Result]:
    return {each.name: each for each in doctor.look_over()}


def told(*words: str) -> tuple[str, int]:
    """Return what the command prints and its exit status."""
    out = StringIO()
    try:
        call_command("doctor", *words, stdout=out)
    except SystemExit as end:
        return out.getvalue(), int(end.code)
    return out.getvalue(), 0


def test_a_whole_house_has_no_fault(well):
    # The clock of the test is held half a year from the database's; nothing else is amiss.
    levels = {name: each.level for name, each in results().items()}
    assert levels.pop("clock") == doctor.FAIL
    assert levels.pop("disk") in {doctor.OK, doctor.WARN}
    assert set(levels.values()) == {doctor.OK}


def test_the_clocks_agree_when_nobody_holds_them():
    with clock.set_to(now()):
        assert doctor.machine_clock()[0] in {doctor.OK, doctor.WARN}


def test_every_line_says_in_chinese_how_it_stands(well):
    text, status = told()
    assert len(text.splitlines()) == len(doctor.LOOKS)
    assert text.startswith("[正常] 数据库：PostgreSQL")
    assert status == 1  # the held clock


def test_machines_read_json(well):
    text, _ = told("--json")
    listed = json.loads(text)
    assert [each["name"] for each in listed] == list(doctor.LOOKS)
    assert set(listed[0]) == {"name", "title", "level", "detail"}


def test_a_warning_alone_ends_well_unless_asked_to_be_strict(monkeypatch):
    looks = {"one": ("一项", lambda: (doctor.WARN, "留意"), False)}
    monkeypatch.setattr(doctor, "LOOKS", looks)
    assert told() == ("[注意] 一项：留意\n", 0)
    assert told("--strict")[1] == 1


def test_without_a_database_the_looks_that_need_it_are_not_taken(monkeypatch, quick):
    def broken() -> tuple[str, str]:
        raise OperationalError

    monkeypatch.setitem(doctor.LOOKS, "database", ("数据库", broken, True))
    found = results()
    assert found["database"].detail == "数据库不可用（OperationalError）"
    assert found["sealer"].detail == "数据库有故障，未检查"
    assert found["disk"].detail != found["sealer"].detail


def test_a_migration_that_waits_is_a_fault(monkeypatch):
    monkeypatch.setattr(doctor, "migrations_are_applied", lambda: "2 waiting")
    assert doctor.migrations()[0] == doctor.FAIL


def test_a_dead_broker_is_a_fault(monkeypatch):
    monkeypatch.setattr(doctor, "broker_answers", lambda: "ConnectionRefusedError")
    level, detail = doctor.broker()
    assert level == doctor.FAIL
    assert "CELERY_BROKER_URL" in detail


def test_safe_mode_and_nights_without_a_check_are_noticed():
    actor, at = system_actor("check-books"), now()
    with clock.set_to(at):
        assert doctor.books() == (doctor.OK, "还没有核对记录")
        incidents.keep_result([], 56, actor=actor, at=at - timedelta(days=3))
        assert doctor.books()[0] == doctor.WARN
        incidents.keep_result([], 56, actor=actor, at=at)
        assert doctor.books()[0] == doctor.OK
        incidents.keep_result([Finding("leaf_gap", "1", "x")], 56, actor=actor, at=at)
        level, detail = doctor.books()
    assert level == doctor.FAIL
    assert "/office/books/" in detail


@pytest.mark.parametrize(
    ("answers", "level"), [([], doctor.WARN), ([{"w": {"ok": "pong"}}], doctor.OK)]
)
def test_silent_workers_are_noticed(monkeypatch, answers, level):
    control = SimpleNamespace(ping=lambda timeout: answers)
    monkeypatch.setattr(doctor, "app", SimpleNamespace(control=control))
    assert doctor.worker()[0] == level


def test_a_worker_cannot_answer_through_a_dead_broker(monkeypatch):
    def refuse(timeout: int) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(doctor, "app", SimpleNamespace(control=SimpleNamespace(ping=refuse)))
    assert doctor.worker()[0] == doctor.FAIL


def test_work_that_was_given_up_is_noticed():
    row = work.request("count", key="1", payload={}, actor=ACTOR, at=AT)
    assert doctor.pieces_of_work() == (doctor.OK, "1 项未完成")
    Work.objects.filter(pk=row.pk).update(state=Work.State.DEAD)
    assert doctor.pieces_of_work()[0] == doctor.WARN


def test_an_entry_that_nobody_seals_is_noticed(well):
    record("test.event", {}, actor=ACTOR, at=AT)
    level, detail = doctor.sealer()
    assert level == doctor.WARN
    assert detail.startswith("1 条日志未封存，最早一条已等待 0 秒")


def test_an_entry_that_waits_longer_than_promised_is_a_fault(well):
    record("test.event", {}, actor=ACTOR, at=clock.now() - timedelta(seconds=75))
    level, detail = doctor.sealer()
    assert level == doctor.FAIL
    assert "最早一条已等待 7" in detail
    assert "承诺不超过 60 秒" in detail


def test_a_missing_signing_key_is_a_fault():
    assert doctor.signing_key()[0] == doctor.FAIL


def test_a_log_that_does_not_verify_is_a_fault(monkeypatch):
    assert doctor.log_tail() == (doctor.OK, "日志刚刚启用，尚未签发第一个检查点。")
    forged = exploring.Health(False, "核验未通过：检查点的签名无效。")
    monkeypatch.setattr(exploring, "health", lambda shown: forged)
    assert doctor.log_tail() == (doctor.FAIL, forged.sentence)


def test_a_witness_that_fell_behind_is_noticed(well, settings):
    settings.LOG_WITNESSES = listing(("http://127.0.0.1:9", AUDIT.keys[0]))
    assert results()["witnesses"].level == doctor.WARN
    assert "audit.test/witness" in results()["witnesses"].detail
    size = latest_checkpoint().size
    key_id = AUDIT.keys[0].key_id.hex()
    Cosignature.objects.create(
        size=size, witness="audit.test/witness", key_id=key_id, algorithm="x", line="x", at=AT
    )
    assert results()["witnesses"].level == doctor.OK
    settings.LOG_WITNESSES = "/nowhere"
    assert results()["witnesses"].level == doctor.FAIL


def test_a_house_without_its_folder_is_told_so(settings):
    settings.VAR_DIR = settings.VAR_DIR / "nowhere"
    assert doctor.disk()[0] == doctor.FAIL


def test_a_machine_without_chinese_letters_is_told_what_to_install(monkeypatch):
    monkeypatch.setattr(doctor, "CHINESE_FONT", "NoSuchFont")
    level, detail = doctor.chinese_font()
    assert level == doctor.FAIL
    assert "fonts-noto-cjk" in detail


def test_a_machine_without_pango_is_told_so(monkeypatch):
    def missing(name: str) -> None:
        raise OSError("cannot load library 'libpango-1.0-0'\nmore words")

    monkeypatch.setattr(doctor, "importlib", SimpleNamespace(import_module=missing))
    assert doctor.chinese_font() == (
        doctor.FAIL,
        "缺少排版组件，不能生成 PDF：cannot load library 'libpango-1.0-0'",
    )


@pytest.mark.parametrize(
    ("gib", "level"),
    [(0, doctor.FAIL), (1, doctor.WARN), (4, doctor.WARN), (5, doctor.OK)],
)
def test_a_full_disk_is_noticed_in_time(monkeypatch, gib, level):
    usage = SimpleNamespace(free=gib * doctor.GIB)
    monkeypatch.setattr(doctor, "shutil", SimpleNamespace(disk_usage=lambda _: usage))
    assert doctor.disk()[0] == level


def test_missing_style_sheets_are_noticed(settings):
    settings.STATIC_ROOT = settings.VAR_DIR / "static"
    shutil.rmtree(settings.STATIC_ROOT, ignore_errors=True)
    assert doctor.assets()[0] == doctor.WARN


@pytest.mark.parametrize(
    ("today", "level"),
    [
        (datetime(2026, 10, 1, tzinfo=UTC), doctor.OK),
        (datetime(2026, 12, 1, tzinfo=UTC), doctor.WARN),
        (datetime(2031, 6, 1, tzinfo=UTC), doctor.FAIL),
    ],
)
def test_a_year_without_holidays_is_noticed_two_months_ahead(today, level):
    with clock.set_to(today):
        found, detail = doctor.holidays()
    assert found == level
    assert level == doctor.OK or "load_holidays" in detail


@pytest.mark.parametrize(
    ("offset", "level"),
    [(timedelta(seconds=2), doctor.WARN), (timedelta(minutes=2), doctor.FAIL)],
)
def test_a_wrong_clock_is_noticed(offset, level):
    with clock.set_to(now() - offset):
        assert doctor.machine_clock()[0] == level


def test_mails_and_files_that_wait_too_long_are_noticed(settings):
    assert doctor.mail()[0] == doctor.scanner()[0] == doctor.OK
    settings.FILE_SCANNER = "command:/no/such/program"
    with clock.set_to(story.AT):
        draft = story.a_draft()
        admin = draft.enterprise.seats.get().user
        admin.email = "admin@firm.example"
        admin.save()
        say = {"about": draft, "at": story.AT}
        tell_enterprise(draft.enterprise, "enterprise_verified", {}, **say)
    with clock.set_to(story.AT + timedelta(hours=2)):
        assert "1 封邮件" in doctor.mail()[1]
        assert "3 个文件" in doctor.scanner()[1]
        assert doctor.mail()[0] == doctor.scanner()[0] == doctor.WARN
    settings.MAIL = replace(settings.MAIL, on=False)
    assert "只进站内信箱" in doctor.mail()[1]

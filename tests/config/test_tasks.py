"""Jobs, their times and their handlers fit together, and each job does its act."""

import ast
import importlib
from datetime import timedelta

import pytest
from celery.schedules import crontab

from config import tasks
from config.celery import app
from config.invariants import INVARIANTS
from config.schedule import SCHEDULE
from ledger import clock, incidents, rolling
from ledger.refusals import Broken
from ledger.witnessing import Outcome
from tests.house.source_tree import ROOMS, ROOT, name_of, nodes, sources
from tests.ledger.making import AT, a_small_month, book, meter, seal_all
from tests.ledger.test_invariants import PLANTED, planted
from tests.vouchers import story
from vouchers.models import Voucher
from vouchers.spending import voucher_position

OURS = {name for name in app.tasks if name.startswith("config.")}


def kinds_asked_for() -> set[str]:
    """Return every kind of work that some act requests, read from the source."""
    found = set()
    for path in sources():
        room = path.relative_to(ROOT).parts[0]
        for call in nodes(path, ast.Call):
            if room in ROOMS and ast.unparse(call.func) in {"work.request", "request_work"}:
                kind = call.args[0]
                module = name_of(path).removesuffix(".py").replace("/", ".")
                found.add(
                    kind.value
                    if isinstance(kind, ast.Constant)
                    else getattr(importlib.import_module(module), ast.unparse(kind))
                )
    return found


def test_all_work_that_is_asked_for_has_a_handler_and_no_handler_is_idle():
    assert kinds_asked_for() == set(tasks.HANDLERS)


def test_beat_follows_the_schedule():
    assert app.conf.beat_schedule is SCHEDULE
    assert app.conf.timezone == "Asia/Shanghai"


def test_every_job_has_a_time_except_the_bell():
    assert {job["task"] for job in SCHEDULE.values()} == OURS - {"config.tasks.ring"}


def test_sweeper_roll_ups_and_the_log_come_by_day_and_the_rest_at_night():
    times = {job["task"]: job["schedule"] for job in SCHEDULE.values()}
    assert times.pop("config.tasks.sweep") == 10.0
    assert times.pop("config.tasks.witness_log") == 60.0
    assert times.pop("config.tasks.stamp_log") == crontab(minute=7)
    assert times.pop("config.tasks.roll_up") == 60.0
    assert times.pop("config.tasks.index_log") == 60.0
    assert times.pop("config.tasks.deliver_webhooks") == 30.0
    assert times.pop("config.tasks.deliver_mail") == 10.0
    assert times.pop("config.tasks.scan_files") == 10.0
    assert times.pop("config.tasks.write_letters") == 30.0
    assert times.pop("config.tasks.warn_of_keys") == crontab(hour=8, minute=30)  # people read it
    assert times.pop("config.tasks.allocate_budget") == 60.0
    assert times.pop("config.tasks.deem_statements") == 60.0
    reminders = times.pop("config.tasks.remind_holders_of_vouchers")
    assert reminders == crontab(hour=9, minute=0)  # people read it
    for hourly in ("forget_uses", "look_for_oddities", "index_names", "remove_exports"):
        assert times.pop(f"config.tasks.{hourly}").hour == set(range(24))
    assert all(isinstance(time, crontab) and max(time.hour) < 6 for time in times.values())


@pytest.mark.django_db
def test_the_sweeper_finds_nothing_in_an_empty_house():
    assert tasks.sweep() == tasks.ring() == 0


@pytest.mark.django_db(transaction=True)
def test_the_roll_up_comes_when_it_is_worth_it():
    a_small_month()
    seal_all()
    rolling.roll_up(AT)  # places that earlier tests took and gave back do not count from here on
    book(meter(1))
    seal_all()
    assert tasks.roll_up() == 0
    book(*(meter(1) for _ in range(tasks.WORTH_A_ROLL_UP)))
    seal_all()
    assert tasks.roll_up() > 0


@pytest.mark.django_db
def test_a_voucher_lapses_in_the_night_after_its_last_day():
    voucher = story.a_voucher()
    with clock.set_to(voucher.valid_until - timedelta(minutes=1)):
        assert tasks.expire_vouchers() == 0
    with clock.set_to(voucher.valid_until + timedelta(minutes=5)):
        assert tasks.expire_vouchers() == 1
        assert tasks.expire_vouchers() == 0
    voucher.refresh_from_db()
    assert voucher.state == Voucher.State.EXPIRED
    assert voucher_position(voucher).expired == voucher.face_fen


@pytest.mark.django_db(transaction=True)
def test_a_night_without_findings_is_quiet():
    story.a_voucher()
    seal_all()
    tasks.check_books()


@pytest.mark.django_db(transaction=True)
def test_a_night_with_entries_that_nobody_sealed_is_loud(caplog):
    story.a_voucher()
    with pytest.raises(Broken, match="findings"):
        tasks.check_books()
    assert "entry_overdue" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_sealed_entries_are_made_findable_by_the_minute():
    a_small_month()
    size = seal_all().size
    assert tasks.index_log() == size
    assert tasks.index_log() == 0


@pytest.mark.django_db(transaction=True)
def test_a_night_with_a_finding_is_loud_and_begins_safe_mode(caplog):
    a_small_month()
    seal_all()
    with planted(*PLANTED["balance_drift"]):
        with pytest.raises(Broken, match="safe mode"):
            tasks.check_books()
        assert incidents.safe_mode()
        (told,) = incidents.results()
        assert told.checked == len(INVARIANTS)
        assert "balance_drift" in told.names
    assert "balance_drift" in caplog.text


@pytest.mark.django_db
@pytest.mark.unbalanced
def test_the_night_checks_what_every_room_says_must_hold():
    story.a_voucher()
    Voucher.objects.update(returned_fen=1)
    with pytest.raises(Broken):
        tasks.check_books()
    assert "voucher_value" in incidents.results()[0].names


def test_a_worker_tells_its_machine_and_process():
    assert tasks.worker_name().rpartition(":")[2].isdigit()


@pytest.mark.django_db(transaction=True)
def test_a_witness_that_disagrees_begins_safe_mode(caplog):
    """Anybody may say so; that another body has proof of a fork is for people to find out."""
    tasks._witness_disagrees(Outcome("审计局", 7, "disagrees", "422"))
    assert "审计局 disagrees at size 7" in caplog.text
    (opened,) = incidents.open_incidents()
    assert opened.findings[0]["name"] == "witness_disagrees"

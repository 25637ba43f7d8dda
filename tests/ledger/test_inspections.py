"""The auditor's button: the whole chain checked as a piece of work, told in one sentence."""

from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.urls import reverse

from config import tasks
from ledger import audit, models
from ledger.inspections import WORK_KIND, first_wrong, in_a_sentence
from ledger.invariants import Finding
from tests.ledger.making import a_small_month, seal_all
from tests.ledger.test_inspecting import as_owner
from tests.roles import give_group

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def auditor(client):
    call_command("sync_roles", verbosity=0)
    user = get_user_model().objects.create_user(
        username="auditor", password="x", display_name="审计", person_hash="p"
    )
    give_group(user, Group.objects.get(name="auditor"))
    client.force_login(user)
    a_small_month()
    seal_all()
    return client


def inspected(client) -> str:
    answer = client.post(reverse("office_log_inspect"), {"key": str(uuid4())})
    assert "等待开始" in client.get(answer["Location"]).content.decode()
    assert tasks.sweep() == 1
    return client.get(answer["Location"]).content.decode()


def test_a_sound_chain_is_told_in_one_sentence(auditor):
    newest = audit.latest_checkpoint()
    text = inspected(auditor)
    root = newest.root_hex[:8]
    told = f"共 {newest.size} 条，校验通过，树根 {root}…，与 2026-10-01 发布的检查点一致。"
    assert told in text
    result = models.LogEntry.objects.get(type="audit.result")
    assert b'"findings":"0"' in bytes(result.body)
    text = auditor.get(reverse("office_log")).content.decode()
    assert "校验通过" in text
    assert "所列条目" not in text  # it lists none
    seal_all()


@pytest.mark.unbalanced
def test_a_broken_chain_names_the_first_entry(auditor):
    as_owner("UPDATE ledger_logleaf SET hash = sha256(hash) WHERE index = 6")
    text = inspected(auditor)
    assert "第 6 条起不一致" in text
    assert "ledger_logleaf 6" in text
    assert "inset--bad" in text


def test_the_first_wrong_place_is_found_from_any_row(auditor):
    journal = models.Journal.objects.order_by("seq")[3]
    entry = models.LogEntry.objects.get(id=journal.id)
    place = models.LogLeaf.objects.get(entry=entry).index
    transfer = models.Transfer.objects.filter(journal_id=journal.seq).first()
    for subject in (f"ledger_journal {journal.seq}.kind", f"ledger_transfer {transfer.pk}.amount",
                    f"ledger_logentry {entry.seq}.at", f"ledger_logleaf {place}"):  # fmt: skip
        assert first_wrong([Finding("x", subject, "")]) == place, subject
    assert first_wrong([Finding("x", "seal.mark", ""), Finding("x", "ledger_logleaf 9", "")]) == 9
    assert first_wrong([Finding("x", "seal.mark", "")]) is None
    assert "发现不一致" in in_a_sentence(None, [Finding("x", "seal.mark", "")], None)
    assert "没有可核验" in in_a_sentence(None, [], None)


def test_who_presses_twice_gets_the_check_that_is_under_way(auditor):
    first = auditor.post(reverse("office_log_inspect"), {"key": str(uuid4())})
    second = auditor.post(reverse("office_log_inspect"), {"key": "nonsense"})
    assert first["Location"] == second["Location"]
    assert models.Work.objects.filter(kind=WORK_KIND).count() == 1
    assert auditor.get(reverse("office_log_inspection", args=[uuid4()])).status_code == 404

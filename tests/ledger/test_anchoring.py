"""Files out to another chain and back: exact, once, and only for checkpoints that exist."""

import hashlib
import io
import json
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from ledger import audit, models
from ledger.anchoring import (
    MAX_RECEIPT_BYTES,
    AnchorSink,
    anchored,
    import_receipt,
    read_receipt,
)
from ledger.entries import decode
from ledger.refusals import Refused
from ledger.suites import SM3
from tests.ledger.making import ACTOR, AT, LATER, book, grant, seal_all

pytestmark = pytest.mark.django_db(transaction=True)
RECEIPT = "回执：区块 1024，交易 0xabc".encode()


def grow() -> audit.Checkpoint:
    book(grant(1))
    return seal_all()


def test_what_goes_out_explains_itself_and_its_digests_are_right():
    newest = grow()
    files = {each.name: each for each in AnchorSink().export(newest, b"token", AT)}
    assert set(files) == {"checkpoint.note", "checkpoint.tsr", "anchor.json", "README.txt"}
    note = files["checkpoint.note"].read_bytes()
    told = json.loads(files["anchor.json"].read_text())
    assert note == newest.note.encode()
    assert told["note_sha256"] == hashlib.sha256(note).hexdigest()
    assert told["note_sm3"] == hashlib.new("sm3", note).hexdigest() == SM3.digest(note).hex()
    assert told["token_sha256"] == hashlib.sha256(b"token").hexdigest()
    assert (told["size"], told["root"]) == (str(newest.size), newest.root_hex)
    assert all(isinstance(each, str) for each in told.values())
    assert f"--size {newest.size} " in files["README.txt"].read_text()
    assert files["anchor.json"].parent.parent == settings.VAR_DIR / "anchors" / "out"


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl command here")
def test_openssl_counts_the_same_sm3_digest():
    folder = AnchorSink().export(grow(), None, AT)[0].parent
    words = ["openssl", "dgst", "-sm3", "-r", "checkpoint.note"]
    made = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True).stdout
    assert made.split()[0] == json.loads((folder / "anchor.json").read_text())["note_sm3"]


def test_what_was_handed_out_does_not_change_when_it_is_exported_again():
    newest = grow()
    before = [each.read_bytes() for each in AnchorSink().export(newest, None, AT)]
    after = [each.read_bytes() for each in AnchorSink().export(newest, None, LATER)]
    assert before == after
    stamped = AnchorSink().export(newest, b"token", LATER)
    assert {each.name for each in stamped[0].parent.iterdir()} == {each.name for each in stamped}
    assert len(list((settings.VAR_DIR / "anchors" / "out").iterdir())) == 2
    assert not list((settings.VAR_DIR / "anchors").rglob("*.part"))


def bring(content: bytes = RECEIPT, **change):
    given = {"size": audit.latest_checkpoint().size, "source": "浦江数链", **change}
    return import_receipt(content, **given, actor=ACTOR, at=AT)


def test_a_receipt_is_kept_as_it_is_and_logged():
    newest = grow()
    kept, fresh = bring()
    assert fresh
    assert (kept.receipt, kept.size, kept.source) == (RECEIPT, newest.size, "浦江数链")
    entry = decode(bytes(models.LogEntry.objects.get(type="anchor.receipt").body))
    assert entry["id"] == kept.entry_id
    assert entry["body"] == {
        "size": str(newest.size),
        "root": newest.root_hex,
        "sha256": hashlib.sha256(newest.note.encode()).hexdigest(),
        "sm3": SM3.digest(newest.note.encode()).hex(),
        "receipt_sha256": hashlib.sha256(RECEIPT).hexdigest(),
        "source": "浦江数链",
    }
    seal_all()
    assert anchored(newest.size) == [kept]
    assert anchored(newest.size + 1) == []


def test_the_same_receipt_again_is_answered_as_the_first_time():
    grow()
    first, _ = bring()
    again, fresh = bring(source="另写的来源")
    assert (again, fresh) == (first, False)
    assert models.LogEntry.objects.filter(type="anchor.receipt").count() == 1


def test_two_who_bring_one_receipt_at_once_keep_it_once():
    size = grow().size
    gate, told = threading.Barrier(4), []

    def run() -> None:
        try:
            gate.wait(30)
            told.append(bring(size=size)[1])
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert sorted(told) == [False, False, False, True]
    assert models.Anchor.objects.count() == 1
    assert models.LogEntry.objects.filter(type="anchor.receipt").count() == 1


@pytest.mark.parametrize(
    ("content", "change", "code"),
    [
        (b"", {}, "receipt_empty"),
        (bytes(MAX_RECEIPT_BYTES + 1), {}, "receipt_too_large"),
        (RECEIPT, {"size": 99}, "no_such_checkpoint"),
        (RECEIPT, {"size": 0}, "no_such_checkpoint"),
        (RECEIPT, {"size": -1}, "no_such_checkpoint"),
        (RECEIPT, {"size": 2**80}, "no_such_checkpoint"),
        (RECEIPT, {"source": " "}, "source_missing"),
        (RECEIPT, {"source": "x" * 101}, "source_missing"),
        (RECEIPT, {"source": "a\nb"}, "source_missing"),
    ],
)
def test_a_receipt_that_cannot_be_is_refused_and_leaves_nothing(content, change, code):
    grow()
    with pytest.raises(Refused) as refused:
        bring(content, **change)
    assert refused.value.code == code
    assert models.Anchor.objects.count() == 0
    assert not models.LogEntry.objects.filter(type="anchor.receipt").exists()


def test_a_receipt_kept_for_one_checkpoint_is_not_taken_for_another():
    first = grow().size
    bring()
    second = grow().size
    with pytest.raises(Refused, match=f"长度 {first} "):
        bring(size=second)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(Refused, match="不能读取"):
        read_receipt(tmp_path / "absent")
    (tmp_path / "large").write_bytes(bytes(MAX_RECEIPT_BYTES * 2))
    assert len(read_receipt(tmp_path / "large")) == MAX_RECEIPT_BYTES + 1


def told(*words: str) -> str:
    out = io.StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def test_the_commands_hand_out_and_take_in(tmp_path):
    with pytest.raises(CommandError, match="还没有检查点"):
        told("anchor_export")
    newest = grow()
    out = told("anchor_export").splitlines()
    assert [Path(each).name for each in out] == ["README.txt", "anchor.json", "checkpoint.note"]
    assert told("anchor_export", "--size", str(newest.size)).splitlines() == out
    with pytest.raises(CommandError, match="没有这个检查点"):
        told("anchor_export", "--size", "999")
    file = AnchorSink().incoming / "receipt.bin"
    file.write_bytes(RECEIPT)
    words = ("anchor_import", str(file), "--size", str(newest.size), "--source", "浦江数链")
    assert told(*words).startswith("已登记：浦江数链")
    assert told(*words).startswith("此前已登记：浦江数链")
    with pytest.raises(CommandError, match="没有长度为 77 的检查点"):
        told("anchor_import", str(file), "--size", "77", "--source", "浦江数链")

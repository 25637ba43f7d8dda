"""The five minutes of the README, word by word, by a program that knows nothing of the house."""

import json
import stat

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from ledger.signing import VerificationKey, open_note
from providers import admitting
from providers.models import UsageRecord, ZeroDeclaration
from tests.providers import world
from tests.tool.conftest import HEAD

pytestmark = pytest.mark.django_db(transaction=True)
ROW = "first-1,TEST-OK,nvidia-a100,8,2026-10-01T08:00:00+08:00,2026-10-01T09:00:00+08:00\n"


def mode_of(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_from_keygen_to_a_verified_receipt(line, program):
    made = program.run("keygen", "--out", "mine.pem")
    assert made.code == 0
    assert load_pem_public_key(made.out.encode())
    assert mode_of(program.folder / "mine.pem") == 0o600
    new = admitting.propose_key(
        line.there.provider, "test", public_key=made.out, title="试用", actor=world.ENGINEER,
        at=world.AT,
    )  # fmt: skip
    told = ("--endpoint", line.url, "--key", "mine.pem", "--test")
    assert program.run("login", *told, typed=new.token + "\n").code == 0
    assert mode_of(program.folder / "config.json") == 0o600
    program.write("usage.csv", HEAD + ROW)

    tried = program.run("validate", "usage.csv", "--json")
    assert (tried.code, tried.json["counts"]["accepted"]) == (0, 1)
    assert UsageRecord.objects.count() == 0
    pushed = program.run("push", "usage.csv")
    batch_id, status, rows = pushed.out.split()
    assert (pushed.code, status, rows) == (0, "accepted", "1")
    asked = program.run("status", batch_id)
    assert asked.code == 0
    assert "pflops_hours\t2.496000" in asked.out
    verified = program.run("receipt", "verify", "usage.receipts.ndjson", "--against", "usage.csv")
    assert (verified.code, verified.out.split()[0]) == (0, batch_id)
    assert not UsageRecord.objects.get().livemode


def test_the_receipt_is_the_one_that_the_log_signed(line, program):
    program.run("push", line.file("usage.csv", line.row(1)))
    receipt = json.loads(program.read("usage.receipts.ndjson"))
    assert open_note(receipt["note"], VerificationKey.parse(receipt["vkey"]))
    verified = program.run("receipt", "verify", "usage.receipts.ndjson", "--json")
    assert [each["receipt"] for each in verified.json] == [receipt["receipt"]]
    assert verified.json[0]["level"] == "promised"


CHANGES = [
    (lambda r: r["receipt"]["counts"].update(accepted="9"), "明文与签名的内容不一致"),
    (lambda r: r.update(note=r["note"].replace('"accepted":"1"', '"accepted":"2"')), "签名"),
    (lambda r: r.update(note="nothing"), "不是回执"),
    (lambda r: r.pop("note"), "不是回执"),
]


def test_a_changed_receipt_does_not_hold(line, program):
    program.run("push", line.file("usage.csv", line.row(1)))
    for change, why in CHANGES:
        receipt = json.loads(program.read("usage.receipts.ndjson"))
        change(receipt)
        program.write("changed.json", json.dumps(receipt, indent=1))
        ran = program.run("receipt", "verify", "changed.json")
        assert ran.code == 3
        assert why in ran.err


def test_a_receipt_of_other_bytes_or_under_a_strange_key_does_not_hold(line, program):
    program.run("push", line.file("usage.csv", line.row(1)))
    line.file("other.csv", line.row(2))
    other = program.run("receipt", "verify", "usage.receipts.ndjson", "--against", "other.csv")
    assert other.code == 3
    stranger = VerificationKey("stranger", b"\x05" * 32).text
    strange = program.run("receipt", "verify", "usage.receipts.ndjson", "--vkey", stranger)
    assert strange.code == 3
    assert "没有可信公钥" in strange.err


def test_a_live_key_is_proved_by_the_tool(line, program):
    made = program.run("keygen", "--out", "new.pem")
    new = admitting.propose_key(
        line.there.provider, "live", public_key=made.out, title="新", actor=world.ENGINEER,
        at=world.AT,
    )  # fmt: skip
    proof = program.run("prove", new.key.challenge, "--key", "new.pem")
    proved = admitting.prove_possession(
        new.key, proof.out.strip(), actor=world.ENGINEER, at=world.AT
    )
    assert proved.possession_proved_at == world.AT


def test_a_day_without_use_is_declared(line, program):
    ran = program.run("zero", "2026-10-09")
    assert (ran.code, ran.out) == (0, "2026-10-09\n")
    assert ZeroDeclaration.objects.get().day.isoformat() == "2026-10-09"
    assert program.run("zero", "9.10.2026").code == 2


def test_the_doctor_finds_nothing_and_then_an_open_key_file(line, program):
    fine = program.run("doctor", "--json")
    assert fine.code == 0, fine.out
    assert {each["what"]: each["fine"] for each in fine.json}["签名"]
    (program.folder / "key.pem").chmod(0o644)
    ran = program.run("doctor", "--lang", "en")
    assert ran.code == 2
    assert "chmod 600" in ran.out

"""What the log hands out over HTTP: proofs, entries, evidence, consistency, promises."""

import json
import re
import subprocess
import tomllib
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ledger import audit, models
from ledger.checking import check
from ledger.entries import decode
from ledger.evidence import Package
from ledger.merkle import verify_consistency
from ledger.proofs import LogProof, open_promise
from ledger.signing import VerificationKey, from_base64
from ledger.verdicts import Trail
from tests.ledger.making import ACTOR, AT, a_small_month, seal_all

pytestmark = pytest.mark.django_db(transaction=True)
QUESTIONS = tomllib.loads(
    (Path(__file__).parent / "bad_questions.toml").read_text(encoding="utf-8")
)["question"]


@pytest.fixture
def log(client: Client) -> Client:
    a_small_month()
    seal_all()
    a_small_month()
    seal_all()
    return client


def body(client: Client, address: str, status: int = 200) -> bytes:
    answer = client.get(f"/public/log/{address}")
    assert answer.status_code == status, address
    return answer.content


def keys(client: Client) -> list[VerificationKey]:
    return [VerificationKey.parse(each) for each in body(client, "key").decode().split()]


def test_a_receipt_is_two_files_and_the_key(log):
    size = audit.latest_checkpoint().size
    for index in (0, 5, size - 1):
        proof, entry = body(log, f"proofs/{index}.tlog-proof"), body(log, f"entries/{index}.json")
        verdict = check([proof, entry], keys(log))
        assert verdict.code == "proof_holds"
        assert verdict.values == {"size": str(size), "index": str(index)}
        assert decode(entry)["log"] == "shuanli.putuo.example/ledger"
    old = models.Checkpoint.objects.order_by("size").first().size
    assert f"\n{old}\n" in body(log, f"proofs/3.tlog-proof?size={old}").decode()


def test_a_package_is_the_same_each_time_and_whole(log):
    size = audit.latest_checkpoint().size
    package = body(log, f"evidence/5.zip?size={size}")
    assert package == body(log, f"evidence/5.zip?size={size}")
    assert check([package], keys(log)).code == "proof_holds"
    held = Package.parse(package)
    assert held.policy == "".join(f"log {each}\n" for each in held.keys) + "quorum none\n"
    assert held.proof == LogProof.parse(body(log, "proofs/5.tlog-proof"))


def test_the_readme_of_a_package_tells_commands_that_work(log, tmp_path):
    with zipfile.ZipFile(BytesIO(body(log, "evidence/5.zip"))) as opened:
        opened.extractall(tmp_path)
    readme = (tmp_path / "README.txt").read_text()
    commands = readme.split("2. ")[1].split("叶子摘要")[0].split("\n", 1)[1]
    for each in ("xxd", "openssl"):
        if subprocess.run(["which", each], capture_output=True).returncode:
            pytest.skip(f"{each} is not installed here")
    run = {"cwd": tmp_path, "capture_output": True, "text": True}
    told = subprocess.run(["bash", "-c", commands], **run)
    assert told.stdout.strip() == "Signature Verified Successfully", told.stderr
    (tmp_path / "checkpoint").write_text(
        re.sub(r"\n(\d)", r"\n9\1", (tmp_path / "checkpoint").read_text(), count=1)
    )
    assert "Failure" in subprocess.run(["bash", "-c", commands], **run).stdout


def test_growth_is_proven_between_any_two_sizes(log):
    newest = audit.latest_checkpoint().size
    for old in (1, 7, 8, newest - 1, newest):
        told = json.loads(body(log, f"consistency?from={old}&to={newest}"))
        hashes = [bytes.fromhex(each) for each in told["hashes"]]
        roots = (bytes.fromhex(told["from_root"]), bytes.fromhex(told["to_root"]))
        verify_consistency(old, newest, hashes, *roots)
        lines = body(log, f"consistency?from={old}&to={newest}&format=text").decode().split()
        assert [from_base64(each) for each in lines] == hashes
    assert roots[0] == roots[1]


def test_old_checkpoints_stay(log):
    listed = json.loads(body(log, "checkpoints.json"))["checkpoints"]
    assert [each["size"] for each in listed] == sorted({e["size"] for e in listed}, reverse=True)
    for each in listed:
        assert check([body(log, f"checkpoints/{each['size']}")], keys(log)).code == (
            "checkpoint_signed"
        )
    below = json.loads(body(log, f"checkpoints.json?before={listed[0]['size']}"))["checkpoints"]
    assert below == listed[1:]
    body(log, "checkpoints/2", 404)


def test_a_promise_is_given_once_and_then_kept(log):
    entry = audit.record("test.event", {"n": 1}, actor=ACTOR, at=AT)
    address = f"promise?entry={entry.id}"
    told = json.loads(body(log, address, 202))
    assert told["index"] is None
    assert json.loads(body(log, address, 202)) == told
    promise = open_promise(told["promise"], keys(log), Trail())
    assert (promise.entry_id, promise.leaf.hex()) == (entry.id, entry.hash_hex)
    body(log, f"proof?entry={entry.id}&wait=0", 404)
    seal_all()
    told = json.loads(body(log, address))
    assert told["proof"] == f"/public/log/proofs/{told['index']}.tlog-proof"
    proof = log.get(told["proof"]).content
    files = [told["promise"].encode(), proof, body(log, f"entries/{told['index']}.json")]
    assert check(files, keys(log)).code == "promise_kept"


def test_a_sealed_entry_gets_no_promise_any_more(log):
    entry = models.LogEntry.objects.get(logleaf__index=4)
    told = json.loads(body(log, f"promise?entry={entry.id}"))
    assert (told["promise"], told["index"]) == (None, 4)
    assert models.Promise.objects.count() == 0


def address_of(question: dict) -> str:
    return re.sub(r"\{nines:(\d+)\}", lambda n: "9" * int(n[1]), question["address"])


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda each: each["id"])
def test_a_question_that_cannot_be_answered_gets_its_reason(log, question):
    answer = log.get(f"/public/log/{address_of(question)}")
    assert answer.status_code == question["status"]
    if answer["Content-Type"] == "application/json":
        assert answer.json()["code"] == question["code"]
        assert re.search("[一-鿿]", answer.json()["error"])


def test_a_thousand_parameters_are_refused(log):
    assert log.get(
        "/public/log/proof?" + "&".join(f"a{n}=1" for n in range(1_000))
    ).status_code == (400)


def test_files_say_their_kind_and_whether_they_can_change(log):
    size = audit.latest_checkpoint().size
    for address, kind, fixed in (
        ("entries/5.json", "application/json", True),
        (f"proofs/5.tlog-proof?size={size}", "text/plain; charset=utf-8", True),
        ("proofs/5.tlog-proof", "text/plain; charset=utf-8", False),
        (f"evidence/5.zip?size={size}", "application/zip", True),
        (f"checkpoints/{size}", "text/plain; charset=utf-8", True),
        (f"consistency?from=1&to={size}", "application/json", False),
    ):
        answer = log.get(f"/public/log/{address}")
        assert answer["Content-Type"] == kind
        assert ("immutable" in answer["Cache-Control"]) == fixed
        assert log.head(f"/public/log/{address}").status_code == 200
        assert log.post(f"/public/log/{address}").status_code == 405


def test_every_answer_asks_the_database_a_bounded_number_of_times(log):
    for address in ("proofs/5.tlog-proof", "entries/5.json", "evidence/5.zip", "checkpoint",
                    "consistency?from=3&to=20", "checkpoints.json", "proof?index=3"):  # fmt: skip
        with CaptureQueriesContext(connection) as asked:
            body(log, address)
        assert len(asked) <= 12, address

"""A receipt carries its place in the log, and with it everything to prove that place alone."""

import base64
import hashlib
import json

import pytest

from ledger.proofs import LogProof, verify_proof
from ledger.signing import VerificationKey, open_note
from ledger.verdicts import NotProven, Trail
from tests.ledger.making import seal_all
from tests.providers import world
from tests.providers.line import BATCHES, JSON, Line, client

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("november")]


def test_before_sealing_the_receipt_promises_and_has_the_entry():
    line = Line()
    batch_id = line.client.upload(line.body(), JSON).body["batch_id"]
    receipt = line.client.receipt(batch_id).body
    assert (receipt["log_index"], receipt["proof"], receipt["checkpoint"]) == (None, "", "")
    leaf = hashlib.sha256(b"\x00" + base64.b64decode(receipt["entry"])).digest()
    assert base64.b64encode(leaf).decode() in receipt["promise"]
    early = line.client.get(f"{BATCHES}/{batch_id}/receipt.tlog-proof")
    assert (early.status, early.body["code"]) == (409, "not_sealed")


def test_after_sealing_the_place_is_proved_by_the_receipt_alone():
    line = Line()
    body = line.body()
    batch_id = line.client.upload(body, JSON).body["batch_id"]
    seal_all(world.LATER)
    receipt = line.client.receipt(batch_id).body
    key = VerificationKey.parse(receipt["vkey"])
    entry = base64.b64decode(receipt["entry"])
    proof = LogProof.parse(receipt["proof"].encode())
    proven = verify_proof(proof, entry, [key], Trail())
    stated = json.loads(open_note(receipt["note"], key).split("\n")[1])
    assert stated["log_index"] == str(proven.index) == str(receipt["log_index"])
    assert receipt["checkpoint"] == proof.checkpoint
    said = json.loads(entry)["body"]
    assert said["batch"] == batch_id
    assert said["body_sha256"] == hashlib.sha256(body).hexdigest() == stated["body_sha256"]
    alone = line.client.get(f"{BATCHES}/{batch_id}/receipt.tlog-proof")
    assert alone.body["text"] == receipt["proof"]


def test_an_altered_entry_is_not_proved_and_a_strangers_proof_is_not_there():
    line = Line()
    batch_id = line.client.upload(line.body(), JSON).body["batch_id"]
    seal_all(world.LATER)
    receipt = line.client.receipt(batch_id).body
    entry = base64.b64decode(receipt["entry"]).replace(b'"accepted":"1"', b'"accepted":"2"')
    proof = LogProof.parse(receipt["proof"].encode())
    with pytest.raises(NotProven, match="树根不是检查点中的树根"):
        verify_proof(proof, entry, [VerificationKey.parse(receipt["vkey"])], Trail())
    _, token, _ = world.a_live_key(world.a_provider())
    stranger = client(token).get(f"{BATCHES}/{batch_id}/receipt.tlog-proof")
    assert stranger.status == 404

"""Programs that share no code with the house read what it publishes, and say the same.

Goal: a shared mistake cannot hide. Method: each verifier that is installed is given the public
files and must accept them, and must refuse them after a change. One that is not installed is
skipped with its name; docs/ledger.md says which were run and what they said.
"""

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from ledger import models
from ledger.cosigning import signature_of, witness_key
from ledger.keys import key_history
from ledger.merkle import leaf_hash
from ledger.sealing import latest_checkpoint
from ledger.signing import second_of, signed_message, split_note, to_base64
from ledger.suites import SM3
from ledger.witnessing import witness_newest, witnessed
from tests.ledger.bodies import honest, listing
from tests.ledger.making import book, grant, seal_all
from tests.ledger.published import Published, publish
from tests.ledger.small_log import AUDIT, SmallLog

HERE = Path(__file__).parent / "interop"
GO_SOURCES = Path("/usr/share/gocode")
BOUNCY_CASTLE = Path("/usr/share/java/bcprov.jar")
SPKI_ED25519 = bytes.fromhex("302a300506032b6570032100")
#: A Python of at least 3.12 with aics-witness installed; the house itself runs on 3.11.
NEWER_PYTHON = os.environ.get("INDEPENDENT_PYTHON", "")
#: A folder in which ``npm install sm-crypto`` was run.
SM_CRYPTO = os.environ.get("INDEPENDENT_NODE_MODULES", "")


def needs(condition: object, what: str):
    """Skip a test where a verifier is not installed, and say which."""
    return pytest.mark.skipif(not condition, reason=f"not installed here: {what}")


def run(*words: str, folder: Path = HERE, **more) -> subprocess.CompletedProcess[str]:
    """Run a verifier to its end."""
    environment = {**os.environ, **more.pop("env", {})}
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True,
                          timeout=300, **more)  # fmt: skip


@pytest.fixture
def published(transactional_db, tmp_path, settings) -> Published:
    return publish(tmp_path, settings)


def bend(path: Path, place: int = 5) -> None:
    """Change one byte of a file."""
    raw = bytearray(path.read_bytes())
    raw[place] ^= 1
    path.write_bytes(bytes(raw))


@needs(shutil.which("go") and (GO_SOURCES / "src/golang.org/x/mod").exists(),
       "Go with golang.org/x/mod (Debian golang-go, golang-golang-x-mod-dev)")  # fmt: skip
def test_go_opens_the_checkpoint_and_checks_proofs_over_our_tiles(published, tmp_path):
    settings = {"GOPATH": str(GO_SOURCES), "GO111MODULE": "off", "GOFLAGS": "",
                "GOCACHE": str(tmp_path / "go"), "HOME": str(tmp_path)}  # fmt: skip
    program = str(tmp_path / "verify")
    built = run("go", "build", "-o", program, "verify.go", env=settings)
    assert built.returncode == 0, built.stderr
    words = (program, str(published.folder), published.key.text, str(published.older.size),
             to_base64(published.older.root))  # fmt: skip
    for index in (0, 255, 256, 280, published.newest.size - 1):
        said = run(*words, str(index)).stdout
        assert said.startswith(f"OK: {published.key.name} size {published.newest.size}"), said
        assert "1 verified, 3 unverified" in said
    bend(published.folder / "tile" / "0" / "000", 32 * 255)
    assert run(*words, "255").stdout.startswith("NOT OK")
    bend(published.folder / "checkpoint", 3)
    assert "invalid signature" in run(*words, "0").stdout


@needs(importlib.util.find_spec("tlog_scales"), "tlog-scales (PyPI)")
def test_tlog_scales_counts_the_root_from_our_tiles_and_reads_all_three_lines(published):
    reading = importlib.import_module("tlog_scales.reader")
    backend = importlib.import_module("tlog_scales.backend").LocalBackend(published.folder)
    signing = importlib.import_module("tlog_scales.signing")
    reader = reading.TilesReader(backend)
    checkpoint = reader.get_checkpoint()
    assert reader.calculate_root_hash() == checkpoint.root_hash == published.newest.root
    keys = [published.key, *AUDIT.keys]
    known = signing.VkeySet(*(signing.Vkey.from_string(each.text) for each in keys))
    assert len(known.verify(checkpoint.signatures, checkpoint)) == 3
    size, old = checkpoint.size, published.older
    for index in (0, 255, 256, size - 1):
        leaf = leaf_hash(reader.get_entry(index))
        reader.get_inclusion_proof(index, size).check(leaf, checkpoint.root_hash)
    grown = reader.get_consistency_proof(old.size, size)
    grown.check(old.root, checkpoint.root_hash)
    with pytest.raises(importlib.import_module("tlog_scales.tlog").ConsistencyProofInvalid):
        grown.check(bytes(32), checkpoint.root_hash)
    bend(published.folder / "tile" / "1" / "000.p" / "1")
    assert reading.TilesReader(backend).get_checkpoint().root_hash != fresh_root(reading, backend)


def fresh_root(reading, backend) -> bytes:
    reader = reading.TilesReader(backend)
    reader.get_checkpoint()
    return reader.calculate_root_hash()


@needs(importlib.util.find_spec("pymerkle"), "pymerkle (PyPI)")
def test_pymerkle_builds_the_same_root(published):
    tree = importlib.import_module("pymerkle").InmemoryTree(algorithm="sha256")
    for index in range(published.newest.size):
        tree.append_entry(published.entry(index))
    assert tree.get_root() == published.newest.root
    assert tree.get_root(published.older.size) == published.older.root


@needs(shutil.which("openssl"), "the openssl command")
def test_openssl_checks_the_ed25519_lines_of_log_and_witness(published, tmp_path):
    text, lines = split_note(published.note)
    witness = AUDIT.keys[0]
    stated = signature_of(lines, witness)
    message = signed_message(witness.name, witness.algorithm, text, second_of(stated))
    for public, signed, signature in (
        (published.key.public, text.encode(), signature_of(lines, published.key)),
        (witness.public, message, stated[8:]),
    ):
        (tmp_path / "key.der").write_bytes(SPKI_ED25519 + public)
        (tmp_path / "signed").write_bytes(signed)
        (tmp_path / "signature").write_bytes(signature)
        words = ("openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "key.der",
                 "-keyform", "DER", "-in", "signed", "-sigfile", "signature")  # fmt: skip
        assert "Signature Verified Successfully" in run(*words, folder=tmp_path).stdout
        bend(tmp_path / "signed")
        assert run(*words, folder=tmp_path).returncode != 0


@needs(shutil.which("node"), "Node (20 or newer)")
def test_node_checks_signature_and_inclusion_in_thirty_lines(published):
    words = ("node", "note.mjs", str(published.folder / "checkpoint"), published.key.text,
             str(published.folder / "proof.json"))  # fmt: skip
    said = run(*words)
    assert said.stdout.startswith(f"OK: {published.key.name} size {published.newest.size}"), said
    proven = json.loads((published.folder / "proof.json").read_text())
    proven["entry"] = ("B" if proven["entry"][0] == "A" else "A") + proven["entry"][1:]
    (published.folder / "proof.json").write_text(json.dumps(proven))
    assert "inclusion" in run(*words).stderr


def verified_by_bouncy_castle(public: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether BouncyCastle accepts an SM2-with-SM3 signature.

    Args:
        public: uncompressed point, 65 bytes.
        signature: DER; the signer's id is the default 1234567812345678.
    """
    words = ("java", "-cp", str(BOUNCY_CASTLE), "Sm2.java")
    said = run(*words, public.hex(), message.hex(), signature.hex())
    assert said.returncode == 0, said.stderr
    return said.stdout.strip() == "OK"


def verified_by_sm_crypto(public: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether npm sm-crypto accepts an SM2-with-SM3 signature; arguments as above."""
    shutil.copy(HERE / "sm2.cjs", Path(SM_CRYPTO) / "sm2.cjs")
    words = ("node", "sm2.cjs", public.hex(), message.hex(), signature.hex())
    said = run(*words, folder=Path(SM_CRYPTO))
    assert said.returncode == 0, said.stderr
    return said.stdout.strip() == "OK"


#: The sample of GB/T 32918.5, appendix A: message "message digest".
SM2_PUBLIC = bytes.fromhex(
    "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
    "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
)
SM2_MESSAGE = b"message digest"
SM2_SIGNATURE = bytes.fromhex(
    "3046022100f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
    "022100b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
)
BOUNCY = needs(shutil.which("java") and BOUNCY_CASTLE.exists(), "Java, Debian libbcprov-java")
SM_CRYPTO_THERE = needs(
    shutil.which("node") and SM_CRYPTO and (Path(SM_CRYPTO) / "node_modules/sm-crypto").exists(),
    "npm sm-crypto (INDEPENDENT_NODE_MODULES)",
)


INDEPENDENT_SM2 = pytest.mark.parametrize(
    "verified",
    [
        pytest.param(verified_by_bouncy_castle, marks=BOUNCY),
        pytest.param(verified_by_sm_crypto, marks=SM_CRYPTO_THERE),
    ],
)


@INDEPENDENT_SM2
def test_an_independent_sm2_accepts_the_sample_of_the_standard(verified):
    assert verified(SM2_PUBLIC, SM2_MESSAGE, SM2_SIGNATURE)
    assert not verified(SM2_PUBLIC, SM2_MESSAGE + b"x", SM2_SIGNATURE)
    bent = bytes([*SM2_SIGNATURE[:-1], SM2_SIGNATURE[-1] ^ 1])
    assert not verified(SM2_PUBLIC, SM2_MESSAGE, bent)


@INDEPENDENT_SM2
def test_an_independent_sm2_accepts_the_sm3_checkpoint_of_the_house(verified, transactional_db):
    book(grant(1))
    seal_all()
    text, lines = split_note(latest_checkpoint(SM3).note)
    (key,) = key_history().active(int(text.split("\n")[1]), SM3.name)
    stated = signature_of(lines, key)
    der = encode_dss_signature(int.from_bytes(stated[:32]), int.from_bytes(stated[32:]))
    assert (key.public[0], len(key.public), len(stated)) == (4, 65, 64)
    assert verified(key.public, text.encode(), der)
    assert not verified(key.public, text.replace("/sm3", "/sm4").encode(), der)


AICS = needs(
    NEWER_PYTHON and not subprocess.run(
        [NEWER_PYTHON, "-c", "import aics_witness, sys; sys.exit(sys.version_info < (3, 12))"],
        capture_output=True).returncode,
    "aics-witness under Python 3.12 or newer (INDEPENDENT_PYTHON)",
)  # fmt: skip


@contextmanager
def foreign_witness(folder: Path, log_vkey: str):
    """Run aics-witness for one log; yield its address and key."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    words = (NEWER_PYTHON, "-m", "aics_witness")
    config = ("--config", str(folder / "w.json"))
    made = run(*words, "init", *config, "--name", "foreign.test/w", "--listen",
               f"127.0.0.1:{port}", folder=folder)  # fmt: skip
    vkey = witness_key(made.stdout.strip().splitlines()[-1])
    origin = log_vkey.partition("+")[0]
    added = run(*words, "add-log", *config, "--origin", origin, "--vkey", log_vkey, folder=folder)
    assert added.returncode == 0, added.stderr
    child = subprocess.Popen([*words, "serve", *config], cwd=folder, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with pytest.MonkeyPatch.context():
                try:
                    httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False)
                    break
                except httpx.TransportError:
                    time.sleep(0.1)
        yield f"http://127.0.0.1:{port}", vkey
    finally:
        child.terminate()
        child.wait(20)


@AICS
def test_aics_witness_cosigns_our_log_as_it_grows_and_refuses_its_fork(tmp_path, settings, db):
    """Our client speaks to a witness that others wrote; what it signs holds under our rule."""
    log, fork = SmallLog(), SmallLog(fork_at=3)
    with foreign_witness(tmp_path, log.key.text) as (address, vkey):

        def send(body: bytes) -> httpx.Response:
            return httpx.post(f"{address}/add-checkpoint", content=body, trust_env=False)

        answer = send(log.body(0, 5))
        _, lines = split_note(log.note(5) + answer.text)
        vkey.check(log.head(5).text, signature_of(lines, vkey))
        assert send(log.body(5, 9)).status_code == 200
        assert (send(log.body(4, 10)).status_code, send(log.body(4, 10)).text) == (409, "9\n")
        assert send(fork.body(9, 9)).status_code == 422
        assert send(fork.body(9, 12)).status_code == 422
        assert send(SmallLog("x.test/y").body(0, 5)).status_code == 404
        assert send(SmallLog(seed=4).body(9, 12)).status_code == 403


@AICS
def test_aics_witness_witnesses_the_house_itself(published, tmp_path, settings):
    folder = tmp_path / "foreign"
    folder.mkdir()
    with foreign_witness(folder, published.key.text) as (address, vkey):
        settings.LOG_WITNESSES = listing((address, vkey))
        assert [each.state for each in witness_newest(datetime.now(UTC))] == ["cosigned"]
        book(grant(1))
        newest = seal_all()
        assert [each.state for each in witness_newest(datetime.now(UTC))] == ["cosigned"]
        assert [each.witness for each in witnessed(newest.size)] == ["foreign.test/w"]
        assert [each.state for each in witness_newest(datetime.now(UTC))] == ["current"]
    assert models.Cosignature.objects.filter(witness="foreign.test/w").count() == 2


@AICS
@pytest.mark.django_db(transaction=True)
def test_the_client_of_aics_witness_is_served_by_our_witness(tmp_path):
    log, fork = SmallLog(), SmallLog(fork_at=3)
    (tmp_path / "logs").mkdir()
    asked = [(log, 5), (log, 5), (log, 64), (fork, 64), (fork, 70), (log, 9), (log, 70)]
    told = json.dumps([
        {"note": each.note(size),
         "proofs": [(old, [one.hex() for one in each.proof(old, size)])
                    for old in range(size + 1)]}
        for each, size in asked
    ])  # fmt: skip
    with honest(AUDIT, tmp_path, log.key) as address:
        words = (NEWER_PYTHON, "feed.py", address, AUDIT.keys[0].text)
        said = run(*words, input=told).stdout.split()
    assert said == [
        "cosigned", "cosigned", "cosigned", "WitnessRejected", "WitnessRejected",
        "WitnessAhead", "cosigned",
    ]  # fmt: skip

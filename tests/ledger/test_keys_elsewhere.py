"""The whole log signed by keys that this process never sees: a signer process, a token."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger import audit
from ledger.exporting import export_log
from ledger.inspecting import inspect_log
from ledger.keys import key_store, sign_text
from ledger.refusals import Broken
from ledger.signing import Algorithm, TreeHead, open_note
from ledger.verifying import verify
from tests.ledger.making import AT, LATER, a_small_month, book, grant, seal_all
from tests.ledger.test_signer import Running

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sealer]


@pytest.fixture
def signer(tmp_path, settings) -> Iterator[Running]:
    running = Running(tmp_path)
    running.start()
    settings.LOG_SIGNER = f"socket:{running.path}"
    yield running
    running.stop()


def test_a_month_is_sealed_and_checked_with_the_keys_of_another_process(signer, settings, tmp_path):
    a_small_month()
    seal_all()
    book(grant(1))
    checkpoint = seal_all(LATER)
    keys = audit.ensure_keys(AT)
    assert [each.as_dict() for each in inspect_log()] == []
    export_log(tmp_path / "log.bundle")
    with (tmp_path / "log.bundle").open("rb") as file:
        assert verify(file, keys[:1]).manifest.entries == checkpoint.size
    assert not (settings.VAR_DIR / "keys").exists()
    assert open_note(sign_text("here/receipt\n{}\n", at=AT), keys[0]).startswith("here/receipt")


def test_the_signer_stops_a_program_that_would_sign_a_second_history(signer, settings):
    """Whoever took over this process still cannot have another tree signed."""
    checkpoint = seal_all()
    key = audit.ensure_key(AT)
    for size in (checkpoint.size, checkpoint.size + 1):
        forged = TreeHead(settings.LOG_ORIGIN, size, bytes(32)).text
        with pytest.raises(Broken, match="the signer refuses"):
            key_store().line(key, forged, AT, growth=lambda old: [bytes(32)])


def seal_until_it_ends() -> None:
    while audit.seal(AT) is None:
        continue


def test_without_its_signer_the_log_waits_and_goes_on_afterwards(signer):
    seal_all()
    signer.stop()
    book(grant(1))
    with pytest.raises(Broken, match="does not answer"):
        seal_until_it_ends()
    signer.start()
    assert seal_all().size == 4


def test_a_token_and_files_sign_together(settings, tmp_path):
    """Ed25519 from the token; the kinds it does not know from files."""
    pytest.importorskip("pkcs11", reason="the optional extra pkcs11 is not installed")
    module = Path("/usr/lib/softhsm/libsofthsm2.so")
    if not module.exists():
        pytest.skip("SoftHSM2 is not installed (softhsm2)")
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", IN_A_PROCESS,
         str(tmp_path), str(module)],
        capture_output=True, text=True, cwd=settings.BASE_DIR, check=False, timeout=120,
    )  # fmt: skip
    assert told.stdout == "OK\n", told.stderr


#: SoftHSM reads its configuration once for a process, and test_hardware.py has its own.
IN_A_PROCESS = """
import os, pathlib, subprocess, sys
folder = pathlib.Path(sys.argv[1])
(folder / "conf").write_text(f"directories.tokendir = {folder}\\nlog.level = ERROR\\n")
(folder / "pin").write_text("7342")
os.environ["SOFTHSM2_CONF"] = str(folder / "conf")
subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", "log", "--pin", "7342",
                "--so-pin", "8800"], check=True, capture_output=True)
from datetime import UTC, datetime
from ledger.signers import parse_signer
from ledger.signing import Algorithm, TreeHead, VerificationKey, open_all
named = f"pkcs11:module={sys.argv[2]};token=log;pin-file={folder}/pin file:{folder}/keys"
store = parse_signer(named, folder)
head = TreeHead("here/log", 7, bytes(32)).text
kinds = (Algorithm.ED25519, Algorithm.COSIGN_MLDSA44, Algorithm.SM2_SM3)
keys = [VerificationKey("here/log", store.make(each), each) for each in kinds]
note = head + "\\n" + "".join(store.line(each, head, datetime.now(UTC)) for each in keys)
assert open_all(note, keys, strict=True) == head
assert sorted(each.name for each in (folder / "keys").iterdir()) == [
    "log-ml-dsa-44.pem", "log-sm2.pem"]
print("OK")
"""


def test_the_setting_names_the_place_that_is_used(settings, tmp_path):
    settings.LOG_SIGNER = f"file:{tmp_path}/elsewhere"
    key = audit.ensure_key(AT)
    assert (tmp_path / "elsewhere" / "log-ed25519.pem").exists()
    assert key_store().publics(Algorithm.ED25519) == [key.public]

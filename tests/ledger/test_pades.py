"""Signatures behind PDFs: by a file, by a token, with a time stamp; nothing before them changes."""

import shutil
import subprocess
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from deploy.time_authority import Server, TimeAuthority
from ledger import pades
from ledger.pades import SELF_SIGNED, FileSigner, find_signature, parse_pdf_signer
from ledger.printing import print_page
from ledger.refusals import Broken
from tests.ledger.test_hardware import MODULE, PIN

NOON = datetime(2026, 11, 9, 4, tzinfo=UTC)


@pytest.fixture(scope="module")
def plain() -> bytes:
    page = '<html lang="zh-Hans"><title>一页</title><body style="font-family: Noto Sans CJK SC">字'
    return print_page(page, made_at=NOON, digest=b"0" * 32).content


def test_a_self_signed_pair_is_made_once_and_says_what_it_is(plain: bytes, tmp_path: Path) -> None:
    signer = parse_pdf_signer("file:", tmp_path / "keys")
    first, second = signer.sign(plain), signer.sign(plain)
    assert first.startswith(plain)
    assert second.startswith(plain)
    assert (tmp_path / "keys" / "key.pem").stat().st_mode & 0o777 == 0o600
    found = find_signature(first)
    assert (found.subject, found.self_signed) == (SELF_SIGNED, True)
    assert (found.holds, found.covers_all) == (True, True)
    assert found.certificate_sha256 == signer.certificate_sha256
    assert find_signature(plain) is None
    assert find_signature(first + b"\n% more").covers_all is False
    spoilt = bytearray(first)
    spoilt[len(plain) // 2] ^= 1
    assert not getattr(find_signature(bytes(spoilt)), "holds", False)
    path = tmp_path / "signed.pdf"
    path.write_bytes(first)
    told = subprocess.run(["pdfsig", str(path)], check=False, capture_output=True, text=True)
    assert "Signature is Valid" in told.stdout
    assert "ETSI.CAdES.detached" in told.stdout
    assert "Total document signed" in told.stdout


def test_a_time_stamp_is_asked_for_and_may_be_missing(plain, tmp_path, settings) -> None:
    authority = TimeAuthority(tmp_path / "tsa")
    authority.make()
    signer = FileSigner(tmp_path / "keys", makes=True)
    with Server(("127.0.0.1", 0), authority) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings.LOG_TSA_URL = f"http://127.0.0.1:{server.server_address[1]}/"
        stamped = find_signature(signer.sign(plain))
        server.shutdown()
    assert stamped.holds
    assert stamped.stamped_at is not None
    settings.LOG_TSA_URL = "http://127.0.0.1:9/"  # nobody answers: signed all the same
    late = find_signature(signer.sign(plain))
    assert (late.holds, late.stamped_at) == (True, None)


def test_a_token_signs(plain, tmp_path) -> None:
    if not MODULE or not shutil.which("softhsm2-util"):
        pytest.skip("SoftHSM2 is not installed (softhsm2)")
    pades.make_self_signed(tmp_path / "made")
    conf = tmp_path / "softhsm2.conf"
    conf.write_text(f"directories.tokendir = {tmp_path}\nlog.level = ERROR\n")
    script = TOKEN.format(module=MODULE, folder=tmp_path, pin=PIN)
    (tmp_path / "pin").write_text(PIN)
    (tmp_path / "plain.pdf").write_bytes(plain)
    subprocess.run(["sh", "-ec", script], check=True, capture_output=True, timeout=120)
    found = find_signature((tmp_path / "signed.pdf").read_bytes())
    assert found.holds
    fingerprint = x509.load_pem_x509_certificate((tmp_path / "made" / "cert.pem").read_bytes())
    assert found.certificate_sha256 == fingerprint.fingerprint(hashes.SHA256()).hex()


# A process of its own: the library of a token is set up once for a process, by its environment.
TOKEN = """
export SOFTHSM2_CONF={folder}/softhsm2.conf
softhsm2-util --init-token --free --label seal --pin {pin} --so-pin 8800
softhsm2-util --import {folder}/made/key.pem --token seal --label doc --id a1 --pin {pin}
.venv/bin/python - <<'END'
import django
django.setup()
from pathlib import Path
from ledger.pades import parse_pdf_signer
folder = Path("{folder}")
signer = parse_pdf_signer(
    "pkcs11:module={module};token=seal;key=doc;cert={folder}/made/cert.pem;pin-file={folder}/pin",
    folder,
)
(folder / "signed.pdf").write_bytes(signer.sign((folder / "plain.pdf").read_bytes()))
END
"""


def test_a_setting_that_names_no_place_is_told(tmp_path: Path) -> None:
    assert parse_pdf_signer("none", tmp_path) is None
    for wrong in ("", "file:relative", "socket:/x", "pkcs11:module=/x", "pkcs11:", "http://x"):
        with pytest.raises(ValueError, match="PDF_SIGNER"):
            parse_pdf_signer(wrong, tmp_path)
    with pytest.raises(Broken, match="no certificate"):
        parse_pdf_signer(f"file:{tmp_path}/nothing", tmp_path).sign(b"")

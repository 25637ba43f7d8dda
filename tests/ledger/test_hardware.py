"""Keys inside a PKCS#11 token, with SoftHSM2 as the token."""

import shutil
import subprocess
from pathlib import Path

import pytest

from ledger import hardware
from ledger.hardware import ModuleKeys
from ledger.refusals import Broken
from ledger.signing import Algorithm, TreeHead, VerificationKey, open_note, split_note
from tests.ledger.making import AT

pytest.importorskip("pkcs11", reason="the optional extra pkcs11 is not installed")
MODULE = next(
    (
        str(each)
        for folder in ("/usr/lib/softhsm", "/usr/lib64/pkcs11", "/usr/lib/x86_64-linux-gnu/softhsm")
        if (each := Path(folder) / "libsofthsm2.so").exists()
    ),
    "",
)
if not MODULE or not shutil.which("softhsm2-util"):
    pytest.skip("SoftHSM2 is not installed (softhsm2)", allow_module_level=True)

HEAD = TreeHead("here/log", 7, bytes(32))
PIN = "7342"


@pytest.fixture(scope="module", autouse=True)
def _folder_of_tokens(tmp_path_factory) -> None:
    """SoftHSM reads its folder once for a process: all tokens of this file lie in one."""
    folder = tmp_path_factory.mktemp("softhsm")
    conf = folder / "softhsm2.conf"
    conf.write_text(f"directories.tokendir = {folder}\nlog.level = ERROR\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(conf))
        for label in ("first", "second", "third", "fourth", "fifth"):
            subprocess.run(
                ["softhsm2-util", "--init-token", "--free", "--label", label,
                 "--pin", PIN, "--so-pin", "8800"], check=True, capture_output=True, timeout=60,
            )  # fmt: skip
        yield


def token(label: str, folder: Path, pin: str = PIN) -> ModuleKeys:
    path = folder / "pin"
    path.write_text(pin + "\n")
    return ModuleKeys(MODULE, label, path)


def test_a_key_is_made_in_the_token_and_signs_there(tmp_path):
    keys = token("first", tmp_path)
    assert keys.makes == {Algorithm.ED25519}
    public = keys.make(Algorithm.ED25519)
    key = VerificationKey("here/log", public)
    note = f"{HEAD.text}\n{keys.line(key, HEAD.text, AT)}"
    assert open_note(note, key, alone=True) == HEAD.text
    assert token("first", tmp_path).publics(Algorithm.ED25519) == [public]


def test_a_second_key_comes_after_the_first(tmp_path):
    keys = token("second", tmp_path)
    made = [keys.make(Algorithm.ED25519) for _ in range(3)]
    found = keys.publics(Algorithm.ED25519)
    assert found[0] == made[0]
    assert set(found) == set(made)
    for public in made:
        key = VerificationKey("here/log", public)
        assert open_note(f"{HEAD.text}\n{keys.line(key, HEAD.text, AT)}", key) == HEAD.text


def test_other_kinds_of_keys_are_not_there(tmp_path):
    keys = token("third", tmp_path)
    assert keys.publics(Algorithm.SM2_SM3) == []
    with pytest.raises(Broken, match="makes no SM2-SM3 keys"):
        keys.make(Algorithm.SM2_SM3)
    stranger = VerificationKey("here/log", bytes(32))
    with pytest.raises(Broken, match="is not in"):
        keys.line(stranger, HEAD.text, AT)


def test_a_token_that_cannot_be_reached_is_told(tmp_path):
    public = token("fourth", tmp_path).make(Algorithm.ED25519)
    for keys in (token("nobody", tmp_path), token("fourth", tmp_path, "0000"),
                 ModuleKeys(MODULE, "fourth", tmp_path / "missing"),
                 ModuleKeys(str(tmp_path / "no.so"), "fourth", tmp_path / "pin")):  # fmt: skip
        with pytest.raises(Broken, match="does not answer"):
            keys.publics(Algorithm.ED25519)
    assert token("fourth", tmp_path).publics(Algorithm.ED25519) == [public]


def test_without_the_package_it_is_told_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(hardware, "pkcs11", None)
    with pytest.raises(Broken, match="optional extra"):
        token("first", tmp_path).publics(Algorithm.ED25519)


def test_its_line_has_the_form_of_any_other(tmp_path):
    keys = token("fifth", tmp_path)
    key = VerificationKey("here/log", keys.make(Algorithm.ED25519))
    named, blob = split_note(f"{HEAD.text}\n{keys.line(key, HEAD.text, AT)}")[1][0]
    assert (named, blob[:4], len(blob)) == ("here/log", key.key_id, 4 + 64)

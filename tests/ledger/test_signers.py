"""Where keys lie: files, the setting that names a place, several places as one."""

import os
from pathlib import Path

import pytest

from ledger.hardware import ModuleKeys
from ledger.keyfiles import STEMS, FileKeys, generate
from ledger.refusals import Broken
from ledger.signers import SeveralKeys, SignerSettingError, parse_signer, signer_fault
from ledger.signing import Algorithm, Signer, TreeHead, VerificationKey, open_note
from ledger.wire import SocketKeys
from tests.ledger.making import AT

HEAD = TreeHead("here/log", 7, bytes(32))
KINDS = list(STEMS)


@pytest.fixture
def keys(tmp_path) -> FileKeys:
    return FileKeys(tmp_path / "keys")


def names(store: FileKeys) -> list[str]:
    return sorted(each.name for each in store.folder.iterdir())


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_is_made_for_its_owner_alone_and_signs(keys, kind):
    public = keys.make(kind)
    path = keys.folder / f"{STEMS[kind]}.pem"
    assert path.stat().st_mode & 0o777 == 0o600
    assert keys.folder.stat().st_mode & 0o777 == 0o700
    key = VerificationKey("here/log", public, kind)
    note = f"{HEAD.text}\n{keys.line(key, HEAD.text, AT)}"
    assert open_note(note, key, alone=True) == HEAD.text
    assert FileKeys(keys.folder).publics(kind) == [public]


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_key_never_takes_the_place_of_the_first(keys, kind):
    first, second = keys.make(kind), keys.make(kind)
    assert keys.publics(kind) == [first, second]
    for public in (first, second):
        key = VerificationKey("here/log", public, kind)
        assert open_note(f"{HEAD.text}\n{keys.line(key, HEAD.text, AT)}", key) == HEAD.text
    assert len(names(keys)) == 2, "no half-written file is left"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o604, 0o601])
def test_a_file_that_others_may_read_is_refused(keys, mode):
    public = keys.make(Algorithm.ED25519)
    path = keys.folder / "log-ed25519.pem"
    key = VerificationKey("here/log", public)
    keys.line(key, HEAD.text, AT)
    path.chmod(mode)
    with pytest.raises(Broken, match="chmod 600"):
        keys.line(key, HEAD.text, AT)
    with pytest.raises(Broken, match="chmod 600"):
        keys.publics(Algorithm.ED25519)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("content", ["empty", "text", "other kind", "half"])
def test_a_file_that_is_no_key_is_told(keys, kind, content):
    other = KINDS[(KINDS.index(kind) + 1) % len(KINDS)]
    keys.make(kind)
    keys.make(other)
    path = keys.folder / f"{STEMS[kind]}.pem"
    pem = path.read_bytes()
    path.write_bytes({"empty": b"", "text": b"\xff\x00", "half": pem[: len(pem) // 2],
                      "other kind": (keys.folder / f"{STEMS[other]}.pem").read_bytes(),
                      }[content])  # fmt: skip
    with pytest.raises(Broken, match=f"is not an {kind.title} key"):
        keys.publics(kind)


def test_a_key_that_was_exchanged_on_disk_is_noticed(keys):
    public = keys.make(Algorithm.ED25519)
    key = VerificationKey("here/log", public)
    keys.line(key, HEAD.text, AT)
    (keys.folder / "log-ed25519.pem").unlink()
    assert keys.make(Algorithm.ED25519) != public
    with pytest.raises(Broken, match=r"signing key .* \(Ed25519\) is not in"):
        keys.line(key, HEAD.text, AT)


def test_a_folder_that_does_not_exist_holds_nothing(keys):
    assert keys.publics(Algorithm.ED25519) == []
    assert keys.publics(Algorithm.COSIGN_ED25519) == []
    with pytest.raises(Broken, match="does not sign with"):
        generate(Algorithm.COSIGN_ED25519)


def test_the_default_is_the_folder_of_the_house(tmp_path):
    for text, folder in (("file:", tmp_path), ("file:/srv/keys", Path("/srv/keys"))):
        store = parse_signer(text, tmp_path)
        assert isinstance(store, FileKeys)
        assert store.folder == folder
        assert str(folder) in store.place


def test_a_socket_and_a_module_are_named_by_their_parts(tmp_path):
    socket = parse_signer("socket:/run/signer", tmp_path)
    assert isinstance(socket, SocketKeys)
    assert socket.path == Path("/run/signer")
    module = parse_signer("pkcs11:module=/a.so;token=log;pin-file=/pin", tmp_path)
    assert isinstance(module, ModuleKeys)
    assert (module.module, module.token, module.pin_file) == ("/a.so", "log", Path("/pin"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("keys", "begins with none of"),
        ("hsm:x", "begins with none of"),
        ("file:keys", "path that begins with /"),
        ("socket:", "path that begins with /"),
        ("socket:run/x", "path that begins with /"),
        ("pkcs11:", "needs module="),
        ("pkcs11:module=/a.so;token=log", "needs module="),
        ("pkcs11:module=/a.so;token=;pin-file=/p", "needs module="),
        ("pkcs11:module=/a.so;token=log;pin-file=/p;pin=1", "nothing else"),
        ("pkcs11:module=/a.so;token=log;pin-file=p", "path that begins with /"),
        ("file: socket:x", "path that begins with /"),
    ],
)
def test_a_setting_that_names_no_place_says_what_is_missing(text, told, tmp_path):
    assert told in signer_fault(text)
    with pytest.raises(SignerSettingError, match=told):
        parse_signer(text, tmp_path)


def test_several_places_are_asked_in_their_order(tmp_path):
    store = parse_signer(f"file:{tmp_path}/a file:{tmp_path}/b", tmp_path)
    assert isinstance(store, SeveralKeys)
    assert store.makes == set(STEMS)
    first = store.make(Algorithm.ED25519)
    second = FileKeys(tmp_path / "b").make(Algorithm.ED25519)
    assert store.publics(Algorithm.ED25519) == [first, second]
    for public in (first, second):
        key = VerificationKey("here/log", public)
        assert open_note(f"{HEAD.text}\n{store.line(key, HEAD.text, AT)}", key) == HEAD.text
    stranger = Signer("here/log", generate(Algorithm.ED25519)).verification
    with pytest.raises(Broken, match="is not in"):
        store.line(stranger, HEAD.text, AT)
    with pytest.raises(Broken, match="makes Ed25519-cosignature"):
        store.make(Algorithm.COSIGN_ED25519)
    assert f"{tmp_path}/a, {tmp_path}/b" == store.place


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_of_somebody_else_cannot_be_read(keys):
    keys.make(Algorithm.ED25519)
    (keys.folder / "log-ed25519.pem").chmod(0o000)
    with pytest.raises(PermissionError):
        keys.publics(Algorithm.ED25519)

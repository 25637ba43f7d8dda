"""The commands that change keys: two people at a terminal, each with a password."""

import io
import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command

from ledger import audit, models
from ledger.entries import decode
from ledger.management import persons
from ledger.signing import Signer, TreeHead, VerificationKey
from tests.ledger.making import AT, seal_all

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "correct horse battery"


def account(name: str, *, right: bool = True) -> None:
    user = get_user_model().objects.create(
        username=name, display_name=name, person_hash=f"person of {name}"
    )
    user.set_password(PASSWORD)
    user.save()
    if right:
        user.user_permissions.add(Permission.objects.get(codename="change_log_key"))


@pytest.fixture
def say(monkeypatch):
    """Run a command as somebody who types a password into a pipe."""

    def run(*arguments: str, password: str = PASSWORD) -> str:
        out = io.StringIO()
        monkeypatch.setattr(persons.sys, "stdin", io.StringIO(password + "\n"))
        call_command(*arguments, stdout=out)
        return out.getvalue()

    return run


def proposal_in(told: str) -> str:
    return re.search(r"编号 ([0-9a-f-]{36})", told).group(1)


def test_a_key_is_replaced_by_two_people_and_the_list_shows_it(say):
    account("ann")
    account("bob")
    old = audit.ensure_key(AT)
    seal_all()
    asked = ("--algorithm", "ed25519", "--reason", "年度更换", "--person", "ann")
    proposal = proposal_in(say("rotate_log_key", *asked))
    told = say("confirm_log_key", proposal, "--person", "bob")
    fresh = VerificationKey.parse(told.removeprefix("已生效：").strip())
    seal_all()
    retired = say("retire_log_key", old.key_id.hex(), "--reason", "x", "--person", "bob")
    say("confirm_log_key", proposal_in(retired), "--person", "ann")
    assert f"{old.key_id.hex()}\t1–待封存" in say("list_log_keys")
    seal_all()
    listed = say("list_log_keys")
    assert f"sha256\ted25519\t{old.key_id.hex()}\t1–6\n" in listed
    assert f"sha256\ted25519\t{fresh.key_id.hex()}\t5–\n" in listed
    assert "sm3\tsm2-sm3\t" in listed
    assert fresh.text in say("make_log_key")
    assert old.text not in say("make_log_key")


def test_nobody_acts_without_password_and_right(say):
    account("ann")
    account("bob")
    account("eve", right=False)
    audit.ensure_keys(AT)
    asked = ("rotate_log_key", "--algorithm", "sm2-sm3", "--reason", "x", "--person")
    with pytest.raises(CommandError, match="密码不正确"):
        say(*asked, "ann", password="guess")
    with pytest.raises(CommandError, match="密码不正确"):
        say(*asked, "nobody")
    with pytest.raises(CommandError, match="没有更换日志密钥的权限"):
        say(*asked, "eve")
    proposal = proposal_in(say(*asked, "ann"))
    with pytest.raises(CommandError, match="两个不同的自然人"):
        say("confirm_log_key", proposal, "--person", "ann")
    with pytest.raises(CommandError, match="日志密钥的权限"):
        say("confirm_log_key", proposal, "--person", "eve")
    assert len(audit.ensure_keys(AT)) == 3


def test_refusals_reach_the_terminal_in_words(say):
    account("ann")
    key = audit.ensure_key(AT)
    with pytest.raises(CommandError, match="唯一的签名密钥"):
        say("retire_log_key", key.key_id.hex(), "--reason", "x", "--person", "ann")
    with pytest.raises(CommandError, match="原因"):
        say("rotate_log_key", "--algorithm", "ed25519", "--reason", " ", "--person", "ann")


def test_a_log_whose_key_file_is_gone_says_so(say, settings):
    audit.ensure_keys(AT)
    (settings.VAR_DIR / "keys" / "log-sm2.pem").unlink()
    with pytest.raises(CommandError, match="未能准备日志密钥"):
        say("make_log_key")


def test_a_faulty_entry_about_keys_is_listed(say, settings):
    settings.LOG_OPEN_ROOMS = ("key",)
    audit.ensure_keys(AT)
    audit.record("key.introduce", {"vkey": "x"}, actor=audit.system_actor("x"), at=AT)
    seal_all()
    assert "第 3 条密钥条目不成立" in say("list_log_keys")


@pytest.fixture
def old_log(tmp_path) -> tuple[str, str]:
    """The last good checkpoint of another log, and its key, each in a file."""
    signer = Signer("old/log", Ed25519PrivateKey.generate())
    (tmp_path / "checkpoint").write_text(signer.sign(TreeHead("old/log", 812, bytes(32)).text))
    (tmp_path / "key").write_text(signer.verification.text + "\n")
    return str(tmp_path / "checkpoint"), str(tmp_path / "key")


def both(one: str, two: str) -> tuple[str, ...]:
    return ("--reason", "签名密钥失控", "--person", one, "--second", two)


def test_a_new_log_is_bound_to_the_last_good_checkpoint_of_the_old_one(say, old_log):
    account("ann")
    account("bob")
    checkpoint, key = old_log
    asked = ("continue_log", checkpoint, "--vkey", key, *both("ann", "bob"))
    assert "已续接" in say(*asked, password=f"{PASSWORD}\n{PASSWORD}")
    entry = models.LogEntry.objects.get(type="log.continue")
    body = decode(bytes(entry.body))["body"]
    assert (body["origin"], body["size"], body["root"]) == ("old/log", "812", "00" * 32)
    assert len(decode(bytes(entry.body))["auth"]["approvals"]) == 2
    with pytest.raises(CommandError, match="已经续接过"):
        say(*asked, password=f"{PASSWORD}\n{PASSWORD}")


def test_nothing_is_bound_by_one_person_or_to_what_does_not_hold(say, old_log, settings, tmp_path):
    account("ann")
    account("bob")
    checkpoint, key = old_log
    passwords = f"{PASSWORD}\n{PASSWORD}"
    with pytest.raises(CommandError, match="两个不同的自然人"):
        say("continue_log", checkpoint, "--vkey", key, *both("ann", "ann"), password=passwords)
    with pytest.raises(CommandError, match="密码不正确"):
        say("continue_log", checkpoint, "--vkey", key, *both("ann", "bob"))
    (tmp_path / "bent").write_text(Path(checkpoint).read_text().replace("812", "813"))
    for bad in ("bent", "key", "missing"):
        with pytest.raises(CommandError, match="未能续接"):
            say("continue_log", str(tmp_path / bad), "--vkey", key, *both("ann", "bob"),
                password=passwords)  # fmt: skip
    settings.LOG_ORIGIN = "old/log"
    with pytest.raises(CommandError, match="另一份日志"):
        say("continue_log", checkpoint, "--vkey", key, *both("ann", "bob"), password=passwords)
    assert not models.LogEntry.objects.filter(type="log.continue").exists()

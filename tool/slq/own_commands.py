"""The commands about the provider's own side: keygen, prove, login, doctor."""

import base64
import getpass
import re
import sys
from argparse import Namespace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from slq import showing
from slq.doctor import examine
from slq.notes import usable_lines
from slq.outcomes import Exit, Stopped
from slq.sending import NO_ENTRY, Patience, patiently, sentence
from slq.settings import (
    LIVE,
    TEST,
    Account,
    connect,
    load_account,
    load_key,
    save_account,
    stored_account,
    write_secret,
)
from slq.words import Speech

_TOKEN = re.compile(r"pk_(?:test|live)_[0-9a-f]{16}\.[A-Za-z0-9_-]{20,100}")
_HERE = frozenset({"127.0.0.1", "localhost", "::1"})
_NOBODY = "00000000-0000-0000-0000-000000000000"
_FOUND = 200


def keygen(told: Namespace, speech: Speech) -> Exit:
    """Make a pair of keys: the private half into a file, the public half on stdout."""
    path = Path(told.out)
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        write_secret(path, private, fresh=True)
    except FileExistsError as error:
        raise Stopped(Exit.USAGE, speech("key_exists", path=path)) from error
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    speech.tell("key_made", path=path)
    speech.tell("next_steps")
    if told.json:
        showing.put_json({"key_file": str(path), "public_key": public.decode()})
    else:
        showing.put(public.decode().strip())
    return Exit.OK


def prove(told: Namespace, speech: Speech) -> Exit:
    """Sign the challenge that the console shows: proof that the private half is at hand."""
    challenge = told.challenge.strip()
    if not challenge or challenge.split() != [challenge]:
        raise Stopped(Exit.USAGE, speech("challenge_form"))
    path = told.key or load_account(told.mode, speech).key_file
    signature = load_key(path, speech).sign(challenge.encode())
    proof = base64.b64encode(signature).decode()
    if told.json:
        showing.put_json({"challenge": challenge, "signature": proof})
    else:
        showing.put(proof)
    return Exit.OK


def login(told: Namespace, speech: Speech) -> Exit:
    """Remember endpoint, token and key file, after asking the service whether they will do."""
    endpoint = told.endpoint.rstrip("/")
    try:
        parts = urlsplit(endpoint)
        _ = parts.port
    except ValueError as error:
        raise Stopped(Exit.USAGE, speech("endpoint_form", url=endpoint)) from error
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _HERE):
        raise Stopped(Exit.USAGE, speech("endpoint_form", url=endpoint))
    token = _token(told, speech)
    key_file = str(Path(told.key).resolve()) if told.key else ""
    account = Account(endpoint, token, key_file)
    if told.mode == TEST and account.mode != TEST:
        raise Stopped(Exit.USAGE, speech("token_mode"))
    if account.mode == LIVE and not key_file:
        raise Stopped(Exit.USAGE, speech("live_needs_key"))
    vkeys = _keys_to_trust(account, told, speech)
    with connect(account, speech) as client:
        answer = patiently(lambda: client.status(_NOBODY), Patience(tries=told.tries), speech)
    if answer.status in NO_ENTRY:
        raise Stopped(Exit.AUTH, sentence(answer))
    path = save_account(Account(endpoint, token, key_file, vkeys))
    words = {"endpoint": endpoint, "key": account.key_id, "mode": account.mode}
    speech.tell("logged_in", path=path, **words)
    if vkeys:
        speech.tell("vkeys_pinned", count=len(vkeys.split()))
        sys.stderr.write(vkeys + "\n")
    if told.json:
        showing.put_json(words | {"config": str(path), "vkeys": vkeys.split()})
    return Exit.OK


def _token(told: Namespace, speech: Speech) -> str:
    """Return the token: from a file, from a pipe, or asked for at a terminal; never an argument."""
    if told.token_file:
        path = Path(told.token_file)
        if not path.is_file():
            raise Stopped(Exit.USAGE, speech("no_file", path=path))
        token = path.read_text(encoding="utf-8").strip()
    elif sys.stdin.isatty():
        token = getpass.getpass(speech("token_prompt")).strip()
    else:
        token = sys.stdin.read().strip()
    if not token:
        raise Stopped(Exit.USAGE, speech("token_needed"))
    if not _TOKEN.fullmatch(token):
        raise Stopped(Exit.USAGE, speech("token_form"))
    return token


def _keys_to_trust(account: Account, told: Namespace, speech: Speech) -> str:
    """Return the log's keys to remember: as given, else those of the first login.

    Once remembered, keys only come by the word of a person: whoever stands between could
    publish another key, but not make one that was remembered before.
    """
    if told.vkey:
        return "\n".join(told.vkey)
    published = _published_keys(account).split()
    stored = stored_account(account.mode)
    known = stored.vkeys.split() if stored and stored.endpoint == account.endpoint else []
    fresh = [each for each in published if each not in known]
    gone = [each for each in known if each not in published]
    if known and gone and published:
        speech.tell("keys_gone", count=len(gone))
    if not known or told.trust_new_keys:
        return "\n".join([*known, *fresh])
    if fresh:
        speech.tell("keys_new", count=len(fresh))
        sys.stderr.write("\n".join(fresh) + "\n")
    return "\n".join(known)


def _published_keys(account: Account) -> str:
    """Return the log's keys as the service publishes them; none if it has none yet."""
    try:
        answer = httpx.get(f"{account.endpoint}/public/log/key", timeout=30)
    except httpx.TransportError:
        return ""
    return "\n".join(usable_lines(answer.text)) if answer.status_code == _FOUND else ""


def doctor(told: Namespace, speech: Speech) -> Exit:
    """Look after everything that makes uploads fail."""
    account = load_account(told.mode, speech)
    findings = examine(account, speech)
    if told.json:
        showing.put_json(
            [{"what": each.what, "fine": each.fine, "detail": each.detail} for each in findings]
        )
    else:
        for each in findings:
            showing.put(f"{'✓' if each.fine else '✗'} {each.what}：{each.detail}")
    return next((each.code for each in findings if each.code is not Exit.OK), Exit.OK)

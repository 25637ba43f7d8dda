"""The log's keys at work: which ones sign at a size, and the notes they sign.

Which keys count is read from the log (``ledger.epochs``); where they lie says ``LOG_SIGNER``.
"""

from datetime import datetime
from functools import cache
from pathlib import Path

from django.conf import settings

from ledger import models
from ledger.entries import KEY_TYPE, RETIRE_TYPE, Malformed, decode
from ledger.epochs import (
    KINDS,
    Entry,
    KeyHistory,
    endorsement_text,
    read_history,
    signs_texts,
    suite_of,
)
from ledger.merkle import MAX_SIZE
from ledger.notes import NoteError, TreeHead, note_of, speaks_for_a_tree
from ledger.refusals import Broken
from ledger.signers import KeyStore, parse_signer
from ledger.signing import Algorithm, Growth, VerificationKey
from ledger.suites import SHA256, SUITES, Suite


def key_store() -> KeyStore:
    """Return the place where the log's keys lie, as ``LOG_SIGNER`` names it."""
    return _store(settings.LOG_SIGNER, Path(settings.VAR_DIR) / "keys")


@cache
def _store(named: str, home: Path) -> KeyStore:
    return parse_signer(named, home)


def key_history() -> KeyHistory:
    """Return the keys of the log as its entries tell them; entries not sealed yet come last."""
    found = (
        models.LogEntry.objects.filter(type__in=[KEY_TYPE, RETIRE_TYPE])
        .values_list("logleaf__index", "seq", "body")
        .order_by("seq")
    )
    placed = sorted((MAX_SIZE if each[0] is None else each[0], each[1], each[2]) for each in found)
    return read_history((index, _decoded(bytes(body))) for index, _, body in placed)


def _decoded(body: bytes) -> Entry:
    try:
        return decode(body)
    except Malformed:
        return {"type": KEY_TYPE}  # Told as a fault of the history: it has no content.


def sign_head(
    head: TreeHead, *, suite: Suite = SHA256, at: datetime, growth: Growth | None = None
) -> str:
    """Return the signed checkpoint of a tree: one line for each key that counts at its size.

    Args:
        growth: gives the consistency proof from a smaller size, which a signer process asks for.

    Raises:
        Broken: no key counts, or a place of keys does not answer or refuses.
    """
    keys = key_history().active(head.size, suite.name)
    if not keys:
        raise Broken(f"the log has no {suite.name} key; run manage.py make_log_key")
    store = key_store()
    try:
        return note_of(head.text, [store.line(key, head.text, at, growth=growth) for key in keys])
    except NoteError as error:
        raise Broken(f"this tree cannot be signed: {error}") from error


def sign_text(text: str, *, at: datetime) -> str:
    """Return another text (receipt, promise) signed with the log's Ed25519 key.

    While an old and a new key overlap it bears a line of each, so that everybody can check it.

    Raises:
        Broken: no key, or the text could be taken for a checkpoint.
    """
    if speaks_for_a_tree(text):
        raise Broken("only the sealer signs checkpoints")
    store = key_store()
    return note_of(text, [store.line(key, text, at) for key in text_keys()])


def text_keys() -> list[VerificationKey]:
    """Return the Ed25519 keys of now, the oldest first.

    Raises:
        Broken: the log has none.
    """
    lasting = key_history().lasting()
    found = [each for each in lasting if each.algorithm is Algorithm.ED25519]
    if not found:
        raise Broken("the log has no signing key; run manage.py make_log_key")
    return found


def described(key: VerificationKey) -> dict[str, str]:
    """Return what an entry about a key says of it."""
    return {
        "vkey": key.text,
        "algorithm": key.algorithm.title,
        "key_id": key.key_id.hex(),
        "suite": suite_of(key.algorithm),
    }


def endorsement(act: str, key: VerificationKey, *, history: KeyHistory, at: datetime) -> str:
    """Return the note by which another key that counts speaks for what is done with this one.

    Args:
        act: type of the entry that will carry it.

    Raises:
        Broken: no other key that counts lies here.
    """
    lasting = [each for suite in KINDS for each in history.lasting(suite)]
    able = [each for each in lasting if each != key and signs_texts(each)]
    able.sort(key=lambda each: each.algorithm is not key.algorithm)  # its own kind first
    store = key_store()
    text = endorsement_text(settings.LOG_ORIGIN, act, key.text)
    for each in able:
        if each.public in store.publics(each.algorithm):
            return note_of(text, [store.line(each, text, at)])
    raise Broken(f"no key that counts lies in {store.place} to speak for {key.key_id.hex()}")


def key_named(algorithm: Algorithm, public: bytes) -> VerificationKey:
    """Return a key of this log under the origin of the tree that its kind signs."""
    return VerificationKey(
        SUITES[suite_of(algorithm)].origin(settings.LOG_ORIGIN), public, algorithm
    )

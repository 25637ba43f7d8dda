"""Put logs together as the house would, without a database: entries, checkpoints, bundles."""

import io

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.book import Journal
from ledger.bundle_checks import Asked, Report, verify
from ledger.bundles import FIRST_LINE, Manifest, entry_line, heads_line, note_line
from ledger.entries import KEY_TYPE, envelope
from ledger.epochs import endorsement_text, suite_of
from ledger.identifiers import new_id
from ledger.merkle import leaf_hash
from ledger.schemas import PUBLISH_TYPE, house_schemas
from ledger.signing import Signer, TreeHead
from ledger.sm2 import Sm2PrivateKey
from ledger.suites import SHA256, SM3
from ledger.walks import GrowingTree, NotOk
from tests.ledger.making import ACTOR, AT, entry_of, grant, hold, issue, post_held

ORIGIN = "here/log"
SIGNER = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(32)))
SM3_SIGNER = Signer(SM3.origin(ORIGIN), Sm2PrivateKey.generate())


def event(kind: str = "test.event", **body: object) -> bytes:
    return envelope(log=ORIGIN, id=new_id(), type=kind, at=AT, actor=ACTOR.for_log(), body=body)


def introduction(signer: Signer = SIGNER, *, by: Signer | None = None) -> bytes:
    """Introduce a key; a later one needs a signer that counts already to speak for it."""
    key = signer.verification
    body = {
        "vkey": key.text,
        "algorithm": key.algorithm.title,
        "key_id": key.key_id.hex(),
        "suite": suite_of(key.algorithm),
    }
    if by:
        body["endorsement"] = by.sign(endorsement_text(ORIGIN, KEY_TYPE, key.text))
    return event(KEY_TYPE, **body)


def booked(made: Journal, seq: int) -> bytes:
    return entry_of(made, seq, log=ORIGIN)


def publications() -> list[bytes]:
    return [event(PUBLISH_TYPE, **each.for_log()) for each in house_schemas()]


def notes(entries: list[bytes], cuts=(), *, signer: Signer = SIGNER, suite=SHA256) -> list[str]:
    """Return the checkpoints of a tree at ``cuts`` and at its end."""
    tree, signed = GrowingTree(suite), []
    for entry in entries:
        tree.append(suite.leaf(entry))
        if tree.size in {*cuts, len(entries)}:
            head = TreeHead(suite.origin(ORIGIN), tree.size, tree.root())
            signed.append(signer.sign(head.text))
    return signed


def bundle(entries: list[bytes], /, cuts=(), *, signer: Signer = SIGNER, **change) -> bytes:
    """Put a bundle together as the house would, with checkpoints at ``cuts`` and at the end."""
    signed = notes(entries, cuts, signer=signer)
    root = TreeHead.parse(signed[-1].rpartition("\n\n")[0] + "\n").root if entries else b""
    stated = {
        "origin": ORIGIN,
        "entries": len(entries),
        "checkpoints": len(signed),
        "keys": (signer.verification.text,),
        "root": root.hex(),
        **change,
    }
    lines = [note_line(each) for each in signed]
    lines += [entry_line(leaf_hash(each), each) for each in entries]
    return FIRST_LINE + Manifest(**stated).encoded() + b"".join(lines)


def sm3_file(entries: list[bytes], cuts=(), signer: Signer = SM3_SIGNER) -> bytes:
    """Return the checkpoints of the SM3 tree as they lie in an audit bundle."""
    signed = notes(entries, cuts, signer=signer, suite=SM3)
    return heads_line(len(signed), ORIGIN) + b"".join(note_line(each) for each in signed)


def small() -> list[bytes]:
    held = hold(40)
    made = [grant(100), issue(60), held, post_held(held, 30)]
    journals = [booked(each, seq) for seq, each in enumerate(made, start=5)]
    return [introduction(), *journals, event(note="完")]


def checked(raw: bytes, pinned=None, asked: Asked | None = None) -> Report:
    return verify(io.BytesIO(raw), pinned, asked)


def judged(raw: bytes, pinned=None, asked: Asked | None = None) -> str:
    try:
        checked(raw, pinned, asked)
    except NotOk as told:
        return str(told)
    return "OK"

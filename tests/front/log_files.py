"""Files of a small log, good and tampered, with the verdict each must get wherever it is checked.

The log is made here from a fixed key, so server, command line and browser are all asked about the
same bytes. Each row: what it is, the files dropped together, the code of the verdict.
"""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.bundles import FIRST_LINE, Manifest, entry_line, note_line
from ledger.entries import canonical, decode, envelope
from ledger.evidence import Package, pack, unpack
from ledger.merkle import inclusion_proof, leaf_hash, perfect_root, root_of
from ledger.proofs import LogProof, Promise
from ledger.signing import Signer, TreeHead

ORIGIN = "log.example/test"
AT = datetime(2026, 10, 1, 1, 2, 3, 4, tzinfo=UTC)
SIGNER = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"\x07" * 32))
STRANGER = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"\x08" * 32))
WITNESS = Signer("witness.example/w1", Ed25519PrivateKey.from_private_bytes(b"\x09" * 32))
KEY = SIGNER.verification
SIZE, INDEX = 21, 13
BUNDLE_SIZES = (8, SIZE)


def entry(number: int, text: str = "") -> bytes:
    return envelope(
        log=ORIGIN,
        id=UUID(int=number),
        type="test.event",
        at=AT + timedelta(minutes=number),
        actor={"kind": "system", "id": "test", "role": "system"},
        body={"number": str(number), "text": text or f'第 {number} 条 "\\\n\x7f𠮷'},
    )


ENTRIES = [entry(number) for number in range(SIZE)]
LEAVES = [leaf_hash(each) for each in ENTRIES]


def read(level: int, index: int) -> bytes:
    return perfect_root(LEAVES[index << level : (index + 1) << level])


def checkpoint(size: int = SIZE, signer: Signer = SIGNER, origin: str = ORIGIN) -> str:
    return signer.sign(TreeHead(origin, size, root_of(size, read)).text)


def proof(index: int = INDEX, size: int = SIZE, note: str = "") -> LogProof:
    hashes = tuple(inclusion_proof(index, size, read))
    return LogProof(index, hashes, note or checkpoint(size))


def bundle(entries: list[bytes] = ENTRIES, notes: tuple[str, ...] = ()) -> bytes:
    heads = notes or tuple(checkpoint(size) for size in BUNDLE_SIZES)
    manifest = Manifest(ORIGIN, len(entries), len(heads), (KEY.text,), root_of(SIZE, read).hex())
    lines = [entry_line(leaf_hash(each), each) for each in entries]
    return b"".join([FIRST_LINE, manifest.encoded(), *map(note_line, heads), *lines])


def promise(number: int, leaf: bytes = b"", at: datetime | None = None, delay: int = 60) -> Promise:
    when = at or AT + timedelta(minutes=number, seconds=1)
    return Promise(ORIGIN, UUID(int=number), leaf or leaf_hash(entry(number)), when, delay)


def promised(number: int, **more) -> bytes:
    return SIGNER.sign(promise(number, **more).text).encode()


PACKAGE = Package(
    ENTRIES[INDEX], proof(), (KEY.text,), f"log {KEY.text}\nquorum none\n", "README\n"
)
PROOF = proof().text.encode()
ENTRY = ENTRIES[INDEX]
NOTE = checkpoint()
PROOF_LINES = PROOF.decode().split("\n")


def with_lines(*changes: tuple[int, str]) -> bytes:
    """Return the proof with some of its lines replaced."""
    lines = list(PROOF_LINES)
    for place, text in changes:
        lines[place] = text
    return "\n".join(lines).encode()


def noted(note: str) -> bytes:
    return LogProof(INDEX, proof().hashes, note).text.encode()


def repacked(**changed: bytes) -> bytes:
    """Return the package with whole files exchanged, packed anew with right sums."""
    files = unpack(PACKAGE.encoded)
    return pack([(name, changed.get(name.split(".")[0], content)) for name, content in files])


def swapped() -> list[bytes]:
    entries = list(ENTRIES)
    entries[3], entries[4] = entries[4], entries[3]
    return entries


def flipped(raw: bytes, place: int, bit: int = 0) -> bytes:
    return raw[:place] + bytes([raw[place] ^ 1 << bit]) + raw[place + 1 :]


@dataclass(frozen=True)
class Case:
    """Files dropped together, and the code of the verdict they must get."""

    name: str
    files: tuple[bytes, ...]
    code: str


def changed_entry() -> bytes:
    stated = decode(ENTRY)
    stated["body"]["number"] = "14"
    return canonical(stated)


def cosigned() -> str:
    return NOTE + WITNESS.sign(TreeHead(ORIGIN, SIZE, root_of(SIZE, read)).text).split("\n\n")[1]


def doubled() -> str:
    return NOTE + NOTE.split("\n\n")[1]


def three_lines(text: str) -> str:
    return SIGNER.sign(text)


ROOT = PROOF_LINES[-4]
SHORT = base64.b64encode(b"x" * 31).decode()
LOOSE = PROOF_LINES[2][:-2] + ("J=" if PROOF_LINES[2][-2] != "J" else "K=")

GOOD = [
    Case("proof and entry", (PROOF, ENTRY), "proof_holds"),
    Case("entry and proof", (ENTRY, PROOF), "proof_holds"),
    Case("extra line", (with_lines((0, PROOF_LINES[0] + "\nextra aGk=")), ENTRY), "proof_holds"),
    Case("witness line", (noted(cosigned()), ENTRY), "proof_holds"),
    Case("first entry", (proof(0).text.encode(), ENTRIES[0]), "proof_holds"),
    Case("last entry", (proof(20).text.encode(), ENTRIES[20]), "proof_holds"),
    Case("one of one", (proof(0, 1).text.encode(), ENTRIES[0]), "proof_holds"),
    Case("package", (PACKAGE.encoded,), "proof_holds"),
    Case("checkpoint", (NOTE.encode(),), "checkpoint_signed"),
    Case("bundle", (bundle(),), "bundle_holds"),
    Case("promise and proof", (promised(INDEX), PROOF, ENTRY), "promise_kept"),
    Case("promise and package", (promised(INDEX), PACKAGE.encoded), "promise_kept"),
    Case("promise and bundle", (bundle(), promised(INDEX)), "promise_kept"),
]
OPEN = [
    Case("proof alone", (PROOF,), "entry_missing"),
    Case("entry alone", (ENTRY,), "proof_missing"),
    Case("promise alone", (promised(INDEX),), "promise_open"),
    Case("promise beyond bundle", (promised(30), bundle()), "promise_open"),
]
BAD_PROOFS = [
    Case("changed entry", (PROOF, changed_entry()), "wrong_root"),
    Case("other entry", (PROOF, ENTRIES[5]), "wrong_root"),
    Case("not canonical", (PROOF, ENTRY.replace(b":", b": ", 1)), "entry_differs"),
    Case("number in entry", (PROOF, ENTRY.replace(b'"13"', b"13")), "entry_differs"),
    Case("half pair in entry", (PROOF, ENTRY.replace(b'"13"', rb'"\ud800"')), "entry_differs"),
    Case("index beyond", (with_lines((1, "index 21")), ENTRY), "index_beyond_log"),
    Case("huge index", (with_lines((1, f"index {2**63 - 1}")), ENTRY), "index_beyond_log"),
    Case("other index", (with_lines((1, "index 12")), ENTRY), "wrong_root"),
    Case("index of another height", (with_lines((1, "index 20")), ENTRY), "wrong_path"),
    Case("hash missing", ("\n".join(PROOF_LINES[:2] + PROOF_LINES[3:]).encode(), ENTRY),
         "wrong_path"),
    Case("hash doubled", (with_lines((2, PROOF_LINES[2] + "\n" + PROOF_LINES[2])), ENTRY),
         "wrong_path"),
    Case("hashes swapped", (with_lines((2, PROOF_LINES[3]), (3, PROOF_LINES[2])), ENTRY),
         "wrong_root"),
    Case("stranger's key", (noted(checkpoint(signer=STRANGER)), ENTRY), "wrong_key"),
    Case("forged size", (PROOF.replace(b"\n21\n", b"\n22\n"), ENTRY), "bad_signature"),
    Case("other log", (noted(checkpoint(origin="log.example/other")), ENTRY), "wrong_origin"),
    Case("signed twice", (noted(doubled()), ENTRY), "malformed.note"),
    Case("no signature", (PROOF.rsplit(b"\n", 2)[0] + b"\n", ENTRY), "malformed.note"),
    Case("four lines", (noted(three_lines(f"{ORIGIN}\n21\n{ROOT}\nmore\n")), ENTRY),
         "malformed.head"),
    Case("size 021", (noted(three_lines(f"{ORIGIN}\n021\n{ROOT}\n")), ENTRY), "malformed.head"),
    Case("empty extra", (with_lines((0, PROOF_LINES[0] + "\nextra ")), ENTRY), "malformed.extra"),
    Case("no index", (with_lines((1, "place 13")), ENTRY), "malformed.index"),
    Case("leading zero", (with_lines((1, "index 013")), ENTRY), "malformed.index"),
    Case("negative", (with_lines((1, "index -1")), ENTRY), "malformed.index"),
    Case("beyond 63 bits", (with_lines((1, f"index {2**63}")), ENTRY), "malformed.index"),
    Case("full width", (with_lines((1, "index １３")), ENTRY), "malformed.index"),
    Case("carriage return", (PROOF.replace(b"index 13\n", b"index 13\r\n"), ENTRY),
         "malformed.index"),
    Case("short hash", (with_lines((2, SHORT)), ENTRY), "malformed.hash"),
    Case("loose base64", (with_lines((2, LOOSE)), ENTRY), "malformed.hash"),
    Case("no checkpoint", (PROOF.split(b"\n\n")[0] + b"\n\n", ENTRY), "malformed.gap"),
    Case("64 hashes", (with_lines((2, "\n".join([ROOT] * 64))), ENTRY), "malformed.hash"),
    Case("not utf-8", (PROOF + b"\xff", ENTRY), "malformed.text"),
    Case("too large", (PROOF + b"x" * 131_072, ENTRY), "too_large"),
]  # fmt: skip
BAD_OTHERS = [
    Case("empty file", (b"",), "malformed.unknown"),
    Case("a picture", (b"\x89PNG\r\n\x1a\n",), "malformed.unknown"),
    Case("two proofs", (PROOF, proof(5).text.encode()), "malformed.set"),
    Case("proof and package", (PROOF, PACKAGE.encoded), "malformed.set"),
    Case("checkpoint of stranger", (checkpoint(signer=STRANGER).encode(),), "wrong_key"),
    Case("checkpoint changed", (NOTE.replace("\n21\n", "\n20\n").encode(),), "bad_signature"),
    Case("package cut", (PACKAGE.encoded[:-1],), "malformed.package"),
    Case("package longer", (PACKAGE.encoded + b"\0",), "malformed.package"),
    Case("package without a proof", (repacked(**{f"entry-{INDEX}": b"{}"}),),
         "malformed.first_line"),
    Case("package with another checkpoint", (repacked(checkpoint=checkpoint(8).encode()),),
         "malformed.contents"),
    Case("package with no key", (repacked(keys=b"nonsense\n"),), "malformed.contents"),
    Case("promise of another", (promised(INDEX, leaf=LEAVES[2]), PACKAGE.encoded), "entry_differs"),
    Case("promise broken", (promised(7, leaf=b"\1" * 32), bundle()), "promise_broken"),
    Case("promise forgotten", (promised(77, at=AT), bundle()), "promise_broken"),
    Case("promise changed", (promised(INDEX).replace(b"\n60\n", b"\n61\n"),), "bad_signature"),
    Case("promise of weeks", (promised(INDEX, delay=86_401),), "malformed.promise"),
    Case("promise of stranger", (STRANGER.sign(promise(INDEX).text).encode(),), "wrong_key"),
    Case("bundle cut", (bundle()[:-1],), "malformed.bundle"),
    Case("bundle longer", (bundle() + b"\n",), "malformed.bundle"),
    Case("bundle line changed", (bundle().replace(b'"number":"4"', b'"number":"5"'),),
         "malformed.bundle"),
    Case("bundle swapped", (bundle(swapped()),), "wrong_root"),
    Case("bundle shorter", (bundle(ENTRIES[:20]),), "malformed.bundle"),
    Case("bundle of stranger", (bundle(notes=(checkpoint(signer=STRANGER),)),), "wrong_key"),
]  # fmt: skip
CASES = [*GOOD, *OPEN, *BAD_PROOFS, *BAD_OTHERS]

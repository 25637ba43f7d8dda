"""Check whatever somebody holds of the log, without the house: proof, package, promise, bundle.

    python -m ledger.checking FILE [FILE] --vkey keys.txt

The kind of each file is told from its content. The answer is one sentence and the steps that led
to it. The page /public/log/check/ does the same in the browser with the same words, and without
a script calls this on the server. To rebuild all balances from a bundle, use ``ledger.verifying``.
"""

import argparse
import io
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Protocol
from uuid import UUID

from ledger.bundles import FIRST_LINE as BUNDLE_LINE
from ledger.bundles import BundleError, BundleReader, Manifest, parse_keys
from ledger.entries import Malformed, decode, moment_text
from ledger.evidence import FIRST_BYTES, Package
from ledger.proofs import (
    FIRST_LINE,
    MAX_PROOF_BYTES,
    LogProof,
    Promise,
    open_checkpoint,
    open_promise,
    verify_growth,
    verify_proof,
)
from ledger.signing import NoteError, TreeHead, VerificationKey
from ledger.verdicts import FORMS, NotProven, Trail, Verdict, failed, reached
from ledger.walks import GrowingTree

#: What the page takes in; a longer bundle is checked by ``ledger.verifying``.
MAX_CHECK_BYTES = 5_242_880
Keys = Sequence[VerificationKey]


class House(Protocol):
    """What the log itself can be asked when somebody does not hold every file."""

    def entry(self, index: int) -> bytes | None:
        """Return the bytes of an entry."""

    def proof_of(self, entry_id: UUID) -> tuple[LogProof, bytes] | None:
        """Return proof and bytes of a sealed entry."""

    def newest(self) -> str | None:
        """Return the newest checkpoint."""

    def growth(self, old: int, new: int) -> list[bytes]:
        """Return the proof that the tree of one size begins with that of another."""


class Nobody:
    """Offline: there is no log to ask."""

    def entry(self, index: int) -> bytes | None:  # noqa: ARG002 - the form of a House
        """Know no entry."""
        return None

    def proof_of(self, entry_id: UUID) -> tuple[LogProof, bytes] | None:  # noqa: ARG002
        """Know no proof."""
        return None

    def newest(self) -> str | None:
        """Know no checkpoint."""
        return None

    def growth(self, old: int, new: int) -> list[bytes]:  # noqa: ARG002
        """Know no growth."""
        return []


def kind_of(raw: bytes) -> str:
    """Tell from its content what somebody's file is meant to be.

    Raises:
        NotProven: ``malformed.unknown``.
    """
    begins = {
        FIRST_BYTES: "package",
        FIRST_LINE.encode() + b"\n": "proof",
        BUNDLE_LINE: "bundle",
        b"{": "entry",
    }
    for start, kind in begins.items():
        if raw.startswith(start):
            return kind
    first = raw[:1024].partition(b"\n")[0]
    if first.endswith(b"/promise"):
        return "promise"
    if b"\n\n\xe2\x80\x94 " in raw[:MAX_PROOF_BYTES]:
        return "checkpoint"
    raise NotProven("malformed.unknown")


def check(files: Sequence[bytes], keys: Keys, house: House | None = None) -> Verdict:
    """Check files that belong together.

    Args:
        files: one thing to check; a proof may come with its entry, a promise with a proof,
            a package or a bundle.
        keys: the keys the reader trusts.
        house: the log to ask for what is not given; nothing is asked offline.
    """
    trail = Trail()
    try:
        return _judge(_sorted(files), keys, house or Nobody(), trail)
    except NotProven as reason:
        return failed(reason, trail)


def _sorted(files: Sequence[bytes]) -> dict[str, bytes]:
    given = {kind_of(each): each for each in files}
    main = given.keys() - {"promise", "entry"}
    lone_entry_too_many = "entry" in given and main - {"proof"}
    if not files or len(given) != len(files) or len(main) > 1 or lone_entry_too_many:
        raise NotProven("malformed.set")
    if "promise" in given and "checkpoint" in given:
        raise NotProven("malformed.set")
    return given


def _judge(given: dict[str, bytes], keys: Keys, house: House, trail: Trail) -> Verdict:
    promise = None
    if "promise" in given:
        promise = _promise(given["promise"], keys, trail)
    if "bundle" in given:
        return _bundle(given["bundle"], keys, promise, trail)
    if "checkpoint" in given:
        return _checkpoint(given["checkpoint"], keys, house, trail)
    found = _proof(given, promise, house, trail)
    if found is None:
        return _undecided(promise)
    proof, entry = found
    proven = verify_proof(proof, entry, keys, trail)
    if promise and proven.leaf != promise.leaf:
        raise NotProven("entry_differs")
    code = "promise_kept" if promise else "proof_holds"
    return reached(code, trail, size=proven.head.size, index=proven.index)


def _undecided(promise: Promise | None) -> Verdict:
    if promise is None:
        raise NotProven("proof_missing")
    raise NotProven("promise_open", due=moment_text(promise.due_at))


def _proof(
    given: dict[str, bytes], promise: Promise | None, house: House, trail: Trail
) -> tuple[LogProof, bytes] | None:
    """Return proof and entry: from the files, else from the log, else nothing."""
    if "package" in given:
        package = Package.parse(given["package"])
        trail.add("form", form=FORMS["package"])
        return package.proof, package.entry
    if "proof" not in given:
        return _asked(given, promise, house, trail)
    proof = LogProof.parse(given["proof"])
    trail.add("form", form=FORMS["proof"])
    entry = given.get("entry")
    if entry is None:
        entry = house.entry(proof.index)
        if entry is None:
            raise NotProven("entry_missing", index=proof.index)
        trail.add("entry_fetched", index=proof.index)
    return proof, entry


def _asked(
    given: dict[str, bytes], promise: Promise | None, house: House, trail: Trail
) -> tuple[LogProof, bytes] | None:
    entry_id = promise.entry_id if promise else _id_of(given["entry"])
    found = house.proof_of(entry_id)
    if found is None:
        return None
    proof, held = found
    trail.add("proof_fetched", index=proof.index)
    return proof, given.get("entry", held)


def _id_of(entry: bytes) -> UUID:
    try:
        return UUID(decode(entry)["id"])
    except (Malformed, ValueError, AttributeError, TypeError) as error:
        raise NotProven("entry_differs") from error


def _text(raw: bytes) -> str:
    if len(raw) > MAX_PROOF_BYTES:
        raise NotProven("too_large", limit=MAX_PROOF_BYTES)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotProven("malformed.text") from error


def _promise(raw: bytes, keys: Keys, trail: Trail) -> Promise:
    promise = open_promise(_text(raw), keys, trail)
    trail.add("form", form=FORMS["promise"])
    return promise


def _checkpoint(raw: bytes, keys: Keys, house: House, trail: Trail) -> Verdict:
    head = open_checkpoint(_text(raw), keys, trail)
    trail.add("form", form=FORMS["checkpoint"])
    ours = house.newest()
    if ours is None:
        signer = next(each for each in keys if each.name == head.origin)
        return reached("checkpoint_signed", trail, size=head.size, key=signer.key_id.hex())
    return compare(head, open_checkpoint(ours, keys, Trail()), house, trail)


def compare(head: TreeHead, newest: TreeHead, house: House, trail: Trail) -> Verdict:
    """Say whether a signed checkpoint and the log's newest one are of one history.

    Both must have been opened by trusted keys before.
    """
    values = {"size": head.size, "newest": newest.size}
    if head.size > newest.size:
        return reached("checkpoint_newer", trail, **values)
    try:
        verify_growth(head, newest, house.growth(head.size, newest.size))
    except NotProven as reason:
        return failed(reason, trail)
    trail.add("consistency", **values)
    return reached("checkpoint_consistent", trail, **values)


@dataclass
class _Walk:
    """What was seen of a bundle: the place of a promised entry, and how far it reaches in time."""

    index: int | None = None
    other: bool = False
    latest: str = ""

    def look(self, index: int, leaf: bytes, raw: bytes, promise: Promise) -> None:
        if leaf == promise.leaf:
            self.index = index
            return
        try:
            entry = decode(raw)
        except Malformed:
            return
        self.other |= entry["id"] == str(promise.entry_id)
        self.latest = max(self.latest, str(entry["at"]))


def _fits(manifest: Manifest, heads: list[TreeHead]) -> bool:
    """Say whether a manifest tells of these checkpoints; the keys it names are not trusted."""
    try:
        parse_keys(manifest.keys)
    except NoteError:
        return False
    newest = heads[-1]
    told = (manifest.origin, manifest.entries, manifest.root)
    return told == (newest.origin, newest.size, newest.root.hex())


def _leaves(reader: BundleReader, count: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield leaf hash and bytes of every entry of a bundle."""
    for leaves, entries in reader.entries(count):
        yield from zip(leaves, entries, strict=True)


def _bundle(raw: bytes, keys: Keys, promise: Promise | None, trail: Trail) -> Verdict:
    reader = BundleReader(io.BytesIO(raw))
    walk = _Walk()
    try:
        manifest = reader.manifest()
        heads = []
        for _ in range(manifest.checkpoints):
            heads.append(open_checkpoint(reader.note(), keys, Trail()))
        sizes = [head.size for head in heads]
        rising = all(one < two for one, two in pairwise(sizes)) and sizes[:1] > [0]
        if not rising or not _fits(manifest, heads):
            raise NotProven("malformed.bundle", line=2)
        tree = GrowingTree()
        roots = {head.size: head.root for head in heads}
        for index, (leaf, entry) in enumerate(_leaves(reader, manifest.entries)):
            tree.append(leaf)
            if promise:
                walk.look(index, leaf, entry, promise)
            if tree.size in roots and tree.root() != roots[tree.size]:
                raise NotProven("wrong_root")
    except BundleError as error:
        raise NotProven("malformed.bundle", line=error.line) from error
    trail.add("form", form=FORMS["bundle"])
    trail.add("tree", entries=manifest.entries, checkpoints=manifest.checkpoints)
    if promise:
        return _promise_in(walk, promise, manifest.entries, trail)
    counts = {"entries": manifest.entries, "checkpoints": manifest.checkpoints}
    return reached("bundle_holds", trail, root=manifest.root, **counts)


def _promise_in(walk: _Walk, promise: Promise, size: int, trail: Trail) -> Verdict:
    """Judge a promise by a whole log: kept, broken, or the log does not reach that far yet."""
    if walk.index is not None:
        return reached("promise_kept", trail, size=size, index=walk.index)
    due = moment_text(promise.due_at)
    if walk.other or walk.latest > due:
        return reached("promise_broken", trail, due=due)
    return reached("promise_open", trail, due=due)


def _keys_from(path: Path) -> list[VerificationKey]:
    with path.open("rb") as file:
        return parse_keys(file.read(MAX_PROOF_BYTES).decode("utf-8").split())


def main(arguments: list[str] | None = None) -> int:
    """Check files from the command line; 0 proven, 1 not proven, 2 not decided."""
    parser = argparse.ArgumentParser(
        prog="python -m ledger.checking", description="离线核验条目证明、证据包、检查点或写入承诺。"
    )
    parser.add_argument("files", nargs="+", type=Path, help="要核验的文件")
    parser.add_argument("--vkey", type=Path, required=True, help="从别处取得的验证密钥文件")
    chosen = parser.parse_args(arguments)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    try:
        keys = _keys_from(chosen.vkey)
        files = []
        for path in chosen.files:
            with path.open("rb") as file:
                files.append(file.read(MAX_CHECK_BYTES + 1))
    except (OSError, UnicodeDecodeError, NoteError) as error:
        sys.stdout.write(f"NOT OK: 无法读取文件：{error}\n")
        return 1
    if any(len(each) > MAX_CHECK_BYTES for each in files):
        sys.stdout.write(f"NOT OK: {NotProven('too_large', limit=MAX_CHECK_BYTES)}\n")
        return 1
    verdict = check(files, keys)
    word = {True: "OK", False: "NOT OK", None: "OPEN"}[verdict.good]
    lines = [*(each.sentence for each in verdict.steps), f"{word}: {verdict.sentence}"]
    sys.stdout.write("\n".join(lines) + "\n")
    return {True: 0, False: 1, None: 2}[verdict.good]


if __name__ == "__main__":
    sys.exit(main())

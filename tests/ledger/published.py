"""The log as anybody may fetch it, written into a folder: what independent verifiers read."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ledger import serving
from ledger.audit import Checkpoint, ensure_key, latest_checkpoint, proof
from ledger.book import post_set
from ledger.signing import VerificationKey
from ledger.tiles import WIDTH
from ledger.witnessing import note_with_cosignatures, witness_newest
from tests.ledger.bodies import honest, listing
from tests.ledger.making import ACTOR, AT, book, grant, issue, seal_all
from tests.ledger.small_log import AUDIT

MORE_THAN_A_TILE = 300


@dataclass(frozen=True)
class Published:
    """A folder with checkpoint and tiles, the key, and an older checkpoint to grow from."""

    folder: Path
    key: VerificationKey
    older: Checkpoint
    newest: Checkpoint

    @property
    def note(self) -> str:
        return (self.folder / "checkpoint").read_text(encoding="utf-8")

    def entry(self, index: int) -> bytes:
        return proof(index).entry


def publish(folder: Path, settings) -> Published:
    """Fill a log beyond one tile, have it witnessed, and write all its public files."""
    book(grant(10**6))
    older = seal_all()
    post_set([issue(1, str(each)) for each in range(MORE_THAN_A_TILE)], actor=ACTOR, at=AT)
    seal_all()
    with honest(AUDIT, folder) as address:
        settings.LOG_WITNESSES = listing(*((address, each) for each in AUDIT.keys))
        witness_newest(datetime.now(UTC))
    newest = latest_checkpoint()
    for level, rest in _tiles(newest.size):
        path = folder / "tile" / level / rest
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(serving.tile_bytes(level, rest))
    (folder / "checkpoint").write_text(note_with_cosignatures(newest), encoding="utf-8")
    proven = serving.proof_as_dict(proof(280))
    (folder / "proof.json").write_text(json.dumps(proven), encoding="utf-8")
    return Published(folder, ensure_key(AT), older, newest)


def _tiles(size: int) -> list[tuple[str, str]]:
    """Return every tile of a log of less than 65,536 entries as level and place."""
    found = []
    for level, count in (("0", size), ("entries", size), ("1", size // WIDTH)):
        full, rest = divmod(count, WIDTH)
        found += [(level, f"{each:03d}") for each in range(full)]
        found += [(level, f"{full:03d}.p/{rest}")] if rest else []
    return found

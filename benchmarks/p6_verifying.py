"""Verifying an exported log offline: every hash, signature, form, schema, booking and balance.

Ours is the command ``python -m ledger.verifying FILE`` inside one process. The floor reads the same
file line by line and takes one SHA-256 of each line, nothing else. Run with several sizes the
table shows growth as well (P11).
"""

import hashlib
import io
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from ledger import chart
from ledger.actors import system_actor
from ledger.bundles import FIRST_LINE, Manifest, entry_line, note_line
from ledger.chart import AccountKey, TransferCode
from ledger.entries import JOURNAL_TYPE, envelope
from ledger.merkle import leaf_hash
from ledger.schemas import PUBLISH_TYPE, house_schemas
from ledger.signing import Signer, TreeHead
from ledger.transfers import Journal, Phase, Transfer
from ledger.verifying import main
from ledger.walks import GrowingTree

UNIT = "entries"
GOAL = "<= 10"
RATIO = "time"
SIZES = (20_000, 100_000, 200_000)
ORIGIN = "bench/log"
#: About what a sealer takes in a second under load.
BETWEEN_CHECKPOINTS = 2_000
SPENDS_A_VOUCHER = 40
AT = datetime(2026, 10, 1, tzinfo=UTC)
ACTOR = system_actor("benchmark")
P = str(UUID(int=1 << 120))
HOUR = 3_600_000_000


class _Writer:
    """Makes the entries of a year in small: grants, issues, holds, redemptions, decisions."""

    def __init__(self) -> None:
        self.count = 0
        self.seq = 0

    def fresh(self) -> UUID:
        self.count += 1
        return UUID(int=(1 << 121) + self.count)

    def event(self, kind: str, **body: object) -> bytes:
        return envelope(
            log=ORIGIN, id=self.fresh(), type=kind, at=self.at(), actor=ACTOR.for_log(), body=body
        )

    def at(self) -> datetime:
        return AT + timedelta(milliseconds=self.count)

    def booked(self, kind: str, *transfers: Transfer, **refs: str) -> bytes:
        self.seq += 1
        made = Journal(self.fresh(), kind, self.at(), transfers, refs)
        return envelope(
            log=ORIGIN,
            id=made.id,
            type=JOURNAL_TYPE,
            at=self.at(),
            actor=ACTOR.for_log(),
            body={**made.for_log(), "seq": str(self.seq)},
        )

    def move(
        self, debit: AccountKey, credit: AccountKey, amount: int, code: TransferCode, **more: object
    ) -> Transfer:
        return Transfer(self.fresh(), debit, credit, amount, code, **more)  # type: ignore[arg-type]

    def voucher(self, number: int) -> Iterator[bytes]:
        """Yield one voucher's life: issued, metered, held and redeemed in turn."""
        name, provider = UUID(int=(1 << 122) + number), UUID(int=(1 << 123) + number % 12)
        source, spent = chart.voucher(P, name), chart.redeemed(P, provider)
        rest = chart.unmatched(provider, "2026-10")
        used = chart.used_voucher(P, name)
        refs = {"voucher": str(name), "voucher_no": f"PT-2026-{number:06d}"}
        yield self.booked(
            "voucher.issue", self.move(chart.budget(P), source, 10**7, TransferCode.ISSUE), **refs
        )
        for _ in range(SPENDS_A_VOUCHER // 4):
            metered = self.move(chart.metered(provider, "2026-10"), rest, HOUR, TransferCode.METER)
            yield self.booked("metering.batch", metered, provider=str(provider))
            held = self.move(
                source, spent, 20_000, TransferCode.RESERVE, phase=Phase.PENDING, reason="订单占用"
            )
            yield self.booked("voucher.hold", held, **refs)
            posted = self.move(
                source, spent, 12_345, TransferCode.POST_RESERVED,
                phase=Phase.POST, pending_id=held.id,
            )  # fmt: skip
            matched = self.move(rest, used, HOUR, TransferCode.MATCH_VOUCHER)
            yield self.booked("voucher.redeem", posted, matched, **refs)
            yield self.event("voucher.expire", voucher=name, amount_fen=12_345)


def _entries(size: int, signer: Signer) -> Iterator[bytes]:
    key, writer = signer.verification, _Writer()
    yield writer.event("key.introduce", vkey=key.text, algorithm="Ed25519", key_id=key.key_id.hex())
    for each in house_schemas():
        yield writer.event(PUBLISH_TYPE, **each.for_log())
    granting = writer.move(chart.treasury(P), chart.budget(P), 10**15, TransferCode.GRANT)
    yield writer.booked("budget.grant", granting)
    for number in range(size):
        yield from writer.voucher(number)


def prepare(size: int) -> Path:
    """Write the bundle, once per size."""
    folder = Path(settings.VAR_DIR) / "bench"
    path = folder / f"p6-{size}.bundle"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    signer = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(32)))
    body, tree, notes = path.with_suffix(".entries"), GrowingTree(), []
    with body.open("wb") as file:
        for _, entry in zip(range(size), _entries(size, signer), strict=False):
            leaf = leaf_hash(entry)
            tree.append(leaf)
            file.write(entry_line(leaf, entry))
            if tree.size % BETWEEN_CHECKPOINTS == 0 or tree.size == size:
                notes.append(signer.sign(TreeHead(ORIGIN, tree.size, tree.root()).text))
    keys, root = (signer.verification.text,), tree.root().hex()
    with path.with_suffix(".part").open("wb") as file, body.open("rb") as lines:
        file.write(FIRST_LINE + Manifest(ORIGIN, size, len(notes), keys, root).encoded())
        file.writelines(note_line(each) for each in notes)
        while chunk := lines.read(1 << 20):
            file.write(chunk)
    body.unlink()
    path.with_suffix(".part").replace(path)
    return path


def ours(path: Path) -> int:
    """Verify the whole file as an auditor would."""
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(io.StringIO()):
        assert main([str(path)]) == 0
    return int(out.getvalue().splitlines()[-1].split()[1])


def floor(path: Path) -> int:
    """Read and hash the same bytes."""
    lines = 0
    with path.open("rb") as file:
        while line := file.readline():
            hashlib.sha256(line).digest()
            lines += 1
    return lines

"""A small log in memory, as a witness or a policy meets it; and one that forks from it."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from ledger.cosigning import Cosigner
from ledger.merkle import consistency_proof, leaf_hash, perfect_root, root_of
from ledger.signing import Signer, TreeHead, VerificationKey, to_base64

ORIGIN = "shuanli.test/ledger"
SECONDS = 1_790_000_000
AUDIT = Cosigner(
    "audit.test/witness",
    Ed25519PrivateKey.from_private_bytes(bytes(range(32))),
    MLDSA44PrivateKey.from_seed_bytes(bytes(32)),
)
FINANCE = Cosigner(
    "finance.test/witness",
    Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))),
    MLDSA44PrivateKey.from_seed_bytes(bytes([7]) * 32),
)


class SmallLog:
    """Leaves that are numbers; from ``fork_at`` on they differ from those of another log."""

    def __init__(self, origin: str = ORIGIN, *, seed: int = 9, fork_at: int = 10**9) -> None:
        self.signer = Signer(origin, Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))
        self.fork_at = fork_at

    @property
    def key(self) -> VerificationKey:
        return self.signer.verification

    def leaf(self, index: int) -> bytes:
        return leaf_hash(f"{index}{'' if index < self.fork_at else ' forked'}".encode())

    def read(self, level: int, index: int) -> bytes:
        return perfect_root([self.leaf(each) for each in range(index << level, index + 1 << level)])

    def head(self, size: int) -> TreeHead:
        return TreeHead(self.signer.name, size, root_of(size, self.read))

    def note(self, size: int) -> str:
        return self.signer.sign(self.head(size).text)

    def proof(self, old: int, size: int) -> list[bytes]:
        return consistency_proof(old, size, self.read) if old else []

    def body(self, old: int, size: int, **change) -> bytes:
        """Return what is posted to a witness."""
        proof = change.get("proof", self.proof(old, size) if old <= size else [])
        hashes = "".join(f"{to_base64(each)}\n" for each in proof)
        return f"old {old}\n{hashes}\n{change.get('note') or self.note(size)}".encode()

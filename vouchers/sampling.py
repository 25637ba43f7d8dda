"""Choose a share of cases so that nobody can steer it and anybody can check it.

Pure. A seed is drawn and its digest written into the signed log before the list is known; when the
list is confirmed the seed is published. Each case gets the rank SHA-256(seed ":" id); the lowest
ranks are chosen. Recompute with any SHA-256 program.
"""

import hashlib
from collections.abc import Iterable

WHOLE_BP = 10_000


def seed_digest(seed: str) -> str:
    """Return the SHA-256 of a seed (its hexadecimal text), which is published before it is."""
    return hashlib.sha256(seed.encode()).hexdigest()


def rank(seed: str, case: str) -> str:
    """Return the rank of a case under a seed."""
    return hashlib.sha256(f"{seed}:{case}".encode()).hexdigest()


def choose(seed: str, cases: Iterable[str], *, share_bp: int) -> tuple[str, ...]:
    """Return the chosen cases in the order of their rank, rounded up: some of any list.

    Raises:
        ValueError: a share outside 0 to 10000.
    """
    if not 0 <= share_bp <= WHOLE_BP:
        raise ValueError("a share lies between 0 and 10000 basis points")
    ordered = sorted(set(cases), key=lambda each: rank(seed, each))
    count = -(-len(ordered) * share_bp // WHOLE_BP)
    return tuple(ordered[:count])

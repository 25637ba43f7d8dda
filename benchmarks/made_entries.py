"""The entries of P5: what ours seals and what others append, without any of our code."""

import random
from collections.abc import Iterator

BYTES = 500


def made(size: int) -> Iterator[bytes]:
    """Yield entries of about 500 bytes, all different, the same in every run."""
    dice = random.Random(5)
    for number in range(size):
        noise = dice.randbytes(BYTES // 2 - 20).hex().encode()
        yield b'{"number":"%012d","noise":"%s"}' % (number, noise)

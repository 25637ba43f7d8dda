"""The entries of P5: what ours seals and what others append, without any of our code."""

import random

BYTES = 500


def made(size: int) -> list[bytes]:
    """Return entries of about 500 bytes, all different, the same in every run."""
    dice = random.Random(5)
    return [
        b'{"number":"%012d","noise":"%s"}'
        % (number, dice.randbytes(BYTES // 2 - 20).hex().encode())
        for number in range(size)
    ]

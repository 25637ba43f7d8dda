"""Short codes that a person can read from paper and type without a slip.

Sixteen characters of Crockford's base 32 (no I, L, O, U): fifteen carry 75 bits, the last one is a
check. The check is a weighted sum over the field of 32 elements with sixteen different weights, so
every single wrong character and every swap of two characters is noticed before any look-up.

Source: Crockford, Base 32; report.md section 6 of the house's designs.
"""

import hashlib

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 16
_FORGIVEN = str.maketrans({"O": "0", "I": "1", "L": "1"})
_FULL_WIDTH = str.maketrans({chr(0xFF01 + n): chr(0x21 + n) for n in range(94)})
_SEPARATORS = str.maketrans("", "", " -_\t\r\n\u3000\u00a0\u2013\u2014")
_FIELD_POLYNOMIAL = 0b100101  # x^5 + x^2 + 1, primitive over two elements


def _times(left: int, right: int) -> int:
    """Multiply two elements of the field of 32 elements."""
    product = 0
    while right:
        if right & 1:
            product ^= left
        left <<= 1
        if left & 0b100000:
            left ^= _FIELD_POLYNOMIAL
        right >>= 1
    return product


def _weights() -> tuple[int, ...]:
    """Return the powers of the generator, the last one 1 so that the check digit is the sum."""
    powers = [1]
    while len(powers) < LENGTH:
        powers.append(_times(powers[-1], 2))
    return tuple(reversed(powers))


_WEIGHTS = _weights()


def _sum(values: list[int]) -> int:
    """Return the weighted sum of up to sixteen values; 0 for a whole valid code."""
    total = 0
    for weight, value in zip(_WEIGHTS, values, strict=False):
        total ^= _times(weight, value)
    return total


def code_of(evidence: bytes) -> str:
    """Return the check code of a document's evidence (its number and content digest).

    The same evidence always gives the same code, so a re-rendered document carries it again.
    """
    number = int.from_bytes(hashlib.sha256(b"check-code/v1\n" + evidence).digest()) >> (256 - 75)
    values = [(number >> (5 * place)) & 31 for place in reversed(range(LENGTH - 1))]
    values.append(_sum(values))
    return "".join(ALPHABET[value] for value in values)


def read_code(typed: str) -> str | None:
    """Return the code meant by what somebody typed, or None when it cannot be one.

    Forgives spaces, hyphens, lower case, full-width characters, O for 0 and I or L for 1.
    """
    if len(typed) > 200:
        return None
    plain = typed.translate(_FULL_WIDTH).translate(_SEPARATORS).upper().translate(_FORGIVEN)
    if len(plain) != LENGTH or any(character not in ALPHABET for character in plain):
        return None
    return plain if _sum([ALPHABET.index(character) for character in plain]) == 0 else None


def grouped(code: str) -> str:
    """Return the code as printed: four groups of four."""
    return "-".join(code[start : start + 4] for start in range(0, LENGTH, 4))

"""Whether 32 bytes are a sound Ed25519 public key: one spelling, and in the prime-order group.

A key of small order would "verify" signatures that nobody made, a key with a part of small order
lets two verifiers disagree, and a second spelling of a point would be a second name for one key.
An honest key is a multiple of the base point and always passes. Only registration asks this, so
plain integers are quick enough.

Source: RFC 8032 section 5.1; Chalkias, Garillot, Nikolaenko, "Taming the many EdDSAs" (2020).
"""

KEY_BYTES = 32
_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT_OF_MINUS_ONE = pow(2, (_P - 1) // 4, _P)
_SIGN_BIT = 1 << 255

Point = tuple[int, int, int, int]  # extended coordinates X, Y, Z, T
_IDENTITY: Point = (0, 1, 1, 0)


def is_sound(raw: bytes) -> bool:
    """Say whether a public key is canonical, on the curve, and in the group of prime order."""
    point = _decoded(raw)
    return point is not None and not _is_identity(point) and _is_identity(_times(_ORDER, point))


def _decoded(raw: bytes) -> Point | None:
    """Return the point that bytes spell in their one way, or nothing."""
    if len(raw) != KEY_BYTES:
        return None
    number = int.from_bytes(raw, "little")
    y, odd = number % _SIGN_BIT, number // _SIGN_BIT
    if y >= _P:
        return None
    x = _x_of(y)
    if x is None or (x == 0 and odd):
        return None
    x = _P - x if x % 2 != odd else x
    return x, y, 1, x * y % _P


def _x_of(y: int) -> int | None:
    """Return a root of x² = (y² - 1) / (dy² + 1), if there is one."""
    above, below = (y * y - 1) % _P, (_D * y * y + 1) % _P
    root = above * pow(below, 3, _P) * pow(above * pow(below, 7, _P), (_P - 5) // 8, _P) % _P
    if (below * root * root - above) % _P == 0:
        return root
    if (below * root * root + above) % _P == 0:
        return root * _ROOT_OF_MINUS_ONE % _P
    return None


def _added(one: Point, other: Point) -> Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % _P
    b = (one[1] + one[0]) * (other[1] + other[0]) % _P
    c = 2 * one[3] * other[3] * _D % _P
    d = 2 * one[2] * other[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(number: int, point: Point) -> Point:
    result = _IDENTITY
    while number:
        if number & 1:
            result = _added(result, point)
        point = _added(point, point)
        number >>= 1
    return result


def _is_identity(point: Point) -> bool:
    x, y, z, _ = point
    return x % _P == 0 and (y - z) % _P == 0

"""What of a person's data is shown unasked: enough to recognise it, too little to use it.

Pure.
"""

import re

STAR = "＊"
KINDS = ("phone", "mail", "id", "bank")


def masked(kind: str, value: str) -> str:
    """Return a value with its middle covered; kinds that are not personal stay as they are."""
    text = str(value or "").strip()
    if not text or kind not in KINDS:
        return text
    if kind == "mail":
        name, at, host = text.partition("@")
        return f"{name[:1]}{STAR * 3}{at}{host}" if at else STAR * 4
    keep = {"phone": (3, 4), "id": (1, 2), "bank": (0, 4)}[kind]
    return _covered(text, *keep)


def is_masked(kind: str) -> bool:
    """Tell whether values of a kind are covered until somebody says why they need them."""
    return kind in KINDS


def _covered(text: str, head: int, tail: int) -> str:
    figures = re.sub(r"\s", "", text)
    if len(figures) <= head + tail:
        return STAR * max(len(figures), 1)
    return f"{figures[:head]}{STAR * 4}{figures[-tail:]}"

"""How a value of an edition reads and how it is typed: words for people, JSON for the rules.

Pure. What was typed and cannot be read is passed on as it stands: the reader of the rules then
refuses it with its place, so that editor and file are judged by one judge.
"""

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from ledger.amounts import parse_yuan, yuan_text
from vouchers.parameters import Parameter

PERCENT = re.compile(r"\d{1,5}(\.\d{1,2})?%?")
MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})(:\d{2})?")
SPLIT = re.compile(r"[\n\r、,，;；]+")
UNSET = "不设"


def show(parameter: Parameter, value: Any) -> str:
    """Return a value the way people read it."""
    if value is None or value == []:
        return UNSET
    if parameter.kind == "choice":
        return dict(parameter.choices).get(value, str(value))
    shower = SHOWERS.get(parameter.kind)
    if shower:
        return shower(value)
    if isinstance(value, list):
        return "、".join(str(each) for each in value)
    return _yes(value) if isinstance(value, bool) else str(value) or "（空）"


def typed(parameter: Parameter, value: Any) -> str:
    """Return a value the way it is typed into the editor."""
    if value is None:
        return ""
    typist = TYPISTS.get(parameter.kind)
    if typist:
        return typist(value)
    if isinstance(value, list):
        return "\n".join(str(each) for each in value)
    return "" if isinstance(value, bool) else str(value)


def read(parameter: Parameter, text: str, test: str = "") -> Any:
    """Return what was typed as a JSON value; what cannot be read comes back as it stands.

    Args:
        parameter: which value.
        text: what was typed.
        test: for the value of a criterion, how it is compared.
    """
    text = text.strip()
    if parameter.kind == "value":
        return _value(text, test)
    reader = READERS.get(parameter.kind)
    return reader(text) if reader else text


def _value(text: str, test: str) -> Any:
    if test == "one_of":
        return _lines(text)
    if test in ("is_true", "is_false"):
        return True
    return _whole(text) if test == "at_most_months" else text


def _lines(text: str) -> list[str]:
    return [each.strip() for each in SPLIT.split(text) if each.strip()]


def _rows(text: str) -> list[str]:
    return [each.strip() for each in text.splitlines() if each.strip()]


def _pairs(text: str) -> list[tuple[str, str]]:
    pairs = []
    for line in text.splitlines():
        words = line.split()
        if words:
            pairs.append((words[0], words[1] if len(words) > 1 else ""))
    return pairs


def _whole(text: str) -> Any:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= len("1" * 18) else text


def _bp(text: str) -> Any:
    if not PERCENT.fullmatch(text):
        return text
    try:
        return int(Decimal(text.removesuffix("%")) * 100)
    except InvalidOperation:  # pragma: no cover - the pattern lets nothing else in
        return text


def _percent(bp: int) -> str:
    whole, rest = divmod(int(bp), 100)
    return f"{whole}.{rest:02d}".rstrip("0") if rest else str(whole)


def _yuan(text: Any) -> str:
    try:
        return f"{yuan_text(parse_yuan(str(text)))} 元"
    except ValueError:
        return str(text)


def _yes(value: Any) -> str:
    return "是" if value else "否"


def _minute(value: Any) -> str:
    return str(value)[:16].replace("T", " ")


def _bands_typed(value: Any) -> str:
    return "\n".join(f"{each['at_least']} {each['points']}" for each in value)


def _table_typed(value: Any) -> str:
    return "\n".join(f"{word} {points}" for word, points in value.items())


def _moment(text: str) -> str:
    found = MOMENT.fullmatch(text)
    return f"{found[1]}T{found[2]}{found[3] or ':00'}+08:00" if found else text


SHOWERS: dict[str, Callable[[Any], str]] = {
    "yes": _yes,
    "bp": lambda value: f"{_percent(value)}%",
    "yuan": _yuan,
    "yuans": lambda value: "、".join(_yuan(each) for each in value),
    "moment": _minute,
    "bands": lambda value: "；".join(_bands_typed(value).splitlines()),
    "table": lambda value: "；".join(_table_typed(value).splitlines()),
}
TYPISTS: dict[str, Callable[[Any], str]] = {
    "yes": lambda value: "yes" if value else "no",
    "bp": lambda value: _percent(value) if isinstance(value, int) else str(value),
    "moment": _minute,
    "bands": _bands_typed,
    "table": _table_typed,
}
READERS: dict[str, Callable[[str], Any]] = {
    "yes": lambda text: {"yes": True, "no": False}.get(text, text),
    "whole": _whole,
    "bp": _bp,
    "moment": _moment,
    "yuan": lambda text: text.replace(",", "").replace("，", ""),
    "words": _lines,
    "yuans": lambda text: [each.replace(",", "") for each in _rows(text)],
    "wholes": lambda text: [_whole(each) for each in _lines(text)],
    "bands": lambda text: [{"at_least": _whole(a), "points": _whole(b)} for a, b in _pairs(text)],
    "table": lambda text: {a: _whole(b) for a, b in _pairs(text)},
}

"""Write the rules of an edition as a file, in the order of the catalogue; read back it is equal.

Pure. Small on purpose: an edition holds texts, whole numbers, yes and no, lists of these, tables
and lists of tables, nothing else.
"""

import json
from typing import Any

from vouchers.parameters import CHAPTERS

HEAD = ("slug", "edition_no")


def edition_text(rules: dict[str, Any]) -> str:
    """Return the rules as TOML; ``parse_edition`` gives the same rules and the same digest."""
    lines: list[str] = []
    codes = [each.code for each in CHAPTERS]
    for code in [*codes, *(other for other in rules if other not in codes)]:
        if code in rules:
            lines += _part(code, rules[code])
    return "\n".join(lines).lstrip("\n") + "\n"


def _part(name: str, value: Any) -> list[str]:
    if isinstance(value, list):
        return [line for each in value for line in _table(f"[[{name}]]", name, each)]
    return _table(f"[{name}]", name, value)


def _table(head: str, name: str, table: dict[str, Any]) -> list[str]:
    lines = ["", head] if head.count("[") == 1 else [head]
    later: list[str] = []
    for key in sorted(table, key=lambda each: (each not in HEAD, list(table).index(each))):
        value = table[key]
        if isinstance(value, dict) or (
            isinstance(value, list) and value and isinstance(value[0], dict)
        ):
            later += _part(f"{name}.{_key(key)}", value)
        elif not (isinstance(value, list) and not value and _is_list_of_tables(name, key)):
            lines.append(f"{_key(key)} = {_value(value)}")
    return lines + later


def _is_list_of_tables(name: str, key: str) -> bool:
    """Tell whether an empty list stands for no tables: it is left out, as a file would."""
    chapter = next((each for each in CHAPTERS if each.code == name), None)
    return bool(chapter and chapter.items and chapter.items.name == key)


def _key(key: str) -> str:
    plain = key.replace("_", "").replace("-", "")
    return key if plain.isalnum() and plain.isascii() else _value(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join(_value(each) for each in value)}]"
    return _quoted(value)


def _quoted(text: str) -> str:
    """Return a TOML basic string: JSON's escapes are TOML's, but DEL must be escaped too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")

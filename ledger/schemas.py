"""What the body of each entry type may hold: versioned JSON Schemas and a small strict checker.

Each file of ``entry_schemas`` is the JSON Schema of one type in one version, named
``<type>.<version>.json``. The log publishes the digest of each, so that a schema cannot be
changed behind the entries that were written under it.

The checker knows only what these schemas use, and refuses a schema that uses anything else. A
pattern stands between ``^`` and ``$`` and covers the whole text.

Source: JSON Schema 2020-12 (the subset below); docs/ledger.md, schemas.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

FOLDER = "entry_schemas"
#: The type under which the envelope around every body is described.
ENVELOPE = "envelope"
PUBLISH_TYPE = "schema.publish"
MAX_SCHEMA_BYTES = 65_536
DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NAME = re.compile(r"([a-z]+(?:\.[a-z0-9_]+)*)\.([1-9][0-9]{0,3})\.json", re.ASCII)
#: Texts under a pattern are short and patterns simple: a hostile schema must not cost hours.
PATTERN_TEXT = 300
MAX_TEXT = 65_535
MOST_REPEATS = 3
_REPEATED_GROUP = re.compile(r"\)[*+{]|\(\?|\[\[|--|&&|~~|\|\|")
_REPEATS = re.compile(r"[*+?]|,[0-9]*\}")
_ABOUT = {"$schema", "$id", "title", "description"}

#: Gives the place and nature of the first fault, or None where the value is as it should be.
Check = Callable[[Any], str | None]


class SchemaError(ValueError):
    """A schema that this house does not write."""


def _matcher(pattern: str) -> Callable[[str], object]:
    """Compile a pattern that no text can make slow."""
    if pattern[:1] != "^" or pattern[-1:] != "$":
        raise SchemaError("a pattern stands between ^ and $")
    if _REPEATED_GROUP.search(pattern) or len(_REPEATS.findall(pattern)) > MOST_REPEATS:
        raise SchemaError("a pattern repeats too much")
    try:
        return re.compile(pattern[1:-1], re.ASCII).fullmatch
    except (re.error, OverflowError) as error:
        raise SchemaError("a pattern is not one") from error


def _text_check(schema: dict[str, Any]) -> Check:
    pattern, known = schema.get("pattern"), schema.get("enum")
    longest = schema.get("maxLength", PATTERN_TEXT if pattern else MAX_TEXT)
    matches = _matcher(pattern) if pattern else None
    values = frozenset(known) if known is not None else None
    if pattern and longest > PATTERN_TEXT:
        raise SchemaError("a text with a pattern is short")

    def check(value: Any) -> str | None:
        if type(value) is not str:
            return " 不是文本"
        if len(value) > longest:
            return " 过长"
        if values is not None and value not in values:
            return " 不在可选范围"
        return " 不合写法" if matches and not matches(value) else None

    return check


def _list_check(schema: dict[str, Any]) -> Check:
    inside = _compile(schema["items"])
    least, most = schema.get("minItems", 0), schema.get("maxItems")

    def check(value: Any) -> str | None:
        if type(value) is not list:
            return " 不是列表"
        if len(value) < least or (most is not None and len(value) > most):
            return " 的项数不对"
        for place, each in enumerate(value):
            if fault := inside(each):
                return f"[{place}]{fault}"
        return None

    return check


def _object_check(schema: dict[str, Any]) -> Check:
    fields = {name: _compile(each) for name, each in schema.get("properties", {}).items()}
    required = frozenset(schema.get("required", ()))
    more = schema["additionalProperties"]
    others = None if more is False else _anything if more is True else _compile(more)

    def check(value: Any) -> str | None:
        if type(value) is not dict:
            return " 不是对象"
        if not required <= value.keys():
            return f".{min(required - value.keys())} 缺失"
        for name, each in value.items():
            inside = fields.get(name, others)
            if inside is None:
                return f".{name[:40]} 不应出现"
            if fault := inside(each):
                return f".{name[:40]}{fault}"
        return None

    return check


def _const_check(wanted: Any, said: str) -> Check:
    return lambda value: None if value is wanted else said


def _boolean_check(_schema: dict[str, Any]) -> Check:
    return lambda value: None if type(value) is bool else " 不是真假值"


def _either_check(schema: dict[str, Any]) -> Check:
    choices = [_compile(each) for each in schema["anyOf"]]

    def check(value: Any) -> str | None:
        faults = [each(value) for each in choices]
        return None if None in faults else faults[0]

    return check


def _anything(_value: Any) -> str | None:
    return None


#: Per type of value: how it is checked, and the words its schema may use.
_KINDS: dict[str, tuple[Callable[[dict[str, Any]], Check], set[str]]] = {
    "string": (_text_check, {"type", "pattern", "maxLength", "enum"}),
    "array": (_list_check, {"type", "items", "minItems", "maxItems"}),
    "object": (_object_check, {"type", "properties", "required", "additionalProperties"}),
    "null": (lambda _schema: _const_check(None, " 不是空值"), {"type"}),
    "boolean": (_boolean_check, {"type"}),
    "anyOf": (_either_check, {"anyOf"}),
}


def _compile(schema: Any) -> Check:
    if not isinstance(schema, dict):
        raise SchemaError("a schema is an object")
    named = "anyOf" if "anyOf" in schema else schema.get("type")
    if named not in _KINDS:
        raise SchemaError("a schema names one of the five types, or a choice of schemas")
    kind, known = _KINDS[named]
    if strange := set(schema) - known - _ABOUT:
        raise SchemaError(f"a schema uses words this house does not know: {sorted(strange)}")
    return kind(schema)


@dataclass(frozen=True)
class Schema:
    """One version of what one entry type holds."""

    type: str
    version: str
    digest: str
    raw: bytes
    check: Check

    @property
    def file_name(self) -> str:
        """Return the name of its file."""
        return f"{self.type}.{self.version}.json"

    def for_log(self) -> dict[str, str]:
        """Return the body of the entry that publishes it."""
        return {"type": self.type, "version": self.version, "digest": self.digest}

    @classmethod
    def parse(cls, file_name: str, raw: bytes) -> "Schema":
        """Read a schema file, strictly.

        Raises:
            SchemaError: another name, not JSON, or words this checker does not know.
        """
        named = _NAME.fullmatch(file_name)
        if not named or len(raw) > MAX_SCHEMA_BYTES:
            raise SchemaError("not the name or size of a schema file")
        try:
            stated = json.loads(raw.decode("utf-8"))
            if stated["$schema"] != DIALECT or stated["$id"] != f"{named[1]}/{named[2]}":
                raise SchemaError("the schema says another name or dialect")
            check = _compile(stated)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise SchemaError(f"{file_name}: {type(error).__name__} {error}"[:200]) from error
        return cls(named[1], named[2], hashlib.sha256(raw).hexdigest(), raw, check)


@cache
def house_schemas() -> tuple[Schema, ...]:
    """Return every schema that comes with the program, by type and version."""
    found = [
        Schema.parse(each.name, each.read_bytes())
        for each in files("ledger").joinpath(FOLDER).iterdir()
        if each.name.endswith(".json")
    ]
    return tuple(sorted(found, key=lambda each: (each.type, int(each.version))))


@cache
def _newest() -> dict[str, Schema]:
    return {each.type: each for each in house_schemas()}


def fault_of(entry_type: str, body: Any) -> str | None:
    """Return what is wrong with a body to be written now, None when nothing is."""
    schema = _newest().get(entry_type)
    if schema is None or entry_type == ENVELOPE:
        return f"the entry type {entry_type[:60]} 没有登记格式"
    fault = schema.check(body)
    return f"{entry_type}{fault}" if fault else None


class SchemaBook:
    """Which schema holds for which entry of one log, in the order of its entries.

    The newest version that the log has published so far holds; before the first publication,
    the first version there is.

    Args:
        schemas: those at hand: of this program, or of an audit bundle.
    """

    def __init__(self, schemas: Iterable[Schema]) -> None:
        self._by_digest = {each.digest: each for each in schemas}
        self._current: dict[str, Schema | None] = {}
        for each in sorted(self._by_digest.values(), key=lambda one: -int(one.version)):
            self._current[each.type] = each
        self.published: dict[str, str] = {}
        self.unchecked: dict[str, int] = {}
        self._faults: dict[str, tuple[int, str]] = {}
        self._used: set[str] = set()

    def publish(self, body: Any) -> None:
        """Take note of a schema that the log publishes; its body has been checked."""
        self.published[body["digest"]] = f"{body['type']}.{body['version']}"
        self._current[body["type"]] = self._by_digest.get(body["digest"])

    def take(self, index: int, entry_type: str, value: Any) -> None:
        """Check one body (or, as type ``envelope``, one whole entry)."""
        schema = self._current.get(entry_type)
        if schema is None:
            self.unchecked[entry_type] = self.unchecked.get(entry_type, 0) + 1
            return
        self._used.add(schema.digest)
        if fault := schema.check(value):
            self._faults.setdefault(schema.digest, (index, f"{entry_type}{fault}"))

    def is_house(self, entry_type: str) -> bool:
        """Say whether the schema of a type that holds now is the newest one of this program."""
        current, own = self._current.get(entry_type), _newest().get(entry_type)
        return current is not None and own is not None and current.digest == own.digest

    def first_fault(self, *, published_only: bool) -> tuple[int, str] | None:
        """Return (index, what is wrong) of the first entry that breaks its schema.

        Args:
            published_only: a schema that the log did not publish binds nobody.
        """
        found = [
            fault
            for digest, fault in self._faults.items()
            if not published_only or digest in self.published
        ]
        return min(found, default=None)

    def unpublished(self) -> list[str]:
        """Return the schemas that were used although the log does not publish them."""
        return sorted(
            self._by_digest[each].file_name for each in self._used if each not in self.published
        )

    def missing(self) -> list[str]:
        """Return the schemas that the log publishes and that are not at hand."""
        return sorted(
            name for digest, name in self.published.items() if digest not in self._by_digest
        )

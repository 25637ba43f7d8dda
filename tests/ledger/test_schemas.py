"""Every entry type has a schema, a golden vector, and bodies that keep it."""

import ast
import hashlib
import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.test import override_settings

from ledger import audit, models
from ledger.entries import decode, envelope
from ledger.refusals import Broken
from ledger.schemas import (
    DIALECT,
    ENVELOPE,
    PUBLISH_TYPE,
    Schema,
    SchemaBook,
    SchemaError,
    fault_of,
    house_schemas,
)
from ledger.suites import SM3
from tests.house.source_tree import ROOT, sources
from tests.ledger.making import ACTOR, AT, CLERK

GOLDEN = ROOT / "tests" / "golden" / "entries"
TYPES = sorted({each.type for each in house_schemas()} - {ENVELOPE})
MADE_AT = datetime(2026, 10, 1, 8, 30, 15, 123456, tzinfo=UTC)
MADE_ID = UUID("018f0000-0000-7000-8000-000000000000")


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_has_its_vector_and_keeps_its_bytes(kind):
    """A changed encoding, schema or field order shows here first."""
    golden = json.loads((GOLDEN / f"{kind}.json").read_text())
    assert fault_of(kind, golden["body"]) is None
    made = envelope(
        log="golden/log", id=MADE_ID, type=kind, at=MADE_AT, actor=CLERK.for_log(),
        body=golden["body"],
    )  # fmt: skip
    assert made.decode() == golden["entry"]
    assert decode(made)["body"] == golden["body"]
    assert hashlib.sha256(b"\x00" + made).hexdigest() == golden["leaf_sha256"]
    assert SM3.leaf(made).hex() == golden["leaf_sm3"]


def test_there_is_no_vector_without_a_type():
    assert sorted(each.stem for each in GOLDEN.iterdir()) == TYPES


@pytest.mark.parametrize("kind", TYPES)
def test_a_body_with_one_field_wrong_missing_or_more_breaks_its_schema(kind):
    body = json.loads((GOLDEN / f"{kind}.json").read_text())["body"]
    schema = next(each for each in house_schemas() if each.type == kind)
    assert schema.check({**body, "surprise": "x"})
    assert schema.check([]) == " 不是对象"
    for name in json.loads(schema.raw)["required"]:
        assert f".{name}" in schema.check({key: body[key] for key in body if key != name})
        assert f".{name}" in schema.check({**body, name: 5})


#: What the code calls to write an entry; the type is the first thing given.
_RECORDING = ("record", "record_set", "_log", "_log_rate", "_record_handed_in")


def recorded_types() -> set[str]:
    """Return every entry type that stands in the source, put together where it is put together."""
    found: set[str] = set()
    for path in sources():
        if path.name in ("schemas.py", "batches.py") or "migrations" in path.parts:
            continue
        tree = ast.parse(path.read_text())
        calls = [each for each in ast.walk(tree) if isinstance(each, ast.Call)]
        events = {
            each.value
            for call in calls
            if getattr(call.func, "id", "") in ("_turn", "_end")
            for each in call.args
            if isinstance(each, ast.Constant) and isinstance(each.value, str) and each.value
        }
        events |= {
            each.value
            for node in ast.walk(tree)
            if isinstance(node, ast.IfExp)
            for side in (node.body, node.orelse)
            if isinstance(side, ast.Tuple)
            for each in side.elts[:1]
            if isinstance(each, ast.Constant)
        }
        for call in calls:
            name = getattr(call.func, "attr", getattr(call.func, "id", ""))
            if name in _RECORDING and call.args:
                found |= _types(call.args[0], events)
    return found


def _types(argument: ast.expr, events: set[str]) -> set[str]:
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        return {argument.value}
    if isinstance(argument, ast.JoinedStr):
        room = argument.values[0].value
        assert events, f"no events found for {room}"
        return {f"{room}{each}" for each in events if each.isidentifier()}
    return set()


def test_every_type_that_the_code_records_has_a_schema():
    missing = recorded_types() - set(TYPES)
    assert {each for each in missing if "." in each} == set()
    assert len(recorded_types()) > 75, "the search for types has gone blind"


def test_every_schema_is_of_a_type_that_is_recorded_or_agreed():
    """Types of other hands in the same issue are named until they record them."""
    agreed = {
        "ledger.journal", "key.introduce", "key.retire", "key.propose", "checkpoint.cross",
        "schema.publish", "incident.open", "incident.close", "audit.result", "anchor.receipt",
        "maintenance.begin", "maintenance.end", "log.continue",
    }  # fmt: skip
    assert set(TYPES) - recorded_types() <= agreed


@pytest.mark.django_db
class TestRecording:
    def test_an_unknown_type_is_broken(self):
        with pytest.raises(Broken, match=r"nowhere.event 没有登记格式"):
            audit.record("nowhere.event", {}, actor=ACTOR, at=AT)

    def test_a_body_that_does_not_keep_its_schema_is_broken(self):
        body = {"voucher": MADE_ID, "amount_fen": 5}
        assert audit.record("voucher.expire", body, actor=ACTOR, at=AT)
        with pytest.raises(Broken, match=r"voucher\.expire\.name 不应出现"):
            audit.record("voucher.expire", {**body, "name": "张三"}, actor=ACTOR, at=AT)
        assert models.LogEntry.objects.count() == 1

    @override_settings(LOG_OPEN_ROOMS=())
    def test_outside_tests_no_room_is_open(self):
        with pytest.raises(Broken, match="没有登记格式"):
            audit.record("test.event", {}, actor=ACTOR, at=AT)

    def test_the_digest_of_every_schema_is_logged_once(self):
        assert audit.publish_schemas(AT) == len(house_schemas())
        assert audit.publish_schemas(AT) == 0
        bodies = models.LogEntry.objects.filter(type=PUBLISH_TYPE).values_list("body", flat=True)
        assert {decode(bytes(each))["body"]["digest"] for each in bodies} == {
            hashlib.sha256(each.raw).hexdigest() for each in house_schemas()
        }


def schema(text: str, name: str = "a.b.1.json") -> Schema:
    head = f'{{"$schema": "{DIALECT}", "$id": "a.b/1", '
    return Schema.parse(name, (head + text + "}").encode())


@pytest.mark.parametrize(
    "text",
    ['"type": "number"', '"type": "string", "format": "date"', '"$ref": "#"', '"type": ["string"]',
     '"type": "string", "pattern": "x"', '"type": "string", "pattern": "^(a+)+$"',
     '"type": "string", "pattern": "^a*a*a*a*$"', '"type": "string", "pattern": "^[$"',
     '"type": "string", "pattern": "^a$", "maxLength": 9999', '"type": "array"',
     '"type": "object"', '"type": "object", "additionalProperties": 5', '"anyOf": 5',
     '"type": "array", "items": ' + '{"type": "array", "items": ' * 500],
)  # fmt: skip
def test_a_schema_outside_the_subset_is_refused(text):
    with pytest.raises(SchemaError):
        schema(text)


@pytest.mark.parametrize("name", ["a.b.json", "../a.b.1.json", "a.b.0.json", "A.b.1.json", "x"])
def test_a_schema_under_another_name_is_refused(name):
    with pytest.raises(SchemaError):
        schema('"type": "null"', name)


@pytest.mark.parametrize(
    ("text", "good", "bad"),
    [
        ('"type": "string", "pattern": "^a+$"', ["a", "aa"], ["", "b", "a\n", "a" * 301, 1, None]),
        ('"type": "string", "maxLength": 2', ["", "算力"], ["abc"]),
        ('"type": "string", "enum": ["x", "y"]', ["x"], ["z", True]),
        ('"type": "null"', [None], ["", False]),
        ('"type": "boolean"', [True, False], ["true", 1, None]),
        ('"type": "array", "items": {"type": "null"}, "minItems": 1, "maxItems": 2',
         [[None], [None, None]], [[], [None] * 3, ["x"], {}]),
        ('"anyOf": [{"type": "null"}, {"type": "string"}]', [None, "x"], [True, []]),
        ('"type": "object", "additionalProperties": {"type": "string"}',
         [{}, {"a": "b"}], [{"a": True}, [], "x"]),
    ],
)  # fmt: skip
def test_the_checker_means_what_json_schema_means(text, good, bad):
    made = schema(text)
    assert [made.check(each) for each in good] == [None] * len(good)
    assert None not in [made.check(each) for each in bad]


def test_the_newest_published_version_holds_from_there_on():
    first = schema('"type": "object", "additionalProperties": false')
    second = Schema.parse(
        "a.b.2.json",
        first.raw.replace(b'"a.b/1"', b'"a.b/2"').replace(b"false", b'{"type": "string"}'),
    )
    book = SchemaBook([first, second])
    book.take(0, "a.b", {})
    book.publish(first.for_log())
    book.publish(second.for_log())
    book.take(3, "a.b", {"x": "y"})
    assert book.first_fault(published_only=True) is None
    book.take(4, "a.b", {"x": None})
    assert book.first_fault(published_only=True) == (4, "a.b.x 不是文本")
    book.take(5, "c.d", {})
    assert book.unchecked == {"c.d": 1}

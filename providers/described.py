"""How each operation of the interface stands in the OpenAPI document: one decorator each.

``manage.py describe_interface`` writes the document; docs/openapi.json is compared with it.
"""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
)

from providers import schemas
from providers.receipts import MOST_RESULTS
from providers.schemas import problems
from providers.schemas_counting import CalendarSchema, WaitingSchema
from providers.waiting import MOST_WAITING, REASONS
from providers.wire import CLOUDEVENTS, CONTENT_TYPES, CSV, JSON, NDJSON

KEYED: list[Any] = [{"providerKey": []}]
OPEN: list[Any] = [{}]
_LINE = (
    "record_id,order_no,device_model,device_count,started_at,ended_at\n"
    "first-1,TEST-OK,nvidia-a100,8,2026-10-01T08:00:00+08:00,2026-10-01T09:00:00+08:00\n"
)
RECORD = {
    "record_id": "first-1",
    "order_no": "TEST-OK",
    "device_model": "nvidia-a100",
    "device_count": 8,
    "started_at": "2026-10-01T08:00:00+08:00",
    "ended_at": "2026-10-01T09:00:00+08:00",
}
_EVENT = {"specversion": "1.0", "id": "first-1", "source": "/cluster-1", "type": "usage.v1"}
_UUID = "0191f7c0-7e2a-7000-8000-000000000001"


def _header(name: str, kind: Any, text: str, **more: Any) -> OpenApiParameter:
    return OpenApiParameter(name, kind, OpenApiParameter.HEADER, description=text, **more)


def _query(name: str, kind: Any, text: str, **more: Any) -> OpenApiParameter:
    return OpenApiParameter(name, kind, OpenApiParameter.QUERY, description=text, **more)


_whole = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}
IDEMPOTENCY_KEY = _header(
    "Idempotency-Key",
    {"type": "string", "format": "uuid", "pattern": "^[0-9a-f-]{36}$", "example": _UUID},
    "A new lower-case UUID per request; the same one on every retry. Kept for ever.",
    required=True,
)
LANGUAGE = _header(
    "Accept-Language", {"type": "string", "example": "en"}, "en for English texts, else Chinese."
)
SIGNED = [
    _header(name, OpenApiTypes.STR, f"{text} Required with a live key (RFC 9421).")
    for name, text in (
        ("Content-Digest", "sha-256=:...: of the bytes sent."),
        ("Signature-Input", "Covered components and parameters, tag metering."),
        ("Signature", "The Ed25519 signature."),
    )
]
UPLOAD = [
    IDEMPOTENCY_KEY,
    _query(
        "on_error",
        {"type": "string", "enum": ["reject_batch", "accept_valid"], "default": "reject_batch"},
        "reject_batch: one bad row refuses all. accept_valid: keep the rest.",
    ),
    _header("Batch-Row-Count", _whole, "Control total: a difference refuses the batch."),
    _header("Batch-Device-Milli-Seconds", _whole, "Control total of the use."),
    _header("Batch-Sequence", _whole, "Your own running number of uploads under this key."),
    _header(
        "Batch-Hold",
        {"type": "string", "enum": ["suspect_repeat"]},
        "The sender doubts these rows: all of them wait for a person.",
    ),
    _header("Content-Encoding", {"type": "string", "enum": ["gzip", "identity"]}, "As sent."),
    *SIGNED,
    LANGUAGE,
]
_TEXT = {"type": "string"}
_BINARY = {"type": "string", "format": "binary"}
_KNOWN_BODIES: dict[str, Any] = {
    JSON: schemas.BatchBodySchema,
    CLOUDEVENTS: schemas.CloudEventSchema(many=True),
    NDJSON: _TEXT,
    CSV: _TEXT,
}
BODIES = {kind: _KNOWN_BODIES.get(kind, _BINARY) for kind in CONTENT_TYPES}
BODY_EXAMPLES = [
    OpenApiExample("一条测试记录", {"records": [RECORD]}, request_only=True, media_type=JSON),
    OpenApiExample("CSV", _LINE, request_only=True, media_type=CSV),
    OpenApiExample(
        "NDJSON", '{"record_id":"first-1","order_no":"TEST-OK","device_model":"nvidia-a100",'
        '"device_count":8,"started_at":"2026-10-01T08:00:00+08:00"}\n',
        request_only=True, media_type=NDJSON,
    ),
    OpenApiExample(
        "CloudEvents", _EVENT | {"data": RECORD}, request_only=True, media_type=CLOUDEVENTS
    ),
]  # fmt: skip


def _answer(shape: Any, text: str) -> OpenApiResponse:
    return OpenApiResponse(shape, description=text)


def _on(statuses: list[int], name: str, kind: Any, text: str) -> OpenApiParameter:
    return _header(name, kind, text, response=statuses)


def _replayed(*statuses: int) -> OpenApiParameter:
    return _on(
        list(statuses),
        "Idempotency-Replayed",
        {"type": "string", "enum": ["true"]},
        "Present when the same key was answered before.",
    )


RETRY_AFTER = _on([429, 503], "Retry-After", {"type": "integer"}, "Seconds to wait.")
_READ = [LANGUAGE, RETRY_AFTER]
_BATCH_AT = {"type": "string", "format": "uri-reference"}

upload_batch = extend_schema(
    operation_id="upload_batch",
    summary="上报一批用量",
    auth=KEYED,
    parameters=[
        *UPLOAD,
        RETRY_AFTER,
        _on([201, 202, 207], "Location", _BATCH_AT, "The batch."),
        _on([202], "Retry-After", {"type": "integer"}, "Seconds to wait before asking."),
        _replayed(201, 202, 207, 422),
    ],
    request=BODIES,
    examples=BODY_EXAMPLES,
    responses={
        201: _answer(schemas.BatchSchema, "Taken: no row was rejected or in conflict."),
        202: _answer(schemas.BatchSchema, "Large: judged in the background, ask at Location."),
        207: _answer(schemas.BatchSchema, "Taken in part: the errors say what was left out."),
    }
    | problems(400, 401, 403, 409, 411, 413, 415, 422),
)
validate_batch = extend_schema(
    operation_id="validate_batch",
    summary="只校验，不入账",
    auth=KEYED,
    parameters=[*UPLOAD, RETRY_AFTER],
    request=BODIES,
    examples=BODY_EXAMPLES,
    responses={200: _answer(schemas.VerdictSchema, "What it would come to, row by row.")}
    | problems(400, 401, 403, 409, 411, 413, 415, 422),
)
get_batch = extend_schema(
    operation_id="get_batch",
    summary="批次的状态与结果",
    auth=KEYED,
    parameters=[*_READ, _on([200], "Retry-After", {"type": "integer"}, "While processing.")],
    responses={200: _answer(schemas.BatchSchema, "The batch as it stands.")} | problems(401, 404),
)
get_results = extend_schema(
    operation_id="get_results",
    summary="逐行结果",
    auth=KEYED,
    parameters=[
        _query(
            "status",
            {"type": "string", "enum": ["", *schemas.OUTCOMES]},
            "Only one outcome; empty: all.",
        ),
        _query("cursor", {"type": "integer", "minimum": 0, "maximum": 10**9}, "next_cursor."),
        _query(
            "limit",
            {"type": "integer", "minimum": 0, "maximum": MOST_RESULTS, "default": 100},
            "Rows a page; 0 is the default.",
        ),
        *_READ,
    ],
    responses={200: _answer(schemas.ResultsSchema, "A page of rows in row order.")}
    | problems(400, 401, 404),
)
get_receipt = extend_schema(
    operation_id="get_receipt",
    summary="签名回执",
    auth=KEYED,
    parameters=_READ,
    responses={200: _answer(schemas.ReceiptSchema, "Receipt, note and key.")}
    | problems(401, 404, 409),
)
get_errors_csv = extend_schema(
    operation_id="get_errors_csv",
    summary="错误行，改好可直接重发",
    auth=KEYED,
    parameters=[
        *_READ,
        _on([200], "Content-Disposition", OpenApiTypes.STR, "A file name."),
    ],
    responses={(200, "text/csv"): _answer(str, "The rows left out, with three columns why.")}
    | problems(401, 404),
)
declare_zero = extend_schema(
    operation_id="declare_zero",
    summary="零申报",
    auth=KEYED,
    parameters=[IDEMPOTENCY_KEY, *SIGNED, *_READ],
    request=schemas.DaySchema,
    examples=[OpenApiExample("一天", {"day": "2026-10-03"}, request_only=True)],
    responses={201: _answer(schemas.ZeroSchema, "Declared; once a day, again is harmless.")}
    | problems(400, 401, 403, 409, 411, 413, 415),
)
send_manifest = extend_schema(
    operation_id="send_manifest",
    summary="日清单",
    auth=KEYED,
    parameters=[IDEMPOTENCY_KEY, *SIGNED, *_READ],
    request=schemas.ManifestSchema,
    responses={201: _answer(schemas.ComparedSchema, "The manifest beside what we hold.")}
    | problems(400, 401, 403, 409, 411, 413, 415),
)
get_limits = extend_schema(
    operation_id="get_limits",
    summary="各项限额",
    auth=OPEN,
    parameters=_READ,
    responses={200: _answer(schemas.LimitsSchema, "The limits in force.")} | problems(),
)
list_problems = extend_schema(
    operation_id="list_problems",
    summary="错误目录",
    auth=OPEN,
    parameters=_READ,
    responses={
        200: _answer(schemas.CatalogueSchema, "Every code."),
        (200, "text/html"): _answer(str, "The same as a page, for a browser."),
    }
    | problems(),
)
get_problem = extend_schema(
    operation_id="get_problem",
    summary="一个错误的说明",
    auth=OPEN,
    parameters=[
        OpenApiParameter(
            "code",
            {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$", "example": "key_unknown"},
            OpenApiParameter.PATH,
        ),
        *_READ,
    ],
    responses={
        200: _answer(schemas.CatalogueEntrySchema, "What, why, how to mend."),
        (200, "text/html"): _answer(str, "The same as a page, for a browser."),
    }
    | problems(404),
)
get_calendar = extend_schema(
    operation_id="get_calendar",
    summary="上报日历与缺口",
    auth=KEYED,
    parameters=[
        _query("month", {"type": "string", "example": "2026-10"}, "The running month if left out."),
        *_READ,
    ],
    responses={200: _answer(CalendarSchema, "Every day of the month, and missing numbers.")}
    | problems(400, 401),
)
list_waiting = extend_schema(
    operation_id="list_waiting",
    summary="一切等待中的记录",
    auth=KEYED,
    parameters=[
        _query(
            "reason", {"type": "string", "enum": ["", *REASONS]}, "Only one reason; empty: all."
        ),
        _query("cursor", {"type": "string"}, "next_cursor of the page before."),
        _query(
            "limit",
            {"type": "integer", "minimum": 0, "maximum": MOST_WAITING, "default": 100},
            "Lines a page; 0 is the default.",
        ),
        *_READ,
    ],
    responses={200: _answer(WaitingSchema, "What waits, for what, since when, what to do.")}
    | problems(400, 401),
)

"""The shapes of the interface, for the OpenAPI document; nothing is read or written by them.

``described`` says which operation takes and gives which of them. A name ends in ``Schema`` here
and loses it in the document.
"""

# mypy: disable-error-code="type-arg,assignment,attr-defined,var-annotated,call-arg"
from http import HTTPStatus

from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from providers.explaining import EXPLANATIONS
from providers.records import BASES, JOB_STATES

_ID = r"^[A-Za-z0-9._:/\-]{1,128}$"
PROBLEM_TYPE = "application/problem+json"
ALWAYS = (429, 500, 503)
_WHOLE = r"^-?[0-9]+$"
_DECIMAL = r"^-?[0-9]+(\.[0-9]+)?$"
_MEASURED = r"^(0|[1-9][0-9]{0,14})(\.[0-9]{1,9})?$"
_MONTH = r"^[0-9]{4}-[0-9]{2}$"
_SHA256 = r"^[0-9a-f]{64}$"
OUTCOMES = ["accepted", "duplicate", "conflict", "rejected", "held", "open", "zero"]
STATUSES = ["processing", "accepted", "partial", "rejected"]


def _whole(text: str = "integer as text", *, required: bool = True) -> serializers.RegexField:
    return serializers.RegexField(_WHOLE, help_text=text, required=required)


def _decimal(text: str) -> serializers.RegexField:
    return serializers.RegexField(_DECIMAL, help_text=text)


class RecordSchema(serializers.Serializer):
    """One usage record (wire form v1); unknown fields are refused."""

    record_id = serializers.RegexField(_ID, help_text="your own id, unique for ever")
    order_no = serializers.CharField(
        min_length=1, max_length=128, help_text="the order; TEST-OK with a test key"
    )
    device_model = serializers.CharField(
        min_length=1, max_length=128, help_text="key or alias in the registry"
    )
    device_count = serializers.IntegerField(min_value=0, max_value=1_000_000)
    share_milli = serializers.IntegerField(
        min_value=1, max_value=1000, required=False, help_text="thousandths of a device; 1000"
    )
    started_at = serializers.DateTimeField(help_text="RFC 3339 with offset")
    ended_at = serializers.DateTimeField(required=False, help_text="absent: still open")
    basis = serializers.ChoiceField(sorted(BASES), required=False)
    job_state = serializers.ChoiceField(sorted(JOB_STATES), required=False)
    job_ref = serializers.CharField(max_length=64, required=False, help_text="an opaque id")
    utilisation_pct = serializers.RegexField(
        _MEASURED, required=False, help_text="0 to 100; evidence only"
    )
    energy_kwh = serializers.RegexField(_MEASURED, required=False, help_text="evidence only")
    device_seconds = serializers.RegexField(
        _MEASURED, required=False, help_text="your own figure: checked, never billed"
    )
    corrects = serializers.RegexField(_ID, required=False, help_text="this record replaces that")
    reason = serializers.CharField(max_length=200, required=False, help_text="with corrects")


class BatchBodySchema(serializers.Serializer):
    """A JSON batch."""

    records = RecordSchema(many=True, min_length=1)
    provider = serializers.CharField(required=False, help_text="the key decides; leave it out")


class CloudEventSchema(serializers.Serializer):
    """A usage record in a CloudEvents 1.0 envelope; the record is the ``data``."""

    specversion = serializers.ChoiceField(["1.0"])
    id = serializers.CharField()
    source = serializers.CharField()
    type = serializers.CharField()
    subject = serializers.CharField(required=False)
    time = serializers.DateTimeField(required=False)
    data = RecordSchema()


class CountsSchema(serializers.Serializer):
    """Outcomes; they always add up to rows."""

    rows = serializers.IntegerField(min_value=0)
    accepted = serializers.IntegerField(min_value=0)
    duplicate = serializers.IntegerField(min_value=0)
    conflict = serializers.IntegerField(min_value=0)
    rejected = serializers.IntegerField(min_value=0)
    held = serializers.IntegerField(min_value=0)
    open = serializers.IntegerField(min_value=0)
    zero = serializers.IntegerField(min_value=0)


class FaultSchema(serializers.Serializer):
    """One fault of one cell."""

    pointer = serializers.CharField(help_text="JSON pointer into the records, from 0")
    row = serializers.IntegerField(min_value=1, help_text="the record's number, from 1")
    column = serializers.CharField(allow_blank=True)
    code = serializers.CharField(help_text="an entry of GET /api/v1/problems")
    value = serializers.CharField(allow_blank=True, help_text="what came, shortened")
    detail = serializers.CharField()
    hint = serializers.CharField()
    stored_digest = serializers.RegexField(_SHA256, required=False, help_text="of a conflict")
    given_digest = serializers.RegexField(_SHA256, required=False, help_text="of a conflict")


class RatedOrderSchema(serializers.Serializer):
    """What a batch comes to for one order."""

    order_no = serializers.CharField(allow_blank=True)
    device_milli_seconds = _whole()
    gross_fen = _whole("fen as text")


class RatedSchema(serializers.Serializer):
    """What it would come to at the filed prices; for information, settlement rates for good."""

    gross_fen = _whole("fen as text")
    orders = RatedOrderSchema(many=True)


class ProgressSchema(serializers.Serializer):
    """How far a large batch is, while it is processed."""

    bytes_read = serializers.IntegerField(help_text="of the body without its packing")
    bytes = serializers.IntegerField()
    step = serializers.CharField()


class BatchSchema(serializers.Serializer):
    """A batch and what became of its rows."""

    batch_id = serializers.UUIDField()
    status = serializers.ChoiceField(STATUSES)
    livemode = serializers.BooleanField(help_text="false: sent with a test key, never counts")
    counts = CountsSchema()
    device_milli_seconds = _whole("count x thousandths x whole seconds, as text")
    pflops_hours = _decimal("six decimals, as text")
    rated = RatedSchema()
    received_at = serializers.DateTimeField()
    body_sha256 = serializers.RegexField(_SHA256)
    refused_code = serializers.CharField(allow_blank=True)
    receipt_url = serializers.CharField()
    results_url = serializers.CharField()
    errors_url = serializers.CharField()
    error_rows = serializers.IntegerField(required=False, help_text="rows with a fault")
    errors = FaultSchema(many=True, required=False, help_text="the first 1,000")
    progress = ProgressSchema(required=False)


class VerdictSchema(BatchSchema):
    """What a batch would come to; nothing of it is stored."""

    dry_run = serializers.BooleanField()
    error_rows = serializers.IntegerField(help_text="rows with a fault")
    errors = FaultSchema(many=True, help_text="the first 1,000")


class WhereSchema(serializers.Serializer):
    """Where a request is wrong: a cell of a row, a parameter, or a control total."""

    pointer = serializers.CharField(required=False)
    row = serializers.IntegerField(required=False)
    column = serializers.CharField(allow_blank=True, required=False)
    code = serializers.CharField(required=False)
    value = serializers.CharField(allow_blank=True, required=False)
    detail = serializers.CharField(required=False)
    hint = serializers.CharField(required=False)
    stored_digest = serializers.RegexField(_SHA256, required=False)
    given_digest = serializers.RegexField(_SHA256, required=False)
    parameter = serializers.CharField(required=False)
    declared = _whole("the control total that was declared", required=False)
    found = _whole("what was found", required=False)


class ProblemSchema(serializers.Serializer):
    """A problem (RFC 9457); ``type`` leads to its page in the catalogue."""

    type = serializers.CharField(help_text="/api/v1/problems/{code}")
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="stable; texts may change")
    detail = serializers.CharField()
    hint = serializers.CharField(help_text="what to do")
    instance = serializers.CharField()
    request_id = serializers.CharField(allow_blank=True, help_text="quote it when you ask")
    errors = WhereSchema(many=True, required=False)
    batch_id = serializers.UUIDField(required=False, help_text="of a refused batch")
    counts = CountsSchema(required=False)
    error_rows = serializers.IntegerField(required=False)
    errors_url = serializers.CharField(required=False)


class ResultSchema(serializers.Serializer):
    """One row of a batch and what became of it."""

    row = serializers.IntegerField(min_value=1)
    record_id = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField([*OUTCOMES, "superseded"])
    errors = FaultSchema(many=True)
    hold_reason = serializers.CharField(allow_blank=True, required=False)
    device_milli_seconds = _whole(required=False)
    gflops = serializers.IntegerField(allow_null=True, required=False)
    settle_month = serializers.RegexField(_MONTH, required=False)
    late = serializers.BooleanField(required=False, help_text="settles after its own month")


class ResultsSchema(serializers.Serializer):
    """One page of rows; ask again with ``next_cursor`` until it is null."""

    results = ResultSchema(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class DaySchema(serializers.Serializer):
    """A day in Shanghai."""

    day = serializers.DateField()


class ZeroSchema(serializers.Serializer):
    """A declaration that nothing was used."""

    day = serializers.DateField()
    declared_at = serializers.DateTimeField()
    livemode = serializers.BooleanField()


class ManifestSchema(serializers.Serializer):
    """What a provider says it sent for a day."""

    day = serializers.DateField()
    record_count = serializers.IntegerField(min_value=0, max_value=100_000_000)
    sums = serializers.DictField(
        child=serializers.RegexField(r"^[0-9]+$"), required=False, help_text="per model, as text"
    )
    ids_digest = serializers.RegexField(
        _SHA256, help_text="SHA-256 of the day's sorted ids joined by line ends"
    )


class HeldHereSchema(serializers.Serializer):
    """What we hold for a day."""

    record_count = serializers.IntegerField(min_value=0)
    sums = serializers.DictField(child=serializers.CharField())
    ids_digest = serializers.RegexField(_SHA256)


class ComparedSchema(serializers.Serializer):
    """A manifest beside what we hold."""

    day = serializers.DateField()
    version = serializers.IntegerField(min_value=1)
    matches = serializers.BooleanField(help_text="false: something is missing or too much")
    held_here = HeldHereSchema()


class StatedSchema(serializers.Serializer):
    """What a receipt states; every value is text, so that its canonical JSON is one."""

    batch_id = serializers.UUIDField()
    provider_id = serializers.UUIDField()
    key_id = serializers.CharField(allow_blank=True)
    livemode = serializers.BooleanField()
    received_at = serializers.DateTimeField()
    status = serializers.ChoiceField(STATUSES)
    counts = serializers.DictField(child=serializers.RegexField(r"^[0-9]+$"))
    device_milli_seconds = _whole()
    pflops_hours = _decimal("decimal text")
    body_sha256 = serializers.RegexField(_SHA256)
    log_origin = serializers.CharField()
    log_entry_id = serializers.CharField(allow_blank=True)
    log_index = serializers.CharField(allow_blank=True, help_text="empty until sealed")


class ReceiptSchema(serializers.Serializer):
    """A signed receipt, and the proof that its entry lies in the public log once it is sealed."""

    receipt = StatedSchema()
    note = serializers.CharField(help_text="signed note (C2SP) over the receipt's canonical JSON")
    vkey = serializers.CharField(help_text="the log's key; compare it with a copy from elsewhere")
    promise = serializers.CharField(allow_blank=True, help_text="signed promise, before sealing")
    log_index = serializers.IntegerField(allow_null=True, help_text="null until sealed")
    entry = serializers.CharField(allow_blank=True, help_text="Base64 of the log entry's bytes")
    proof = serializers.CharField(allow_blank=True, help_text="C2SP tlog-proof; empty until sealed")
    checkpoint = serializers.CharField(allow_blank=True, help_text="the signed checkpoint of it")


class SignatureRulesSchema(serializers.Serializer):
    """What a signature has to be."""

    components = serializers.ListField(child=serializers.CharField())
    parameters = serializers.ListField(child=serializers.CharField())
    tag = serializers.CharField()
    algorithm = serializers.CharField(help_text="the default one")
    algorithms = serializers.ListField(child=serializers.CharField())
    most_skew_seconds = serializers.IntegerField()


class RateLimitSchema(serializers.Serializer):
    """How much of a unit one key may send in a window."""

    unit = serializers.ChoiceField(["requests", "records"])
    quota = serializers.IntegerField()
    window_seconds = serializers.IntegerField()


class LimitsSchema(serializers.Serializer):
    """Every limit that an upload has to keep."""

    sync_rows = serializers.IntegerField()
    sync_bytes = serializers.IntegerField()
    most_rows = serializers.IntegerField()
    most_events = serializers.IntegerField()
    most_bytes = serializers.IntegerField()
    longest_line_bytes = serializers.IntegerField()
    highest_compression_ratio = serializers.IntegerField()
    most_errors_listed = serializers.IntegerField()
    most_results_per_page = serializers.IntegerField()
    content_types = serializers.ListField(child=serializers.CharField())
    signature = SignatureRulesSchema()
    latest_ahead_seconds = serializers.IntegerField()
    rate_limits = RateLimitSchema(many=True)


class WordsSchema(serializers.Serializer):
    """A problem in one language."""

    title = serializers.CharField()
    hint = serializers.CharField()
    why = serializers.CharField()


class ExampleSchema(serializers.Serializer):
    """How it goes wrong and how it goes right."""

    wrong = serializers.CharField()
    right = serializers.CharField()


class CatalogueEntrySchema(serializers.Serializer):
    """One entry of the error catalogue."""

    code = serializers.CharField()
    type = serializers.CharField()
    status = serializers.IntegerField()
    retry = serializers.ChoiceField(["mend", "same", "stop"])
    example = ExampleSchema()
    zh = WordsSchema()
    en = WordsSchema()


class CatalogueSchema(serializers.Serializer):
    """The error catalogue."""

    problems = CatalogueEntrySchema(many=True)


def problems(*statuses: int) -> dict[tuple[int, str], OpenApiResponse]:
    """Return the problem answers of an operation, each with the codes it may carry.

    What any operation may answer (too often, our fault, not available) is added.
    """
    return {
        (status, PROBLEM_TYPE): OpenApiResponse(ProblemSchema, description=_codes(status))
        for status in sorted({*statuses, *ALWAYS})
    }


def _codes(status: int) -> str:
    """Return the codes of the catalogue that go with a status; those of rows stand in errors."""
    codes = [
        code
        for code, told in EXPLANATIONS.items()
        if told.entry.status == status and told.group != "record"
    ]
    return "、".join(codes) or HTTPStatus(status).phrase

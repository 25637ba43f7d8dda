"""The shapes of the interface, for the OpenAPI document; nothing is read or written by them."""

# mypy: disable-error-code="type-arg,assignment,attr-defined"
from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, inline_serializer
from rest_framework import serializers


class RecordSchema(serializers.Serializer):
    """One usage record (wire form v1); unknown fields are refused."""

    record_id = serializers.RegexField(r"^[A-Za-z0-9._:/\-]{1,128}$")
    order_no = serializers.CharField(max_length=128)
    device_model = serializers.CharField(max_length=128)
    device_count = serializers.IntegerField(min_value=0, max_value=1_000_000)
    share_milli = serializers.IntegerField(min_value=1, max_value=1000, required=False)
    started_at = serializers.DateTimeField(help_text="RFC 3339 with offset")
    ended_at = serializers.DateTimeField(required=False, help_text="absent: still open")
    basis = serializers.ChoiceField(["allocated", "reserved", "utilised"], required=False)
    job_state = serializers.ChoiceField(
        ["completed", "failed", "cancelled", "running", "unknown"], required=False
    )
    job_ref = serializers.CharField(max_length=64, required=False)
    utilisation_pct = serializers.CharField(required=False, help_text="decimal text 0..100")
    energy_kwh = serializers.CharField(required=False, help_text="decimal text")
    device_seconds = serializers.CharField(required=False, help_text="checked, never billed")
    corrects = serializers.CharField(max_length=128, required=False)
    reason = serializers.CharField(max_length=200, required=False)


class BatchBodySchema(serializers.Serializer):
    """A JSON batch."""

    records = RecordSchema(many=True)
    provider = serializers.CharField(required=False)


class CountsSchema(serializers.Serializer):
    """Outcomes; they always add up to rows."""

    rows = serializers.IntegerField()
    accepted = serializers.IntegerField()
    duplicate = serializers.IntegerField()
    conflict = serializers.IntegerField()
    rejected = serializers.IntegerField()
    held = serializers.IntegerField()
    open = serializers.IntegerField()
    zero = serializers.IntegerField()


class FaultSchema(serializers.Serializer):
    """One fault of one cell."""

    pointer = serializers.CharField()
    row = serializers.IntegerField()
    column = serializers.CharField(allow_blank=True)
    code = serializers.CharField()
    value = serializers.CharField(allow_blank=True)
    detail = serializers.CharField()
    hint = serializers.CharField()


class RatedSchema(serializers.Serializer):
    """What it would come to at the filed prices; for information."""

    gross_fen = serializers.CharField()
    orders = serializers.ListField(child=serializers.DictField())


class ProgressSchema(serializers.Serializer):
    """How far a large batch is, while it is processed."""

    bytes_read = serializers.IntegerField(help_text="of the body without its packing")
    bytes = serializers.IntegerField()
    step = serializers.CharField()


class BatchSchema(serializers.Serializer):
    """A batch and what became of its rows."""

    batch_id = serializers.UUIDField()
    status = serializers.ChoiceField(["processing", "accepted", "partial", "rejected"])
    livemode = serializers.BooleanField()
    counts = CountsSchema()
    device_milli_seconds = serializers.CharField(help_text="integer as text")
    pflops_hours = serializers.CharField(help_text="decimal text, six places")
    rated = RatedSchema()
    received_at = serializers.DateTimeField()
    body_sha256 = serializers.CharField()
    receipt_url = serializers.CharField()
    results_url = serializers.CharField()
    errors_url = serializers.CharField()
    refused_code = serializers.CharField(allow_blank=True)
    error_rows = serializers.IntegerField(required=False)
    errors = FaultSchema(many=True, required=False)
    dry_run = serializers.BooleanField(required=False)
    progress = ProgressSchema(required=False)


class ProblemSchema(serializers.Serializer):
    """A problem (RFC 9457)."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    hint = serializers.CharField()
    instance = serializers.CharField()
    request_id = serializers.CharField(allow_blank=True)
    errors = serializers.ListField(child=serializers.DictField(), required=False)


class ResultsSchema(serializers.Serializer):
    """One page of rows; ask again with ``next_cursor``."""

    results = serializers.ListField(child=serializers.DictField())
    next_cursor = serializers.CharField(allow_null=True)


class DaySchema(serializers.Serializer):
    """A day in Shanghai."""

    day = serializers.DateField()


class ManifestSchema(serializers.Serializer):
    """What a provider says it sent for a day."""

    day = serializers.DateField()
    record_count = serializers.IntegerField(min_value=0)
    sums = serializers.DictField(child=serializers.CharField(), required=False)
    ids_digest = serializers.RegexField(r"^[0-9a-f]{64}$")


IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.UUID,
    OpenApiParameter.HEADER,
    required=True,
    description="A new lower-case UUID per request; the same one on every retry.",
)
ON_ERROR = OpenApiParameter(
    "on_error",
    OpenApiTypes.STR,
    OpenApiParameter.QUERY,
    enum=["reject_batch", "accept_valid"],
    description="reject_batch (default): one bad row refuses all. accept_valid: keep the rest.",
)
ROW_COUNT = OpenApiParameter(
    "Batch-Row-Count", OpenApiTypes.INT, OpenApiParameter.HEADER, description="control total"
)
USE_TOTAL = OpenApiParameter(
    "Batch-Device-Milli-Seconds",
    OpenApiTypes.INT64,
    OpenApiParameter.HEADER,
    description="control total",
)
HOLD = OpenApiParameter(
    "Batch-Hold",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    enum=["suspect_repeat"],
    description="The sender doubts these rows: all of them wait for a person.",
)
BODIES = {
    "application/json": BatchBodySchema,
    "application/x-ndjson": OpenApiTypes.STR,
    "text/csv": OpenApiTypes.STR,
    "application/cloudevents-batch+json": OpenApiTypes.OBJECT,
    "application/vnd.apache.parquet": OpenApiTypes.BINARY,
}
FREE_OBJECT = inline_serializer("FreeObject", {"any": serializers.DictField(required=False)})


def problems(*statuses: int) -> dict[tuple[int, str], type[serializers.Serializer]]:
    """Return the problem answers of an operation."""
    return {(status, "application/problem+json"): ProblemSchema for status in statuses}

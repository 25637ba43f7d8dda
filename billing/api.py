"""Door: a provider's own month for its machines: what counted, at which rate, for how much.

Under the same address, key, language and problems as the upload interface.
"""

# mypy: disable-error-code="type-arg,assignment"
from typing import Any

from django.http import HttpResponse
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers

from billing.provider_months import month_told, months_told
from ledger.periods import Month
from ledger.refusals import Refused
from ledger.rights import stating
from providers.api_answers import answer
from providers.api_requests import MeteringView, identify
from providers.described import KEYED, KEYED_PARAMETERS
from providers.schemas import problems

_KEYED = "provider key"
_MONTH = OpenApiParameter(
    "month",
    OpenApiTypes.STR,
    OpenApiParameter.PATH,
    pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$",
    description="a settlement month, like 2026-10",
)


class StatementLineSchema(serializers.Serializer):
    """One order, model and rate version in one month of use."""

    statement_no = serializers.CharField(allow_blank=True)
    state = serializers.CharField(help_text="of the statement; preliminary, no_voucher or test")
    state_title = serializers.CharField()
    order_no = serializers.CharField(allow_blank=True)
    enterprise = serializers.CharField(allow_blank=True)
    usage_month = serializers.CharField(help_text="differs from the month for an adjustment")
    model = serializers.CharField()
    rate = serializers.CharField(help_text="number format and version")
    gflops = serializers.CharField()
    device_milli_seconds = serializers.CharField(help_text="integer as text")
    records = serializers.IntegerField()
    pflops_hours = serializers.CharField(help_text="decimal text, six places")
    unit = serializers.CharField()
    quantity = serializers.CharField()
    price_fen = serializers.CharField(allow_blank=True)
    gross_fen = serializers.CharField()
    public_fen = serializers.CharField(help_text="paid by the voucher")
    self_fen = serializers.CharField()


class MonthStatementSchema(serializers.Serializer):
    """What a provider's month comes to."""

    month = serializers.CharField()
    livemode = serializers.BooleanField()
    status = serializers.ChoiceField(["preliminary", "review", "closed", "paid", "test"])
    preliminary = serializers.BooleanField()
    lines = StatementLineSchema(many=True)
    statements = serializers.ListField(child=serializers.DictField())
    adjustments = serializers.ListField(child=serializers.DictField())
    totals = serializers.DictField()
    waiting = serializers.DictField(child=serializers.IntegerField())


class MonthSchema(serializers.Serializer):
    """One settlement month and how far it is."""

    month = serializers.CharField()
    status = serializers.CharField()


class MonthsSchema(serializers.Serializer):
    """The settlement months of a provider."""

    months = MonthSchema(many=True)


class StatementsView(MeteringView):
    """The months in which something counts."""

    @extend_schema(
        operation_id="list_statements",
        summary="各月结算进度",
        description="The settlement months of the key's provider, the latest first.",
        tags=["metering"],
        auth=KEYED,
        parameters=KEYED_PARAMETERS,
        responses={200: OpenApiResponse(MonthsSchema, description="the months")}
        | problems(401, 403),
    )
    def get(self, request: Any) -> HttpResponse:
        """List the settlement months of the key's provider, the latest first."""
        key = identify(request._request)
        return answer({"months": list(months_told(key.provider, livemode=key.livemode))})


class StatementView(MeteringView):
    """One settlement month."""

    @extend_schema(
        operation_id="get_statement",
        summary="某月计入的用量与金额",
        description="What counted by order, model and rate version, its price, gross and the "
        "voucher's share. Preliminary until the month's statements are put out.",
        tags=["metering"],
        auth=KEYED,
        parameters=[_MONTH, *KEYED_PARAMETERS],
        responses={200: OpenApiResponse(MonthStatementSchema, description="the month")}
        | problems(400, 401, 403, 404),
    )
    def get(self, request: Any, month: str) -> HttpResponse:
        """Tell what counted by order, model and rate version, and what it comes to."""
        key = identify(request._request)
        return answer(month_told(key.provider, _month(month), livemode=key.livemode))


def _month(text: str) -> Month:
    try:
        return Month.parse(text)
    except ValueError as error:
        raise Refused(
            "invalid_parameter",
            "月份应写成 2026-10 这样的形式。",
            details={"parameter": "month", "value": text[:50]},
        ) from error


urlpatterns = [
    path("metering/statements", stating(_KEYED, StatementsView.as_view()), name="api_statements"),
    path(
        "metering/statements/<str:month>",
        stating(_KEYED, StatementView.as_view()),
        name="api_statement",
    ),
]

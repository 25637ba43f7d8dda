"""The shapes of the calendar and of what waits, for the OpenAPI document."""

# mypy: disable-error-code="type-arg,assignment"
from rest_framework import serializers

from providers.calendar import DAY_STATES
from providers.waiting import REASONS


class CalendarDaySchema(serializers.Serializer):
    """One day; ``missing`` and ``manifest_differs`` keep the month from being closed."""

    day = serializers.DateField()
    state = serializers.ChoiceField(list(DAY_STATES))
    records = serializers.IntegerField()
    batches = serializers.IntegerField()
    declared_zero = serializers.BooleanField()
    manifest = serializers.ChoiceField(["none", "matches", "differs"])
    note = serializers.CharField(allow_blank=True)


class SequenceGapSchema(serializers.Serializer):
    """Numbers missing between two uploads under one key."""

    key = serializers.CharField()
    first = serializers.IntegerField()
    last = serializers.IntegerField()


class CalendarSchema(serializers.Serializer):
    """A month, day by day, in Shanghai time."""

    month = serializers.CharField()
    days = CalendarDaySchema(many=True)
    sequence_gaps = SequenceGapSchema(many=True)
    gaps = serializers.IntegerField()


class WaitingItemSchema(serializers.Serializer):
    """One thing that waits, and what to do."""

    reason = serializers.ChoiceField(list(REASONS))
    record_id = serializers.CharField(allow_blank=True)
    order_no = serializers.CharField(allow_blank=True)
    device_model = serializers.CharField(allow_blank=True)
    month = serializers.CharField()
    since = serializers.DateTimeField()
    batch_id = serializers.CharField(allow_blank=True)
    waits_for = serializers.CharField()
    to_do = serializers.CharField()
    note = serializers.CharField(allow_blank=True)


class WaitingSchema(serializers.Serializer):
    """One page; ask again with ``next_cursor``."""

    waiting = WaitingItemSchema(many=True)
    next_cursor = serializers.CharField(allow_null=True)

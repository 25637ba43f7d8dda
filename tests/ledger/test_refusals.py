"""A refusal finds its place on a form, whatever the form calls its fields."""

import pytest
from django import forms

from ledger.refusals import Refused


class Asked(forms.Form):
    """A form with one field."""

    last_day = forms.CharField()


@pytest.mark.parametrize(
    ("field", "named", "place"),
    [
        ("last_day", {}, "last_day"),
        ("until", {"until": "last_day"}, "last_day"),
        ("until", {}, "__all__"),  # a field the form has not must not break the page
        ("", {}, "__all__"),
    ],
)
def test_a_refusal_stands_at_its_field_or_above_all(field, named, place):
    form = Asked({"last_day": "2026-11-27"})
    Refused("too_late", "太晚了，请另选一天。", field=field).put_on(form, **named)
    assert form.errors == {place: ["太晚了，请另选一天。"]}

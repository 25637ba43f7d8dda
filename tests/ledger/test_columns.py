"""Columns arrive in PostgreSQL as the values they were made of."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger import columns
from ledger.bookkeeping import rows
from ledger.refusals import Broken

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=9)
MOMENTS = st.datetimes(
    datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.sampled_from(  # noqa: DTZ001
        [UTC, timezone(timedelta(hours=8))]
    ),
)  # fmt: skip
WIDTHS = [("smallints", 15), ("integers", 31), ("bigints", 63)]
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def arrived(column: columns.Column) -> list:
    return rows("SELECT %s", column)[0][0]


@pytest.mark.django_db
@QUICK
@given(
    st.lists(TEXTS, max_size=5),
    st.lists(st.none() | st.uuids(), max_size=5),
    st.lists(st.none() | MOMENTS, max_size=5),
)
def test_texts_ids_and_moments_arrive_as_they_were(texts, ids, moments):
    assert arrived(columns.texts(texts)) == texts
    assert arrived(columns.uuids(ids)) == ids
    sent = rows("SELECT extract(epoch FROM t)::text FROM unnest(%s) t", columns.moments(moments))
    assert [row[0] and row[0].rstrip("0").rstrip(".") for row in sent] == [
        each and seconds(each) for each in moments
    ]


def seconds(moment: datetime) -> str:
    whole, micro = divmod(
        (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1), 10**6
    )
    if whole < 0 and micro:
        whole, micro = whole + 1, 10**6 - micro
        return f"-{abs(whole)}.{micro:06d}".rstrip("0")
    return f"{whole}.{micro:06d}".rstrip("0").rstrip(".")


@pytest.mark.django_db
@pytest.mark.parametrize(("kind", "bits"), WIDTHS)
def test_whole_numbers_arrive_to_the_last_one_of_their_width(kind, bits):
    values = [0, 1, -1, 2**bits - 1, -(2**bits)]
    assert arrived(getattr(columns, kind)(values)) == values
    assert arrived(getattr(columns, kind)([])) == []


@pytest.mark.django_db
def test_an_id_of_zeros_is_an_id_and_not_missing():
    assert arrived(columns.uuids([UUID(int=0), None])) == [UUID(int=0), None]


def test_a_moment_without_a_zone_is_not_sent():
    with pytest.raises(Broken, match="time zone"):
        columns.moments([datetime(2026, 10, 1)])  # noqa: DTZ001 - the fault under test

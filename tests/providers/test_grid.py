"""The emission factor of the grid: what it cannot be, two persons, versions, and its page."""

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse

from ledger import clock
from ledger.models import LogEntry
from providers import grid
from providers.models import GridFactor
from tests.providers.test_admitting import refusal
from tests.providers.test_doors import officer, page
from tests.providers.world import CHIEF, CLERK, LATER

SOURCE = "演示：关于发布 2025 年电力碳足迹因子的公告"
GOOD = {"year": 2025, "mg_per_kwh": 536_600, "source": SOURCE}


def proposed(**changes) -> GridFactor:
    return grid.propose_grid_factor(**GOOD | changes, actor=CLERK, at=LATER)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"year": 2019}, "year_invalid"),
        ({"year": LATER.year + 1}, "year_invalid"),
        ({"mg_per_kwh": 999}, "out_of_range"),
        ({"mg_per_kwh": 2_000_001}, "out_of_range"),
        ({"mg_per_kwh": -1}, "out_of_range"),
        ({"source": "  "}, "source_missing"),
        ({"source": "x" * 201}, "source_missing"),
    ],
)
def test_what_a_factor_cannot_be_is_refused_and_nothing_is_written(changes, code):
    assert refusal(proposed, **changes) == code
    assert not GridFactor.objects.exists()


@pytest.mark.django_db
def test_a_factor_counts_once_another_person_approves_it_until_a_later_version_does():
    first = proposed()
    assert refusal(proposed) == "filing_waits"
    assert refusal(grid.approve_grid_factor, first, actor=CLERK, at=LATER) == "same_person"
    assert not GridFactor.objects.all().standing().exists()
    grid.approve_grid_factor(first, actor=CHIEF, at=LATER)
    second = proposed(mg_per_kwh=530_000)
    assert GridFactor.objects.all().standing().get() == first, "until it is approved"
    grid.approve_grid_factor(second, actor=CHIEF, at=LATER)
    assert GridFactor.objects.all().standing().get() == second
    other = proposed(year=2024)
    told = {"actor": CHIEF, "at": LATER}
    assert refusal(grid.decline_grid_factor, other, reason=" ", **told) == "reason_missing"
    grid.decline_grid_factor(other, reason="与公布值不符", **told)
    assert refusal(grid.approve_grid_factor, other, **told) == "wrong_state"
    assert [each.year for each in GridFactor.objects.all().standing()] == [2025]
    types = LogEntry.objects.filter(type__startswith="registry.grid").values_list("type", flat=True)
    assert sorted(types) == sorted(
        f"registry.grid.{each}" for each in ["propose"] * 3 + ["approve"] * 2 + ["decline"]
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [{"mg_per_kwh": 1_000}, {"year": 2024}, {"state": "proposed"}, {"approved_by_person": "x"}],
)
def test_the_database_keeps_a_factor_as_it_was_approved(change):
    rows = GridFactor.objects.filter(
        pk=grid.approve_grid_factor(proposed(), actor=CHIEF, at=LATER).pk
    )
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.delete()


@pytest.mark.django_db
def test_the_page_proposes_sends_back_and_approves():
    rights = ("providers.view_providers", "providers.propose_rate", "providers.approve_rate")
    clerk, chief = officer("李提出", *rights[:2]), officer("赵批准", *rights)
    address = reverse("office_grid_propose")
    typed = {"year": "2025", "factor": "0.5366", "source": SOURCE}
    with clock.set_to(LATER):
        assert "还没有登记排放因子" in page(clerk, "office_efficiency")
        for wrong in ({"factor": "536.6"}, {"factor": "一半"}, {"year": "去年"}, {"year": "1999"},
                      {"source": ""}, {"factor": "0.53661234"}):  # fmt: skip
            answer = clerk.post(address, typed | wrong)
            assert (answer.status_code, GridFactor.objects.count()) == (422, 0), wrong
            assert "govuk-error-summary" in answer.content.decode()
        clerk.post(address, typed)
        row = GridFactor.objects.get()
        assert (row.mg_per_kwh, row.kg_per_kwh) == (536_600, "0.5366")
        approve = reverse("office_grid_approve", args=[row.pk])
        assert clerk.post(approve).status_code == 403
        chief.post(reverse("office_grid_decline", args=[row.pk]), {"reason": ""})
        chief.post(approve)
        row.refresh_from_db()
        assert row.state == "approved"
        assert "0.5366" in page(chief, "office_efficiency")
        clerk.post(address, typed | {"factor": "0.53"})
        again = GridFactor.objects.get(version=2)
        assert "（第 2 版）" in page(chief, "office_efficiency")
        chief.post(reverse("office_grid_decline", args=[again.pk]), {"reason": "与公布值不符"})
        again.refresh_from_db()
        assert again.state == "declined"

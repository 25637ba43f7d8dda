"""Rates, aliases, offerings and prices: versions, two people, nothing overwritten."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from ledger.refusals import Refused
from providers import admitting, listing
from providers.models import AcceleratorAlias, AcceleratorModel, AcceleratorRate
from tests.providers import world
from tests.providers.world import AT, CHIEF, CLERK, ENGINEER, LATER

pytestmark = pytest.mark.django_db
NEXT_YEAR = datetime(2027, 1, 1, tzinfo=UTC)


def refusal(act, *args, **kwargs) -> str:
    with pytest.raises(Refused) as refused:
        act(*args, **kwargs)
    return refused.value.code


def propose(model, gflops=320_000, valid_from=NEXT_YEAR, source="白皮书"):
    return listing.propose_rate(
        model, gflops, valid_from=valid_from, source=source, actor=CLERK, at=AT
    )


def test_a_rate_needs_another_person_and_ends_the_version_before():
    model = world.a_model()
    second = propose(model)
    assert second.version == 2
    assert refusal(listing.approve_rate, second, actor=CLERK, at=AT) == "same_person"
    listing.approve_rate(second, actor=CHIEF, at=AT)
    first = model.rates.get(version=1)
    assert first.valid_until == second.valid_from == NEXT_YEAR
    in_force = AcceleratorRate.objects.in_force
    assert in_force(NEXT_YEAR - timedelta(seconds=1)).get() == first
    assert in_force(NEXT_YEAR).get() == second


def test_a_rate_that_looks_sparse_or_has_no_source_is_refused():
    model = world.a_model()
    assert refusal(propose, model, 624_000) == "rate_doubtful"
    assert refusal(propose, model, 320_000, source="") == "rate_doubtful"


def test_a_rate_never_begins_before_the_one_in_force():
    model = world.a_model()
    early = propose(model, valid_from=world.REGISTRY_FROM)
    assert refusal(listing.approve_rate, early, actor=CHIEF, at=AT) == "rate_not_later"


def test_the_database_holds_the_two_persons_of_a_rate():
    rate = propose(world.a_model())
    with pytest.raises(IntegrityError), transaction.atomic():
        AcceleratorRate.objects.filter(pk=rate.pk).update(approved_by_person="person-张经办")


def test_an_alias_is_kept_in_lower_case_and_taken_once():
    model = world.a_model()
    alias = listing.propose_alias(model, " A100-SXM4 ", actor=CLERK, at=AT)
    assert alias.alias == "a100-sxm4"
    for taken in ("a100-SXM4", "  "):
        assert refusal(listing.propose_alias, model, taken, actor=CLERK, at=AT) == "alias_taken"
    assert refusal(listing.approve_alias, alias, actor=CLERK, at=AT) == "same_person"
    listing.approve_alias(alias, actor=CHIEF, at=AT)
    assert AcceleratorAlias.objects.get().state == "approved"


def test_an_offering_is_published_with_a_price_by_an_admitted_provider():
    provider, model = world.a_provider(), world.a_model()
    offering = listing.create_offering(provider, "按需", model, actor=ENGINEER, at=AT)
    publish = listing.publish_offering
    assert refusal(publish, offering, actor=ENGINEER, at=AT) == "price_missing"
    listing.file_price(offering, "CARD_HOUR", 600, valid_from=AT, actor=ENGINEER, at=AT)
    admitting.suspend_provider(provider, reason="核查", actor=CLERK, at=AT)
    assert refusal(publish, offering, actor=ENGINEER, at=AT) == "provider_not_admitted"
    admitting.readmit_provider(provider, reason="好", actor=CLERK, at=AT)
    assert publish(offering, actor=ENGINEER, at=AT).state == "published"
    assert listing.withdraw_offering(offering, actor=ENGINEER, at=AT).state == "withdrawn"


def test_a_title_is_used_once_by_a_provider():
    provider, model = world.a_provider(), world.a_model()
    listing.create_offering(provider, "按需", model, actor=ENGINEER, at=AT)
    create = listing.create_offering
    assert refusal(create, provider, " 按需", model, actor=ENGINEER, at=AT) == "title_taken"
    assert refusal(create, provider, " ", model, actor=ENGINEER, at=AT) == "title_missing"


def test_a_new_price_is_a_new_version_from_its_day():
    offering = world.an_offering(world.a_provider(), world.a_model())
    file = listing.file_price
    for fen in (0, 10_000_001):
        assert (
            refusal(file, offering, "CARD_HOUR", fen, valid_from=LATER, actor=ENGINEER, at=AT)
            == "out_of_range"
        )
    file(offering, "CARD_HOUR", 700, valid_from=LATER, actor=ENGINEER, at=AT)
    assert offering.price_at(LATER - timedelta(seconds=1)).price_fen == 600
    assert offering.price_at(LATER).price_fen == 700
    assert offering.price_at(AT - timedelta(days=1)) is None
    assert (
        refusal(file, offering, "CARD_HOUR", 500, valid_from=AT, actor=ENGINEER, at=AT)
        == "price_not_later"
    )


def test_the_registry_file_is_loaded_once_with_rates_and_aliases():
    load = {"valid_from": world.REGISTRY_FROM, "proposed_by": CLERK, "actor": CHIEF, "at": AT}
    count = listing.load_registry(**load)
    assert count == AcceleratorModel.objects.count() > 20
    approved = AcceleratorRate.objects.approved()
    assert approved.filter(number_format="FP16_DENSE").count() == count
    assert approved.get(model__key="nvidia-t4", number_format="INT8_DENSE").gflops == 130_000
    assert AcceleratorAlias.objects.get(alias="v100m32").model.key == "nvidia-v100-sxm2"
    assert listing.load_registry(**load) == 0


def proposed(model, **changes) -> AcceleratorRate:
    typed = {"gflops": 100_000, "source": "白皮书", "valid_from": AT, "actor": CLERK, "at": AT}
    return listing.propose_rate(model, **(typed | changes))


def test_the_database_keeps_rates_of_a_model_and_format_apart_in_time():
    model = world.a_model("card-x", 100_000)
    for start, end in ((AT, None), (world.REGISTRY_FROM, AT), (AT, world.LATER)):
        rate = proposed(model)
        with pytest.raises(IntegrityError, match="overlap"), transaction.atomic():
            AcceleratorRate.objects.filter(pk=rate.pk).update(
                state="approved", approved_by_person="x", valid_from=start, valid_until=end
            )
    other = proposed(model, number_format="FP32_DENSE", gflops=20_000, valid_from=AT)
    assert listing.approve_rate(other, actor=CHIEF, at=AT).state == "approved"


@pytest.mark.parametrize(
    "change",
    [
        {"dense": False},
        {"source": ""},
        {"number_format": "FP16_SPARSE"},
        {"gflops": 1},
        {"page": "另一页"},
        {"document_sha256": "0" * 64},
        {"valid_until": world.REGISTRY_FROM},
    ],
)
def test_the_database_keeps_a_rate_and_its_evidence_as_proposed(change):
    rate = proposed(world.a_model("card-x", rate=False), page="第 3 页", document_sha256="a" * 64)
    with pytest.raises(DatabaseError), transaction.atomic():
        AcceleratorRate.objects.filter(pk=rate.pk).update(**change)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"dense": False}, "rate_doubtful"),
        ({"number_format": "FP4_DENSE"}, "number_format"),
        ({"document_sha256": "ABC"}, "digest_format"),
        ({"source": "4096 shaders x 2 x 1.5 GHz"}, "rate_doubtful"),
        ({"page": "with sparsity"}, "rate_doubtful"),
    ],
)
def test_a_rate_without_dense_evidence_is_refused_to_everybody(changes, code):
    model = world.a_model("card-x", rate=False)
    for person in (CLERK, CHIEF):
        with pytest.raises(Refused) as refused:
            proposed(model, **(changes | {"actor": person}))
        assert refused.value.code == code
    assert not model.rates.exists()


def test_the_name_of_a_model_and_a_waiting_name_are_no_new_names():
    model, other = world.a_model("card-x", 100_000), world.a_model("card-y", 100_000)
    listing.propose_alias(model, "x", actor=CLERK, at=AT)
    for taken in ("CARD-Y", " X ", ""):
        with pytest.raises(Refused, match="别名"):
            listing.propose_alias(other, taken, actor=CLERK, at=AT)

"""The accelerator registry with its rates, and what providers offer at which filed price."""

import re
import tomllib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Max, Q

from ledger import audit
from ledger.actors import Actor
from ledger.refusals import Refused
from providers.models import (
    AcceleratorAlias,
    AcceleratorModel,
    AcceleratorRate,
    Offering,
    OfferingPrice,
    Provider,
)
from providers.models.state_row import move, note_birth
from providers.plausibility import Claim, rate_caution, rate_doubt
from providers.pricing import MOST_PRICE_FEN, Tier, TierRow, read_tiers
from providers.releasing import ask_release

REGISTRY_FILE = Path(__file__).parent / "accelerators.toml"
_DIGEST = re.compile(r"[0-9a-f]{64}")


@transaction.atomic
def register_model(
    key: str,
    name: str,
    vendor: str,
    *,
    domestic: bool,
    memory_gb: int | None = None,
    actor: Actor,
    at: datetime,
) -> AcceleratorModel:
    """Enter a kind of accelerator into the registry; without a rate its use stays held."""
    model, made = AcceleratorModel.objects.get_or_create(
        key=key.lower(),
        defaults={"name": name, "vendor": vendor, "domestic": domestic, "memory_gb": memory_gb},
    )
    if made:
        audit.record("registry.model", {"model": model.key, "name": name}, actor=actor, at=at)
    return model


@transaction.atomic
def propose_rate(
    model: AcceleratorModel,
    gflops: int,
    *,
    valid_from: datetime,
    source: str,
    page: str = "",
    document_sha256: str = "",
    grade: str = AcceleratorRate.Grade.PUBLIC,
    number_format: str = AcceleratorRate.NumberFormat.FP16,
    dense: bool = True,
    actor: Actor,
    at: datetime,
) -> AcceleratorRate:
    """Propose the dense peak of a model as its next version, with the source of the figure.

    Args:
        source, page, document_sha256: the document, where in it, and the digest of its file.

    Units: GFLOPS per whole device. Writes: rate, state row, log entry.

    Raises:
        Refused: no source, or a figure that is or looks sparse or shader-based, or out of this
            world. Nobody can override this: a right figure needs a right source.
    """
    _check_evidence(number_format, document_sha256, dense=dense)
    model = AcceleratorModel.objects.select_for_update(of=("self",)).get(pk=model.pk)
    same = model.rates.filter(number_format=number_format)
    latest = same.filter(state="approved").order_by("-version").first()
    known = model.rates.in_force(at).exclude(number_format=number_format)
    claim = Claim(
        gflops,
        f"{source} {page}" if source.strip() else "",
        number_format,
        latest.gflops if latest else None,
        dict(known.values_list("number_format", "gflops")),
    )
    if doubt := rate_doubt(claim):
        raise Refused("rate_doubtful", doubt, field="gflops")
    rate = AcceleratorRate.objects.create(
        model=model,
        number_format=number_format,
        gflops=gflops,
        version=(same.aggregate(last=Max("version"))["last"] or 0) + 1,
        valid_from=valid_from,
        source=source.strip(),
        page=page.strip(),
        document_sha256=document_sha256,
        caution=rate_caution(claim),
        grade=grade,
        proposed_at=at,
        proposed_by_person=actor.person,
    )
    note_birth(rate, "提出折算系数", actor=actor, at=at)
    _log_rate("registry.rate.propose", rate, actor, at)
    return rate


def _check_evidence(number_format: str, document_sha256: str, *, dense: bool) -> None:
    if number_format not in AcceleratorRate.NumberFormat.values:
        raise Refused("number_format", "数制应为 FP16、FP8、INT8、TF32 或 FP32。",
                      field="number_format")  # fmt: skip
    if not dense:
        raise Refused("rate_doubtful", "只登记稠密峰值，稀疏数值不能登记。", field="dense")
    if document_sha256 and not _DIGEST.fullmatch(document_sha256):
        raise Refused("digest_format", "文件摘要应为 64 位十六进制小写的 SHA-256。",
                      field="document_sha256")  # fmt: skip


@transaction.atomic
def decline_rate(
    rate: AcceleratorRate, *, reason: str, actor: Actor, at: datetime
) -> AcceleratorRate:
    """Turn a proposed rate down, with the reason. Writes: state row, log entry."""
    rate = AcceleratorRate.objects.select_for_update(of=("self",)).get(pk=rate.pk)
    move(rate, "decline", actor=actor, at=at, reason=_need_reason(reason))
    rate.save()
    _log_rate("registry.rate.decline", rate, actor, at)
    return rate


@transaction.atomic
def approve_rate(rate: AcceleratorRate, *, actor: Actor, at: datetime) -> AcceleratorRate:
    """Put a rate into force; never by the person who proposed it. Held records are released.

    The version before ends where this one begins.

    Writes: state row, log entry; released records with their postings.

    Raises:
        Refused: the same person, not waiting, or it would begin before the version before it.
    """
    rate = AcceleratorRate.objects.select_for_update(of=("self",)).get(pk=rate.pk)
    _other_person(actor, rate.proposed_by_person)
    standing = AcceleratorRate.objects.approved().filter(
        model=rate.model, number_format=rate.number_format
    )
    if standing.filter(valid_from__gte=rate.valid_from).exists():
        raise Refused("rate_not_later", "新版本的生效时间须晚于现行版本，请改提生效时间。")
    move(rate, "approve", actor=actor, at=at)
    for earlier in standing.filter(Q(valid_until=None) | Q(valid_until__gt=rate.valid_from)):
        earlier.valid_until = rate.valid_from
        earlier.save()
    rate.approved_by_person = actor.person
    rate.save()
    _log_rate("registry.rate.approve", rate, actor, at)
    ask_release(f"rate:{rate.pk}", actor=actor, at=at)
    return rate


@transaction.atomic
def propose_alias(
    model: AcceleratorModel, alias: str, *, actor: Actor, at: datetime
) -> AcceleratorAlias:
    """Propose another name under which a model is reported, or a new meaning of a name.

    Writes: alias in its next version, state row, log entry.

    Raises:
        Refused: empty, waiting already, meaning that model already, or the code of a model.
    """
    alias = alias.strip().lower()
    same = AcceleratorAlias.objects.filter(alias=alias).exclude(state="declined")
    taken = same.filter(Q(state="proposed") | Q(state="approved", model=model)).exists()
    if not alias or taken or AcceleratorModel.objects.filter(key=alias).exists():
        raise Refused("alias_taken", "别名为空、已登记或就是某个型号代码。", field="alias")
    row = AcceleratorAlias.objects.create(
        alias=alias,
        version=(same.aggregate(last=Max("version"))["last"] or 0) + 1,
        model=model,
        filed_at=at,
        proposed_by_person=actor.person,
    )
    note_birth(row, "提出别名", actor=actor, at=at)
    audit.record("registry.alias", {"alias": alias, "model": model.key}, actor=actor, at=at)
    return row


@transaction.atomic
def approve_alias(row: AcceleratorAlias, *, actor: Actor, at: datetime) -> AcceleratorAlias:
    """Put an alias into force; never by the person who proposed it. Held records are released.

    What the name meant before ends here; records counted under it stay as they are.
    """
    row = AcceleratorAlias.objects.select_for_update(of=("self",)).get(pk=row.pk)
    _other_person(actor, row.proposed_by_person)
    for earlier in AcceleratorAlias.objects.filter(alias=row.alias, state="approved"):
        move(earlier, "retire", actor=actor, at=at)
        earlier.save()
    move(row, "approve", actor=actor, at=at)
    row.approved_by_person = actor.person
    row.save()
    facts = {"alias": row.alias, "model": row.model.key}
    audit.record("registry.alias.approve", facts, actor=actor, at=at)
    ask_release(f"alias:{row.pk}", actor=actor, at=at)
    return row


@transaction.atomic
def create_offering(
    provider: Provider,
    title: str,
    model: AcceleratorModel,
    *,
    description: str = "",
    actor: Actor,
    at: datetime,
) -> Offering:
    """Draft something to sell. Writes: offering, state row, log entry."""
    if not title.strip():
        raise Refused("title_missing", "请填写服务项目名称。", field="title")
    if provider.offerings.filter(title=title.strip()).exists():
        raise Refused("title_taken", "已有同名服务项目，请换一个名称。", field="title")
    offering = Offering.objects.create(
        provider=provider,
        title=title.strip(),
        description=description,
        model=model,
        created_at=at,
    )
    note_birth(offering, "草拟", actor=actor, at=at)
    audit.record("offering.create", {"offering": str(offering.pk)}, actor=actor, at=at)
    return offering


@transaction.atomic
def file_price(
    offering: Offering,
    pricing_unit: str,
    price_fen: int | Sequence[TierRow],
    *,
    valid_from: datetime,
    actor: Actor,
    at: datetime,
) -> OfferingPrice:
    """File a price, or a price list by monthly quantity, as the next version.

    Running orders keep theirs.

    Units: fen per PFLOPS-hour or per card-hour. Writes: price, log entry.

    Raises:
        Refused: out of range, a list with a gap or an overlap, or it would begin before a price
            already filed.
    """
    offering = Offering.objects.select_for_update(of=("self",)).get(pk=offering.pk)
    if pricing_unit not in OfferingPrice.PricingUnit.values:
        raise Refused("out_of_range", "请选择计价单位。", field="pricing_unit")
    first, *tiers = _price_list(price_fen)
    if offering.prices.filter(valid_from__gt=valid_from).exists():
        raise Refused("price_not_later", "已有更晚生效的备案单价。", field="valid_from")
    last = offering.prices.aggregate(last=Max("version"))["last"] or 0
    price = OfferingPrice.objects.create(
        offering=offering,
        version=last + 1,
        pricing_unit=pricing_unit,
        price_fen=first.price_fen,
        tiers=[{"from_units": each.from_units, "price_fen": each.price_fen} for each in tiers],
        valid_from=valid_from,
        filed_at=at,
    )
    audit.record(
        "offering.price",
        {
            "offering": str(offering.pk),
            "version": str(price.version),
            "pricing_unit": pricing_unit,
            "price_fen": str(price.price_fen),
        },
        actor=actor,
        at=at,
    )
    if tiers:
        said = ";".join(f"{each.from_units}:{each.price_fen}" for each in tiers)
        facts = {"offering": str(offering.pk), "version": str(price.version), "tiers": said}
        audit.record("offering.tiers", facts, actor=actor, at=at)
    return price


def _price_list(price: int | Sequence[TierRow]) -> tuple[Tier, ...]:
    """Return one price or a price list as tiers, judged."""
    if not isinstance(price, int):
        return read_tiers(price)
    if not 0 < price <= MOST_PRICE_FEN:
        raise Refused("out_of_range", "单价应大于 0 元且不超过 100,000.00 元。", field="price")
    return (Tier(0, price),)


@transaction.atomic
def publish_offering(offering: Offering, *, actor: Actor, at: datetime) -> Offering:
    """Open an offering to orders; it needs a filed price and an admitted provider."""
    offering = Offering.objects.select_for_update(of=("self",)).get(pk=offering.pk)
    if offering.price_at(at) is None:
        raise Refused("price_missing", "请先备案单价，再发布服务项目。")
    if offering.provider.state != Provider.State.ADMITTED:
        raise Refused("provider_not_admitted", "供方入库后才能发布服务项目。")
    return _turn(offering, "publish", actor, at)


@transaction.atomic
def withdraw_offering(offering: Offering, *, actor: Actor, at: datetime) -> Offering:
    """Take an offering off the shelf; running orders go on."""
    offering = Offering.objects.select_for_update(of=("self",)).get(pk=offering.pk)
    return _turn(offering, "withdraw", actor, at)


@transaction.atomic
def load_registry(*, valid_from: datetime, proposed_by: Actor, actor: Actor, at: datetime) -> int:
    """Enter the registry file of the house: models, aliases and first rates, by two people.

    Returns:
        How many models have been entered; those already there are left as they are.
    """
    with REGISTRY_FILE.open("rb") as file:
        entries = tomllib.load(file)["model"]
    known = set(AcceleratorModel.objects.values_list("key", flat=True))
    fresh = [entry for entry in entries if entry["key"] not in known]
    for entry in fresh:
        model = register_model(
            entry["key"],
            entry["name"],
            entry["vendor"],
            domestic=entry["domestic"],
            memory_gb=entry.get("memory_gb"),
            actor=proposed_by,
            at=at,
        )
        for number_format, gflops in _figures(entry):
            rate = propose_rate(
                model,
                gflops,
                valid_from=valid_from,
                source=entry["source"].replace("FP16", number_format.partition("_")[0]),
                grade=entry["grade"],
                number_format=number_format,
                actor=proposed_by,
                at=at,
            )
            approve_rate(rate, actor=actor, at=at)
        for alias in entry.get("aliases", []):
            approve_alias(propose_alias(model, alias, actor=proposed_by, at=at), actor=actor, at=at)
    return len(fresh)


def _figures(entry: dict[str, Any]) -> list[tuple[str, int]]:
    """Return number formats and GFLOPS of an entry; the settled one first."""
    others = {"fp32": AcceleratorRate.NumberFormat.FP32, "int8": AcceleratorRate.NumberFormat.INT8}
    found: list[tuple[str, int]] = [(AcceleratorRate.NumberFormat.FP16, entry["gflops"])]
    return found + [(form, entry[name]) for name, form in others.items() if name in entry]


def _turn(offering: Offering, event: str, actor: Actor, at: datetime) -> Offering:
    move(offering, event, actor=actor, at=at)
    offering.save()
    audit.record(f"offering.{event}", {"offering": str(offering.pk)}, actor=actor, at=at)
    return offering


def _need_reason(reason: str) -> str:
    if not reason.strip():
        raise Refused("reason_missing", "请填写理由。", field="reason")
    return reason.strip()


def _other_person(actor: Actor, first: str) -> None:
    if not actor.person or actor.person == first:
        raise Refused("same_person", "批准须由另一人办理，不能与提出人是同一自然人。")


def _log_rate(kind: str, rate: AcceleratorRate, actor: Actor, at: datetime) -> None:
    audit.record(
        kind,
        {
            "rate": str(rate.pk),
            "model": rate.model.key,
            "number_format": rate.number_format,
            "gflops": str(rate.gflops),
            "version": str(rate.version),
            "valid_from": rate.valid_from,
            "source": "，".join(filter(None, (rate.source, rate.page, rate.document_sha256))),
        },
        actor=actor,
        at=at,
    )

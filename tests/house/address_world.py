"""A house with one of everything, so that every address can be opened with real things in it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import call_command

from billing import reporting, settling
from billing.models import MonthClose
from config.roles import ROLES
from ledger import incidents, inspections, work
from ledger.actors import system_actor
from ledger.audit import ensure_key, seal
from ledger.identifiers import new_id
from ledger.invariants import Finding
from ledger.periods import Month
from providers import metering
from providers import models as usage
from providers.models import BatchRow, Provider
from tests.billing.world import CLOSE_AT, World, fresh, quiet
from tests.providers.world import a_live_key, give_capacity
from tests.roles import as_role
from tests.vouchers import story
from vouchers import applying
from vouchers.funding import prepare_grant
from vouchers.models import PublicNotice

OCTOBER, NOVEMBER = Month(2026, 10), Month(2026, 11)
DECEMBER_AT = CLOSE_AT + timedelta(days=30)
NOW = datetime(2027, 1, 6, 2, tzinfo=UTC)  # in the second window: one application a window


@dataclass
class Stage:
    """People by the role they play, and things by the name addresses use for them."""

    people: dict[str, Any] = field(default_factory=dict)
    things: dict[str, Any] = field(default_factory=dict)


def set_stage() -> Stage:
    """Play two months with one firm and one provider; seat an outsider beside each."""
    call_command("sync_roles", verbosity=0)
    stage = Stage()
    world = _play_vouchers(stage)
    _play_months(stage, world)
    _seat_everybody(stage, world)
    _find_something(stage)
    ensure_key(NOW)
    with as_role("seal"):
        seal(NOW)
    asked = inspections.ask_for_inspection(new_id(), actor=system_actor("stage"), at=NOW)
    stage.things["inspection"] = asked.pk
    return stage


def _play_vouchers(stage: Stage) -> World:
    """A voucher that came all the way, and a draft of the same firm."""
    voucher = story.a_voucher()
    programme, enterprise = voucher.programme, voucher.enterprise
    application = voucher.application
    firm = story.admin_of(enterprise)
    draft = applying.start_draft(enterprise, programme, actor=firm, at=NOW)
    draft = story.fill(draft, firm, at=NOW)
    grant = prepare_grant(
        programme, 100_000, document_no="普财〔2026〕9号", actor=story.FINANCE, at=story.AT
    )
    stage.things |= {
        "programme": programme.pk,
        "application": application.pk,
        "draft": draft.pk,
        "file": application.attachments.first().pk,
        "draft_file": draft.attachments.first().pk,
        "voucher": voucher.pk,
        "notice": PublicNotice.objects.get().pk,
        "grant_request": grant.pk,
        "enterprise": enterprise.pk,
    }
    return World(programme=programme, enterprises=[enterprise])


def _play_months(stage: Stage, world: World) -> None:
    """October is paid and reported; a line of November is objected to."""
    voucher = world.enterprises[0].vouchers.get()
    provider = world.make_provider()
    order = world.make_order(voucher, world.make_offering(provider), held_fen=500_000, months=2)
    world.use(order, hours=10)
    close = world.close(OCTOBER)
    report = _approved_and_reported(world, close)
    batch = settling.export_payment_list(fresh(close), actor=world.cashier, at=CLOSE_AT)
    world.use(order, hours=10, at=NOVEMBER.start_at + timedelta(days=1))
    statement = world.close(NOVEMBER, at=DECEMBER_AT).statements.get()
    objection = settling.object_statement(
        statement,
        side="provider",
        ordinal=1,
        reason="数量不对",
        actor=world.seated(world.seat("provider-objects", provider=provider)),
        at=DECEMBER_AT,
    )
    stage.things |= _on_the_desk(provider)
    stage.things |= {
        "provider": provider.pk,
        "order": order.pk,
        "offering": order.offering_id,
        "statement": close.statements.get().pk,
        "open_statement": statement.pk,
        "objection": objection.pk,
        "report": report.pk,
        "payment_batch": batch.pk,
        "payment_line": batch.lines.first().pk,
        "batch": provider.batches.first().pk,
        "record": provider.usage.first().pk,
        "key": a_live_key(provider)[0].pk,
        "model": order.offering.model_id,
        "rate": order.offering.model.rates.get().pk,
        "price": order.price_id,
        "capacity": give_capacity(provider, order.offering.model).pk,
        "left_out": _left_out(provider).pk,
    }


def _left_out(provider: Provider) -> BatchRow:
    """An upload of one record that lacks nearly everything, and so is refused."""
    taken = metering.take_upload(
        provider,
        metering.Upload(b'{"records": [{"record_id": "bad"}]}', "application/json"),
        provider_key=None,
        livemode=True,
        actor=system_actor("stage"),
        at=NOW,
        key=new_id(),
    )
    return taken.batch.left_out.get()


def _on_the_desk(provider: Any) -> dict[str, Any]:
    """One of each thing that the desk for usage shows."""
    batch = provider.batches.first()
    finding = usage.Finding.objects.create(
        kind="month_jump", provider=provider, month="2026-11", subject="昇腾", found_at=NOW
    )
    conflict = usage.UsageConflict.objects.create(
        provider=provider, livemode=True, record_id="r-1", batch=batch, row_no=1,
        month="2026-11", given_digest=b"x" * 32, given={"device_count": "9"},
        resolved_at=NOW, resolved_by="张经办", resolution="维持",
    )  # fmt: skip
    return {
        "finding": finding.pk,
        "conflict": conflict.pk,
        "desk_request": provider.desk_requests.first().pk,
    }


def _find_something(stage: Stage) -> None:
    """A nightly check that found something, and somebody who asked to end the safe mode."""
    incident = incidents.keep_result(
        [Finding("balance_drift", "1", "1100: stored 1 summed 2")],
        1,
        actor=system_actor("check-books"),
        at=NOW,
    )
    asked = incidents.ask_to_close(incident, reason="已查清", actor=story.CHIEF, at=NOW)
    stage.things["incident_request"] = asked.pk


def _approved_and_reported(world: World, close: MonthClose) -> Any:
    world.approve(close)
    provider = world.providers[0]
    report = reporting.make_report(fresh(close), provider, actor=world.cashier, at=CLOSE_AT)
    job = work.find("billing.render_report", str(report.pk))
    reporting.run_report_work(job, quiet)
    return report


def _seat_everybody(stage: Stage, world: World) -> None:
    """One person per role of the bureau, one inside and one outside of each organisation."""
    for role in ROLES:
        user = get_user_model().objects.create_user(
            username=role, password="x", display_name=role, person_hash=f"person-{role}"
        )
        user.groups.add(Group.objects.get(name=role))
        stage.people[role] = user
    other = world.make_enterprise("上海旁人科技有限公司")
    stage.people |= {
        "own enterprise": world.seat("own-firm", enterprise=world.enterprises[0]),
        "own provider": world.seat("own-provider", provider=world.providers[0]),
        "other enterprise": world.seat("other-firm", enterprise=other),
        "other provider": world.seat("other-provider", provider=world.make_provider()),
        "nobody": world.seat("nobody"),
    }

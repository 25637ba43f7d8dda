"""A house with one of everything, so that every address can be opened with real things in it."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import call_command

from billing import reporting, settling
from billing.desk import ANY_RIGHT
from billing.inspecting import commit_inspection, draw_inspection
from billing.models import MonthClose
from billing.settling.closing import month_of_text
from config.binding import appeal_binding
from config.delegating import delegate_right
from config.granting import propose_role
from config.inviting import Asked, invite_person
from config.roles import ROLES
from ledger import clock, incidents, inspections, work
from ledger.actors import Actor, system_actor
from ledger.audit import ensure_key, seal
from ledger.identifiers import new_id
from ledger.invariants import Finding
from ledger.periods import Month
from providers import metering, telling
from providers import models as usage
from providers.filing import file_efficiency
from providers.grid import propose_grid_factor
from providers.listing import propose_alias
from providers.models import BatchRow, Provider
from providers.restricting import file_networks
from tests.billing.payments import send
from tests.billing.world import CLOSE_AT, World, fresh, quiet
from tests.config.security_key import key_of
from tests.house.address_claims import (
    DECEMBER_AT,
    account_filed,
    claimed,
    claimed_back,
    tried,
)
from tests.providers.world import a_live_key, give_capacity
from tests.roles import as_role, give_group
from tests.vouchers import story
from tests.vouchers.crowd import a_crowd
from tests.vouchers.registers import confirmed
from vouchers import applying, exporting, notices
from vouchers.abstaining import declare_conflict
from vouchers.batch_issuing import prepare_batch
from vouchers.evidence import Upload
from vouchers.funding import prepare_grant
from vouchers.inquiring import open_inquiry
from vouchers.letters import rows_of
from vouchers.models import (
    Application,
    CaseBatch,
    DrawSeed,
    Enterprise,
    NoticeObjection,
    PublicNotice,
)
from vouchers.proposing import propose_standing
from vouchers.requesting import request_change

OCTOBER, NOVEMBER = Month(2026, 10), Month(2026, 11)
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
    _tell_everybody(stage, world)
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
    stage.things |= _looked_into(enterprise)
    other = a_crowd(programme, 1, 100_000)
    batch = prepare_batch(other, actor=story.CHIEF, at=story.AT)
    asked = request_change(
        voucher, "revoke", reason="核查", actor=story.CLERK, at=voucher.issued_at
    )
    draw = DrawSeed.objects.create(
        programme=programme, window_no=1, seed="ab" * 32, commitment="cd" * 32,
        public_source="公开随机数", committed_at=story.AT, committed_person="",
    )  # fmt: skip
    stage.things |= {
        "programme": programme.pk,
        "application": application.pk,
        "draft": draft.pk,
        "file": application.attachments.first().pk,
        "draft_file": draft.attachments.first().pk,
        "voucher": voucher.pk,
        "issue_batch": batch.pk,
        "voucher_request": asked.pk,
        "draw": draw.pk,
        "notice": PublicNotice.objects.get().pk,
        "notice_objection": _objected(application).pk,
        "grant_request": grant.pk,
        "letter_row": rows_of(application).get(event="accept").pk,
        "enterprise": enterprise.pk,
        **_of_the_desk(),
    }
    return World(programme=programme, enterprises=[enterprise])


def _of_the_desk() -> dict[str, Any]:
    """A list of cases of the reviewer, and one taken out as a file."""
    batch = CaseBatch.objects.create(
        kind="accept", cases=[], digest="0" * 64, frozen_at=NOW, user_id=new_id(),
        user_name="stage", user_person="stage",
    )  # fmt: skip
    asker = story.user_of("stage-export")
    export = exporting.ask_export(
        "", "csv", rows=1, reason="核对名单", user=asker, actor=story.CLERK, at=NOW
    )
    return {"case_batch": batch.pk, "case_export": export.pk}


def _objected(application: Application) -> NoticeObjection:
    """An objection with a file, as it came in while the notice ran."""
    return NoticeObjection.objects.create(
        objection_no="PTSLY-2026-000001", key=new_id(), item=application.notice_item,
        application=application, objector_name="钱实名", objector_phone="13800001111",
        statement="重复支持，见市级名单。", evidence="市级名单第十二行。", signature="钱实名",
        received_at=story.AT, due_on=story.AT.date(), file_name="证据.pdf",
        file_path=application.attachments.first().stored_path, file_type="application/pdf",
    )  # fmt: skip


def _looked_into(enterprise: Enterprise) -> dict[str, Any]:
    """A register, an inquiry and a change of standing that waits for a second person."""
    told = {"actor": story.CLERK, "at": story.AT}
    request = propose_standing(enterprise, "bar", reason="演示", until=date(2029, 1, 1), **told)
    inquiry = open_inquiry(enterprise, "other", "stage:1", "请核查。", **told)
    register = confirmed("large", f"{story.OTHER_USCC},别家集团")
    return {
        "standing_request": request.pk,
        "inquiry": inquiry.pk,
        "register": register.pk,
    }


def _play_months(stage: Stage, world: World) -> None:
    """October is paid and reported; a line of November is objected to."""
    voucher = world.enterprises[0].vouchers.get()
    provider = world.make_provider()
    order = world.make_order(voucher, world.make_offering(provider), held_fen=500_000, months=2)
    world.use(order, hours=10)
    close = world.close(OCTOBER)
    report, firm_report = _approved_and_reported(world, close)
    batch = send(world, fresh(close), CLOSE_AT)
    file = batch.files.get()
    answers = settling.answer_form_of(file).replace(b",,,,\r\n", ",失败,,,演示\r\n".encode())
    answered = settling.load_results(file, answers, actor=world.cashier, at=CLOSE_AT)
    world.use(order, hours=10, at=NOVEMBER.start_at + timedelta(days=1))
    told = {"actor": world.approver, "at": DECEMBER_AT}
    inspection = commit_inspection(month_of_text(str(NOVEMBER)), **told)
    statement = world.close(NOVEMBER, at=DECEMBER_AT).statements.get()
    item = draw_inspection(inspection, **told).items.get()
    objection = settling.object_statement(
        statement,
        side="provider",
        ordinal=1,
        reason="数量不对",
        actor=world.seated(world.seat("provider-objects", provider=provider)),
        at=DECEMBER_AT,
        files=[Upload("证据.pdf", story.a_pdf(), "application/pdf")],
    )
    stage.things |= claimed(statement, close.statements.get())
    stage.things["payee_account"] = account_filed(world.enterprises[0])
    stage.things |= _on_the_desk(provider) | claimed_back(close.statements.get())
    stage.things |= {
        "provider": provider.pk,
        "order": order.pk,
        "offering": order.offering_id,
        "statement": close.statements.get().pk,
        "open_statement": statement.pk,
        "objection": objection.pk,
        "statement_file": statement.files.filter(kind="objection").get().pk,
        "inspection_item": item.pk,
        "report": report.pk,
        "what_if": tried().pk,
        "firm_report": firm_report.pk,
        "payment_batch": batch.pk,
        "payment_line": batch.lines.first().pk,
        "bank_file": file.pk,
        "bank_result": answered.pk,
        "batch": provider.batches.first().pk,
        "record": provider.usage.first().pk,
        "key": (key := a_live_key(provider)[0]).pk,
        "networks": file_networks(key, ["203.0.113.0/24"], actor=story.CHIEF, at=NOW).pk,
        "webhook": (hook := _hook(provider)).pk,
        "delivery": hook.deliveries.get().pk,
        "alias": propose_alias(order.offering.model, "stage", actor=story.CHIEF, at=NOW).pk,
        "model": order.offering.model_id,
        "rate": order.offering.model.rates.get(number_format="FP16_DENSE").pk,
        "price": order.price_id,
        "capacity": give_capacity(provider, order.offering.model).pk,
        "efficiency": _filed(provider).pk,
        "grid_factor": propose_grid_factor(2025, 536_600, "公布文件", actor=story.CLERK, at=NOW).pk,
        "left_out": _left_out(provider).pk,
    }


def _filed(provider: Provider) -> usage.EfficiencyFiling:
    """What a provider filed about its site, waiting for the bureau."""
    paper = Upload("PUE.pdf", story.a_pdf())
    said = {"pue_milli": 1_250}
    return file_efficiency(provider, Month(2026, 9), said, paper, actor=story.CHIEF, at=NOW)


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


def _hook(provider: Any) -> Any:
    """Return a webhook that has been told of something."""
    told = {"actor": story.CHIEF, "at": NOW}
    hook = telling.add_webhook(provider, "https://a.example/", ["batch.finished"], **told)
    telling.tell(provider, "batch.finished", {"batch_id": "x"}, **told)
    return hook


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


def _tell_everybody(stage: Stage, world: World) -> None:
    """One message for each audience, and a mail to somebody without an address."""
    firm, provider = world.enterprises[0], world.providers[0]
    told = {"about": firm, "at": NOW}
    for audience, to in (
        ("enterprise", ("enterprise", str(firm.pk), firm.name)),
        ("provider", ("provider", str(provider.pk), provider.name)),
        *(("right", ("right", each, "")) for each in sorted(ANY_RIGHT)),
    ):
        people = [stage.people["own enterprise"]]
        notice = notices.tell_people(to, people, "enterprise_verified", {}, **told)
        stage.things[f"message_{audience}"] = notice.pk
    stage.things["mail"] = notice.deliveries.get().pk


def _approved_and_reported(world: World, close: MonthClose) -> Any:
    world.approve(close)
    made = []
    for party in (world.providers[0], world.enterprises[0]):
        report = reporting.make_report(fresh(close), party, actor=world.cashier, at=CLOSE_AT)
        job = work.find("billing.render_report", str(report.pk))
        reporting.run_report_work(job, quiet)
        made.append(report)
    return made


def _seat_everybody(stage: Stage, world: World) -> None:
    """One person per role of the bureau, one inside and one outside of each organisation."""
    for role in ROLES:
        user = get_user_model().objects.create_user(
            username=role, password="x", display_name=role, person_hash=f"person-{role}"
        )
        give_group(user, Group.objects.get(name=role))
        stage.people[role] = user
    other = world.make_enterprise("上海旁人科技有限公司")
    stage.people |= {
        "own enterprise": world.seat("own-firm", enterprise=world.enterprises[0]),
        "own provider": world.seat("own-provider", provider=world.providers[0]),
        "other enterprise": world.seat("other-firm", enterprise=other),
        "other provider": world.seat("other-provider", provider=world.make_provider()),
        "nobody": world.seat("nobody"),
    }
    _people_pages(stage, world)


def _people_pages(stage: Stage, world: World) -> None:
    """A colleague beside each member, invitations, a proposed role, a delegation, a tie."""
    firm, provider = world.enterprises[0], world.providers[0]
    told = {"actor": story.CHIEF, "at": NOW}
    chief = stage.people["approver"]
    asked = {
        "firm_invitation": (firm, "enterprise_clerk"),
        "provider_invitation": (provider, "provider_operator"),
        "bureau_invitation": (None, "reviewer"),
    }
    for name, (owner, role) in asked.items():
        given = Asked("某人", "", role)
        stage.things[name] = invite_person(owner, given, inviter=chief, **told).invitation.pk
    stage.people |= {
        "own clerk": world.seat("colleague", enterprise=firm),
        "own engineer": world.seat("engineer", provider=provider),
    }
    colleague = stage.people["own clerk"].enterprise_seats.get()
    engineer = stage.people["own engineer"].provider_seats.get()
    colleague.role, colleague.may_submit = "enterprise_clerk", False
    engineer.role = "provider_engineer"
    colleague.save()
    engineer.save()
    new = world.seat("newcomer")
    me = Actor(kind="user", id=str(chief.pk), name="王", role="approver", person=chief.person_hash)
    grant = propose_role(new, "reviewer", reason="新入职人员", actor=me, at=NOW)
    now = clock.now()
    tomorrow = now + timedelta(days=1)  # today the walk meets what the roles alone allow
    delegation = delegate_right(
        chief, stage.people["reviewer"], "vouchers.issue_voucher", begins_at=tomorrow,
        until=tomorrow + timedelta(days=3), reason="出差三天", actor=me, at=now,
    )  # fmt: skip
    declared = declare_conflict(
        world.make_enterprise("上海回避科技有限公司"), chief, relation="曾在该企业任职",
        actor=me, at=NOW,
    )  # fmt: skip
    appeal = appeal_binding(
        firm, new, statement="本人是企业法定代表人，不认识绑定人", assured=False,
        actor=Actor(kind="user", id="n", name="n", role="n", person=new.person_hash), at=NOW,
    )  # fmt: skip
    stage.things |= {
        "appeal": appeal.pk, "security_key": key_of(chief)[1].pk,
        "firm_seat": colleague.pk, "provider_seat": engineer.pk, "account": new.pk,
        "grant": grant.pk, "delegation": delegation.pk, "declaration": declared.pk,
    }  # fmt: skip

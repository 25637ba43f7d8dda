"""U8 and the clock of answers: objections with evidence and deadline, silence, proof of service."""

from datetime import date, timedelta
from typing import Any

import pytest

from billing import settling
from billing.models import Confirmation, Objection, ServiceProof, StatementFile
from billing.settling.serving import Service, services, silent_sides
from ledger.actors import system_actor
from ledger.refusals import Refused
from providers.models import Webhook, WebhookAttempt, WebhookDelivery
from tests.billing.served import open_messages
from tests.billing.world import CLOSE_AT, World, fresh, small_world
from tests.vouchers.story import a_pdf
from vouchers.evidence import Upload
from vouchers.models import Notice, NoticeAttempt

pytestmark = pytest.mark.django_db
BEAT = system_actor("deem-statements")
DAY = timedelta(days=1)


def a_month() -> tuple[World, Any, Any, Any]:
    """Return a world with one statement out, and one person of each side."""
    world, order = small_world()
    clerk = world.seat("王敏", enterprise=order.enterprise)
    engineer = world.seat("李强", provider=order.provider)
    world.use(order, hours=500)
    return world, world.close().statements.get(), clerk, engineer


def told(kind: str) -> Notice:
    return Notice.objects.filter(kind=kind).latest("at")


def test_silence_is_a_yes_only_after_a_proved_delivery() -> None:
    world, statement, clerk, _ = a_month()
    until = statement.close.objections_until
    assert settling.deem_due(actor=BEAT, at=until - timedelta(seconds=1)) == 0
    # Nothing proved: whatever the time, nobody is deemed to agree, and the bureau sees it.
    assert settling.deem_due(actor=BEAT, at=until + 30 * DAY) == 0
    assert {(each.side, each.served) for each in silent_sides(until)} == {
        ("enterprise", None), ("provider", None),
    }  # fmt: skip
    # The enterprise opened its message late: its five working days run from then.
    open_messages(statement.close, clerk, at=until + 10 * DAY)
    assert settling.deem_due(actor=BEAT, at=until + 12 * DAY) == 0
    actor = world.seated(clerk)
    objected = settling.object_statement(
        statement, side="enterprise", ordinal=1, reason="少计", actor=actor, at=until + 12 * DAY
    )
    settling.withdraw_objection(
        objected, side="enterprise", reason="看错", actor=actor, at=until + 12 * DAY
    )
    assert settling.deem_due(actor=BEAT, at=until + 30 * DAY) == 1
    assert settling.deem_due(actor=BEAT, at=until + 30 * DAY) == 0, "twice is once"
    yes = Confirmation.objects.get()
    assert (yes.side, yes.basis, yes.actor_person) == ("enterprise", "deemed", "")
    assert yes.served_how == "王敏打开了站内消息"
    assert "王敏打开了站内消息" in told("statement_deemed").body
    assert told("provider_statement_deemed").subject.endswith("企业视为确认")
    assert fresh(statement).state == "in_review", "the provider has still to answer"
    with pytest.raises(Refused) as refused:
        settling.object_statement(
            statement, side="enterprise", ordinal=1, reason="晚了", actor=actor,
            at=until + 31 * DAY,
        )  # fmt: skip
    assert refused.value.code == "too_late"


def _mail_arrives(statement: Any, side: str, at: Any) -> None:
    kind = "statements_to_confirm" if side == "enterprise" else "provider_statements_to_confirm"
    delivery = told(kind).deliveries.first()
    NoticeAttempt.objects.create(
        delivery=delivery, number=1, at=at, address="li@example.com", outcome="delivered"
    )


def test_mail_webhook_and_a_person_prove_a_delivery_too() -> None:
    world, statement, _, _engineer = a_month()
    assert services([statement]) == {}
    _mail_arrives(statement, "provider", CLOSE_AT + DAY)
    found = services([statement])
    assert found[statement.pk, "provider"].how == "邮件已送达 l***@example.com"
    hook = Webhook.objects.create(
        provider=statement.provider, url="https://example.com/x", events=["statement.ready"],
        public_key="x", created_at=CLOSE_AT, created_by="李强",
    )  # fmt: skip
    told_hook = WebhookDelivery.objects.create(
        webhook=hook, message_id="msg_1", event="statement.ready", created_at=CLOSE_AT,
        payload={"statement_no": statement.statement_no}, next_at=CLOSE_AT,
    )  # fmt: skip
    WebhookAttempt.objects.create(delivery=told_hook, number=1, at=CLOSE_AT, status=500)
    assert services([statement])[statement.pk, "provider"].at == CLOSE_AT + DAY
    WebhookAttempt.objects.create(delivery=told_hook, number=2, at=CLOSE_AT + DAY / 2, status=204)
    assert "接口通知" in services([statement])[statement.pk, "provider"].how
    _served_by_a_person(world, statement)
    # Both served, both silent: the statement is confirmed by the clock alone.
    assert settling.deem_due(actor=BEAT, at=CLOSE_AT + 20 * DAY) == 2
    assert fresh(statement).state == "confirmed"


def _served_by_a_person(world: World, statement: Any) -> None:
    good = {
        "side": "enterprise", "way": "visit", "whom": "王敏（财务）",
        "served_at": CLOSE_AT + DAY, "note": "当面递交，签收。",
        "file": Upload("签收.pdf", a_pdf(), "application/pdf"),
    }  # fmt: skip
    bad = [
        ({"side": "bureau"}, "no_such_side"),
        ({"way": "pigeon"}, "way_unknown"),
        ({"whom": " "}, "whom_missing"),
        ({"note": ""}, "note_missing"),
        ({"served_at": CLOSE_AT - DAY}, "served_at_impossible"),
        ({"served_at": CLOSE_AT + 9 * DAY}, "served_at_impossible"),
        ({"file": None}, "proof_missing"),
        ({"file": Upload("签收.exe", b"MZ", "")}, "file_type"),
    ]
    at = CLOSE_AT + 2 * DAY
    for changes, code in bad:
        with pytest.raises(Refused) as refused:
            settling.record_service(statement, Service(**good | changes), actor=world.clerk, at=at)
        assert refused.value.code == code
    assert not ServiceProof.objects.exists()
    proof = settling.record_service(statement, Service(**good), actor=world.clerk, at=at)
    assert proof.file.kind == "service"
    assert services([statement])[statement.pk, "enterprise"].at == CLOSE_AT + DAY


def test_u8_an_objection_with_evidence_holds_back_its_line_and_leads_to_a_new_version() -> None:
    world, statement, clerk, engineer = a_month()
    actor = world.seated(clerk)
    ask = {"side": "enterprise", "ordinal": 1, "reason": "机房断电", "actor": actor, "at": CLOSE_AT}
    with pytest.raises(Refused) as refused:
        settling.object_statement(statement, files=[Upload("x.pdf", b"no", "")], **ask)
    assert refused.value.code == "file_type"
    assert not Objection.objects.exists(), "nothing half written"
    objection = settling.object_statement(
        statement, files=[Upload("断电.pdf", a_pdf(), "application/pdf")], **ask
    )
    # Wednesday 4 November plus ten working days, counted by hand.
    assert objection.due_on == date(2026, 11, 18)
    assert StatementFile.objects.get(about_id=objection.pk).file_name == "断电.pdf"
    assert "2026年11月18日" in told("statement_line_disputed").body
    assert not Objection.objects.overdue(date(2026, 11, 18)).exists()
    assert Objection.objects.overdue(date(2026, 11, 19)).exists()
    for person, code in ((world.seated(engineer), "not_your_statement"),):
        with pytest.raises(Refused) as refused:
            settling.withdraw_objection(
                objection, side="enterprise", reason="", actor=person, at=CLOSE_AT
            )
        assert refused.value.code == code
    other = world.seated(world.seat("赵六", enterprise=statement.enterprise))
    with pytest.raises(Refused) as refused:
        settling.withdraw_objection(
            objection, side="enterprise", reason="", actor=other, at=CLOSE_AT
        )
    assert refused.value.code == "not_the_objector"
    _upheld(world, statement, objection, clerk)


def _upheld(world: World, statement: Any, objection: Objection, clerk: Any) -> None:
    """The corrected version stands beside the old one, and its clock starts anew."""
    settling.resolve_objection(
        objection, uphold=True, resolution="断电属实", actor=world.approver, at=CLOSE_AT + DAY
    )
    now = fresh(statement)
    first, second = now.versions.all()
    assert (first.version, first.digest, first.public_fen) == (1, statement.digest, 880_000)
    assert (second.version, second.digest, second.public_fen) == (2, now.digest, 0)
    assert second.line_count == first.line_count + 1
    # The old version's delivery proves nothing of the new one.
    open_messages(statement.close, clerk, at=CLOSE_AT)
    assert services([now]) == {}
    with pytest.raises(Refused) as refused:
        settling.withdraw_objection(
            objection, side="enterprise", reason="", actor=world.seated(clerk), at=CLOSE_AT + DAY
        )
    assert refused.value.code == "already_decided"

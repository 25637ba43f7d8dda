"""A trace follows any fen to its bytes and back, and says where something was changed."""

import json
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing.models import PaymentLine, Statement
from billing.trace import Scope, Trace, trace
from ledger import clock
from providers.bodies import body_path
from providers.models import UsageBatch
from tests.billing.test_doors import signed_in, staff, text_of
from tests.billing.world import CLOSE_AT, World, fresh, small_world
from tests.ledger.making import seal_all
from tests.providers.line import JSON, client
from tests.providers.world import a_live_key
from tests.roles import SUPERUSER, as_role

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sealer]
REPORTED_AT = datetime(2026, 11, 2, 2, tzinfo=UTC)


def reported(order: Any, count: int, name: str = "r") -> None:
    """Upload signed records of two hours each over the real interface."""
    key, token, private = a_live_key(order.provider)
    records = [
        {
            "record_id": f"{name}-{place}",
            "order_no": order.order_no,
            "device_model": order.offering.model.key,
            "device_count": 8,
            "started_at": f"2026-10-{place + 2:02d}T00:00:00+08:00",
            "ended_at": f"2026-10-{place + 2:02d}T02:00:00+08:00",
        }
        for place in range(count)
    ]
    body = json.dumps({"records": records}).encode()
    with clock.set_to(REPORTED_AT):
        answer = client(token, key.key_id, private).upload(body, JSON)
    assert answer.body["counts"]["accepted"] == count, answer.body


def paid_world() -> tuple[World, Any, Statement, PaymentLine]:
    """Two providers and two enterprises, October paid, everything sealed."""
    world, order = small_world()
    other = world.make_voucher(world.make_enterprise())
    elsewhere = world.make_order(other, world.make_offering(world.make_provider()))
    reported(order, 3)
    reported(elsewhere, 1, "other")
    close = world.approve(world.close())
    world.pay(close)
    seal_all(CLOSE_AT)
    statement = order.statements.get()
    return world, order, statement, PaymentLine.objects.get(provider=order.provider)


def outcomes(told: Trace | None) -> set[str]:
    assert told is not None
    return {each.outcome for step in told.steps for each in step.checks}


def broken(ref: str) -> str:
    told = trace(ref)
    assert told is not None
    return "；".join(told.broken)


def changed(sql: str, *values: object) -> None:
    """Change a row behind the guards, as somebody with the server in hand could."""
    table = sql.split()[1]
    with as_role(SUPERUSER), connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        cursor.execute(sql, values)


def test_every_reference_leads_to_the_bytes_and_what_was_changed_is_named():
    world, order, statement, payment = paid_world()
    number = f"{payment.batch.batch_no}/{payment.ordinal}"
    refs = {
        number: "payment",
        f"{payment.batch.batch_no}-{payment.ordinal:03d}": "payment",
        payment.bank_reference: "payment",
        statement.statement_no: "statement",
        order.voucher.voucher_no: "voucher",
        "r-1": "record",
        f"{order.provider.uscc}/r-1": "record",
    }
    for ref, kind in refs.items():
        told = trace(ref)
        assert told is not None, ref
        assert told.kind == kind
        assert outcomes(told) == {"good"}, (ref, told.as_plain())
    batch = UsageBatch.objects.get(provider=order.provider)
    _both_ways(statement, payment, batch)
    out = StringIO()
    call_command("trace", statement.statement_no, "--all", stdout=out)
    assert batch.body_sha256 in out.getvalue()
    assert "不符 0" in out.getvalue()
    _seen_by_its_owners_alone(world, order, statement, payment)
    _tampered(statement, payment, batch, number)


def _tampered(statement: Statement, payment: PaymentLine, batch: UsageBatch, number: str) -> None:
    """Change one thing at a time; each time the trace names the place."""
    kept = body_path(batch.body_sha256)
    whole = kept.read_bytes()
    kept.chmod(0o600)
    kept.write_bytes(whole.replace(b'"device_count": 8', b'"device_count": 7', 1))
    for ref in ("r-0", statement.statement_no):
        assert "正文摘要" in broken(ref)
        assert "请求签名" in broken(ref)
    assert "记录内容" in broken("r-0")
    with pytest.raises(CommandError, match="正文摘要"):
        call_command("trace", "r-0", stdout=StringIO())
    kept.write_bytes(whole)
    assert broken("r-0") == ""
    own = "UPDATE billing_statement SET public_fen = public_fen + 1, self_fen = self_fen - 1"
    line = "UPDATE billing_statementline SET gross_fen = gross_fen + 1, self_fen = self_fen + 1"
    cases = [
        (f"{own} WHERE id = %s", statement.pk, statement.statement_no, "对账单摘要"),
        (f"{line} WHERE statement_id = %s", statement.pk, statement.statement_no, "服务总价"),
        (
            "UPDATE providers_usagerecord SET device_milli_seconds = device_milli_seconds + 1000"
            " WHERE batch_id = %s AND record_id = 'r-1'",
            batch.pk, "r-1", "卡毫秒",
        ),
        (
            "UPDATE providers_usagerecord SET device_milli_seconds = device_milli_seconds + 1000"
            " WHERE batch_id = %s AND record_id = 'r-1'",
            batch.pk, statement.statement_no, "记录卡毫秒之和",
        ),
        (
            "UPDATE billing_paymentline SET bank_reference = 'B-other' WHERE id = %s",
            payment.pk, number, "付款登记日志",
        ),
        (
            "UPDATE billing_paymentbatch SET content = content || ' ' WHERE id = %s",
            payment.batch_id, number, "清单摘要",
        ),
        (
            "UPDATE vouchers_redemption SET amount_fen = amount_fen + 1 WHERE id = %s",
            statement.redemption_id, statement.statement_no, "核销分录",
        ),
        (
            "UPDATE ledger_logentry SET body = convert_to(replace(convert_from(body, 'UTF8'),"
            " 'accepted', 'rejected'), 'UTF8') WHERE id = %s",
            batch.log_entry_id, "r-1", "批次日志",
        ),
    ]  # fmt: skip
    for sql, key, ref, named in cases:
        with transaction.atomic():
            changed(sql, key)
            assert named in broken(ref), sql
            transaction.set_rollback(True)
    assert broken(statement.statement_no) == ""


def _both_ways(statement: Statement, payment: PaymentLine, batch: UsageBatch) -> None:
    """Forward to the bank, back to the bytes, down to the records; nothing for what is nothing."""
    forward = trace("r-1")
    assert forward is not None
    assert [each.kind for each in forward.steps] == [
        "record", "batch", "line", "statement", "journal", "journal", "redemption", "terms", "item",
    ]  # fmt: skip
    bank = dict(forward.steps[-1].facts)["银行流水号"]
    assert bank == payment.bank_reference
    back = trace(statement.statement_no)
    assert back is not None
    uploaded = next(each for each in back.steps if each.kind == "batch")
    assert dict(uploaded.facts)["正文摘要（SHA-256）"] == batch.body_sha256
    assert all(each.log_index is not None for each in back.steps if each.kind == "journal")
    rows = trace(statement.statement_no, line=1)
    assert rows is not None
    assert [each.record_id for each in rows.records] == ["r-0", "r-1", "r-2"]
    assert [trace(each) for each in ("", "nothing", "a\0b", "x" * 300, "%", "PTSL-ZF/9")] == [
        None
    ] * 6


def _seen_by_its_owners_alone(
    world: World, order: Any, statement: Statement, payment: PaymentLine
) -> None:
    """A provider and an enterprise see their own part, nobody else's, within few questions."""
    number = f"{payment.batch.batch_no}/{payment.ordinal}"
    mine = ("r-1", statement.statement_no, order.voucher.voucher_no)
    stranger = {"provider": world.providers[1], "enterprise": world.enterprises[1]}
    for name, other in stranger.items():
        assert [trace(ref, Scope(**{name: other})) for ref in (*mine, number)] == [None] * 4
    assert trace(number, Scope(provider=order.provider)) is not None
    enterprise = Scope(enterprise=order.enterprise)
    assert trace(number, enterprise) is None
    told = trace("r-1", enterprise)
    assert told is not None
    assert payment.bank_reference not in json.dumps(told.as_plain(), ensure_ascii=False)
    voucher = trace(order.voucher.voucher_no, Scope(provider=order.provider))
    assert voucher is not None
    assert {each.kind for each in voucher.steps} == {"statement"}

    with clock.set_to(CLOSE_AT):
        doors = {
            "office": staff("审计", "view_settlement"),
            "console": signed_in(world.seat("own-p", provider=order.provider)),
            "portal": signed_in(world.seat("own-e", enterprise=order.enterprise)),
        }
        for area, browser in doors.items():
            for ref in mine:
                with CaptureQueriesContext(
                    connection,
                ) as seen:
                    page = text_of(browser.get(reverse(f"{area}_trace"), {"ref": ref}))
                assert "已核对的各项全部相符" in page
                assert len(seen) < 130, (area, ref, len(seen))
            data = browser.get(reverse(f"{area}_trace_data"), {"ref": "r-1"}).json()
            assert data["broken"] == []
            assert text_of(browser.get(reverse(f"{area}_trace"), {"ref": "无"}), 404)
        for area, who in (("console", "provider"), ("portal", "enterprise")):
            browser = signed_in(world.seat(f"strange-{who}", **{who: stranger[who]}))
            for ref in mine:
                assert browser.get(reverse(f"{area}_trace"), {"ref": ref}).status_code == 404
                answer = browser.get(reverse(f"{area}_trace_data"), {"ref": ref})
                assert answer.status_code == 404
        assert fresh(statement).digest == statement.digest

"""A month paid on claims, exported and held against itself by the stand-alone verifier."""

import io
from pathlib import Path
from typing import Any

import pytest

from billing import settling
from ledger.bundles import BundleReader
from ledger.claimed import KINDS, Claimed
from ledger.entries import decode
from ledger.exporting import export_log
from ledger.verifying import verify
from tests.billing.payments import send
from tests.billing.test_claims import AT, After, add
from tests.billing.world import fresh
from tests.ledger.making import seal_all
from vouchers.models import Enterprise

pytestmark = pytest.mark.django_db(transaction=True)


def claimed_month() -> After:
    """One claim written off, paid, returned by the bank and paid again."""
    world = After()
    world.open("DIRECT_AFTER_USE")
    Enterprise.objects.update(bank_name="示例银行普陀支行", bank_account_last4="0042")
    first = world.statements[0]
    claim = settling.open_claim(first, actor=world.clerks[0], at=AT)
    add(world, claim, 0)
    claim = settling.submit_claim(claim, actor=world.clerks[0], at=AT)
    claim = settling.check_claim(claim, support=True, note="", actor=world.finance, at=AT)
    settling.review_claim(claim, reason="", actor=world.approver, at=AT)
    told = {"actor": world.cashier, "at": AT}
    for number in (1, 2):
        line = send(world, fresh(first.close), AT).lines.get(state="sent")
        settling.record_payment(line, bank_reference=f"B-{number}", paid_on=AT.date(), **told)
        if number == 1:
            settling.record_return(fresh(line), reason="户名不符", **told)
    return world


def exported(path: Path) -> bytes:
    seal_all(AT)
    export_log(path)
    return path.read_bytes()


def entries_of(raw: bytes) -> list[Any]:
    """Return kind and body of every entry of an exported log."""
    reader = BundleReader(io.BytesIO(raw))
    manifest = reader.manifest()
    for _ in range(manifest.checkpoints):
        reader.note()
    found = [entry for _, block in reader.entries(manifest.entries) for entry in block]
    return [(each["type"], each["body"]) for each in map(decode, found)]


def test_a_month_of_claims_verifies_and_its_sums_are_those_of_the_house(tmp_path: Path) -> None:
    world = claimed_month()
    raw = exported(tmp_path / "log.bundle")
    verify(io.BytesIO(raw))
    claims = Claimed()
    for kind, body in entries_of(raw):
        if kind in KINDS:
            claims.take(kind, body)
    statement = fresh(world.statements[0])
    name = str(statement.pk)
    assert claims.granted == {name: 880_000}
    assert claims.redeemed[name] == statement.granted_fen == 880_000
    assert claims.certified[name] == {880_000}
    assert claims.said == {"payment.recorded": 1_760_000, "payment.returned": 880_000}
    assert statement.paid_fen == 880_000

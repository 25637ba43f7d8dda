"""From the house to the file to the verifier, and back to the same balances."""

import random

import pytest

from ledger import audit
from ledger.balances import balance
from ledger.book import post_set
from ledger.exporting import export_log
from ledger.refusals import Refused
from ledger.verifying import NotOk, verify
from tests.ledger.making import (
    ACTOR,
    AT,
    a_small_month,
    book,
    grant,
    issue,
    redeem,
    seal_all,
    voucher,
)

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_is_exported_verifies_to_the_same_balances(tmp_path):
    a_small_month()
    seal_all()
    book(grant(5))
    seal_all()
    audit.record("test.later", {}, actor=ACTOR, at=AT)  # not sealed: stays out
    manifest = export_log(tmp_path / "log.bundle")
    with (tmp_path / "log.bundle").open("rb") as file:
        report = verify(file, [audit.ensure_key(AT)])
    assert report.manifest == manifest
    assert (manifest.entries, manifest.checkpoints >= 2) == (14, True)
    assert {each.voucher: (each.available, each.held) for each in report.vouchers} == {
        "v1": (balance(voucher()).available, 0),
        "v2": (0, 0),
    }
    assert not (tmp_path / "log.bundle.part").exists()


def test_no_byte_of_an_export_can_be_changed(tmp_path):
    """A sample of the bytes of an export of some size; all bytes of a small one are tried
    in test_verifying."""
    book(grant(10**9))
    made = [issue(1000 + each, f"v{each}") for each in range(400)]
    post_set([*made, *(redeem(7, f"v{each}") for each in range(400))], actor=ACTOR, at=AT)
    seal_all()
    path = tmp_path / "log.bundle"
    export_log(path)
    raw = path.read_bytes()
    chance = random.Random(20261001)
    for _ in range(60):
        place = chance.randrange(len(raw))
        bent = bytearray(raw)
        bent[place] ^= 1 << chance.randrange(8)
        path.write_bytes(bytes(bent))
        with path.open("rb") as file, pytest.raises(NotOk):
            verify(file)


def test_with_nothing_sealed_there_is_nothing_to_export(tmp_path):
    with pytest.raises(Refused, match="检查点"):
        export_log(tmp_path / "log.bundle")
    assert not list(tmp_path.glob("log.bundle*"))

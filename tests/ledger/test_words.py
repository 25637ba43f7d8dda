"""Log entries are listed in words."""

import re
from pathlib import Path

from ledger.templatetags.words import log_type

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("ledger", "vouchers", "providers", "billing")
RECORDED = re.compile(r'audit\.record\(\s*"([a-z_.]+)"')


def test_a_kind_is_told_as_thing_and_deed() -> None:
    assert log_type("application.submit") == "申请 · 提交"
    assert log_type("voucher.redeem") == "算力券 · 核销"


def test_a_kind_without_words_stays_as_it_is() -> None:
    assert log_type("comet.land") == "comet.land"
    assert log_type("") == ""


def test_everything_that_is_recorded_has_words() -> None:
    kinds = {
        kind
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        for kind in RECORDED.findall(path.read_text(encoding="utf-8"))
    }
    assert kinds
    assert not sorted(kind for kind in kinds if log_type(kind) == kind)

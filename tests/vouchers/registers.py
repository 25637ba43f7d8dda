"""Registers of the stories: a file of a kind, prepared and confirmed."""

from datetime import date

from tests.vouchers.story import AT, CHIEF, CLERK
from vouchers import registering
from vouchers.register_files import KINDS


def content(kind, *lines):
    """Return a register file with these lines."""
    head = ",".join(each.rstrip("*") for each in KINDS[kind].columns)
    return "\r\n".join([head, *lines]).encode()


def prepared(kind, *lines, **changes):
    """Return a register prepared by the clerk."""
    told = {
        "file_name": "名录.csv", "source": "市信用中心", "as_of": date(2026, 8, 31),
        "actor": CLERK, "at": AT,
    } | changes  # fmt: skip
    return registering.prepare_import(kind, content(kind, *lines), **told)


def confirmed(kind, *lines, **changes):
    """Return a register that counts."""
    return registering.confirm_import(prepared(kind, *lines, **changes), actor=CHIEF, at=AT)

"""What the demonstration leaves behind: one file that says what happened, for people and checks."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings

from billing.management.demonstration import settled
from billing.management.demonstration.cast import Cast
from billing.management.demonstration.supply import Supplier
from billing.models import MonthClose, Report
from ledger import audit
from ledger.amounts import pflops_hours_text
from providers.metering import monthly_usage
from vouchers.models import Voucher
from vouchers.positions import voucher_positions


def summary_path() -> Path:
    """Return where the summary lies."""
    return Path(settings.VAR_DIR) / "demo" / "summary.json"


def write(
    cast: Cast,
    vouchers: list[Voucher],
    month_close: MonthClose,
    reports: list[Report],
    supplier: Supplier,
    cases: list[tuple[str, str]],
) -> dict[str, Any]:
    """Write the summary, readable by its owner only (it names a demonstration password)."""
    checkpoint = audit.latest_checkpoint()
    positions = voucher_positions(vouchers)
    metered = sum(
        each.device_milli_seconds * each.gflops for each in monthly_usage(month_close.period)
    )
    told: dict[str, Any] = {
        "vouchers": [
            {
                "voucher_no": each.voucher_no,
                "enterprise": each.enterprise.name,
                "face_fen": each.face_fen,
                "balance_fen": positions[each.pk].available,
                "held_fen": positions[each.pk].held,
                "redeemed_fen": positions[each.pk].redeemed,
            }
            for each in vouchers
        ],
        "pflops_hours_metered": pflops_hours_text(metered),
        **settled.facts(month_close, reports),
        "checkpoint": {
            "origin": settings.LOG_ORIGIN,
            "size": checkpoint.size if checkpoint else 0,
            "root": checkpoint.root.hex() if checkpoint else "",
        },
        "api_key": {
            "key_id": supplier.key.key_id,
            "token": supplier.token,
            "private_key_path": str(supplier.private_key_path),
        },
        "cases": [{"name": name, "next": step} for name, step in cases],
        "logins": cast.logins(),
        "site": settings.PUBLIC_ORIGIN,
    }
    told["pflops_hours_settled"] = pflops_total(told["statements"])
    path = summary_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return told


def pflops_total(statements: list[dict[str, Any]]) -> str:
    """Return the sum of the statements' PFLOPS-hours as text."""
    micro = sum(int(each["pflops_hours"].replace(".", "")) for each in statements)
    return f"{micro // 1_000_000}.{micro % 1_000_000:06d}"

"""What the wallet shows: each voucher with what is left, for how long, and what may be done."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from ledger.periods import Month, day_of
from vouchers.forecasting import runs_out
from vouchers.models import Intake, Redemption, Voucher
from vouchers.pages import days_left
from vouchers.positions import Position, voucher_positions

SOON_DAYS = 30
LOW_PARTS = 10  # less than a tenth of the face is little


def wallet_cards(vouchers: Sequence[Voucher], at: datetime) -> list[dict[str, Any]]:
    """Return the cards of a wallet in drawing order, each with its forecast and warnings."""
    positions = voucher_positions(list(vouchers))
    used = _redeemed(vouchers)
    return [
        {
            "voucher": each,
            "position": positions[each.pk],
            "days": days_left(each, at),
            "forecast": forecast(each, positions[each.pk], used.get(each.pk, []), at),
            "notes": _notes(each, positions[each.pk], at),
            "ended": each.state != Voucher.State.ACTIVE,
        }
        for each in vouchers
    ]


def forecast(
    voucher: Voucher, position: Position, redeemed: Sequence[tuple[Month, int]], at: datetime
) -> str:
    """Return one sentence on how long a voucher lasts, empty when nothing can be said."""
    if voucher.state != Voucher.State.ACTIVE or not position.available + position.held:
        return ""
    day = runs_out(
        redeemed, position.available + position.held, valid_from=day_of(voucher.valid_from)
    )
    if not redeemed:
        return "还没有核销记录，暂不能预计可用到哪天。"
    if day is None or day > voucher.last_day:
        return f"按您当前用量，有效期（{_short(voucher.last_day)}止）内预计用不完。"
    if day <= day_of(at):
        return "按您当前用量，余额预计即将用完。"
    return f"按您当前用量预计可用到 {_short(day)}。"


def redeemed_of(voucher: Voucher) -> list[tuple[Month, int]]:
    """Return what was redeemed of a voucher by month."""
    return _redeemed([voucher]).get(voucher.pk, [])


def place_in_line(application: Any) -> dict[str, Any] | None:
    """Return the place of an application in line, and what came of it."""
    intake = Intake.objects.filter(application=application).first()
    if intake is None:
        return None
    rules = application.programme.edition.allocation
    held = intake.reservations.order_by("-reserved_at").select_related("end").first()
    before = Intake.objects.filter(
        slug=intake.slug, window_no=intake.window_no, position__lt=intake.position
    ).count()
    line = application.allocations.filter(run__confirmed_at__isnull=False).last()
    return {
        "position": intake.position,
        "rank": before + 1,
        "first_come": rules.rule == "FIRST_COME",
        "reserved_fen": held.amount_fen if held and not hasattr(held, "end") else None,
        "taken_at": intake.taken_at,
        "line": line,
    }


def _redeemed(vouchers: Sequence[Voucher]) -> dict[Any, list[tuple[Month, int]]]:
    found: dict[Any, list[tuple[Month, int]]] = {}
    rows = Redemption.objects.filter(voucher__in=[each.pk for each in vouchers])
    for voucher_id, month, fen in rows.values_list("voucher_id", "month", "amount_fen"):
        found.setdefault(voucher_id, []).append((Month.parse(month), fen))
    return found


def _notes(voucher: Voucher, position: Position, at: datetime) -> list[dict[str, str]]:
    """Return the warnings on a card."""
    if voucher.state != Voucher.State.ACTIVE:
        return []
    notes = []
    if voucher.frozen:
        notes.append({"text": "已冻结", "colour": "red"})
    if at < voucher.valid_from:
        notes.append({"text": "待生效", "colour": "grey"})
    if days_left(voucher, at) <= SOON_DAYS:
        notes.append({"text": f"{days_left(voucher, at)} 天后到期", "colour": "yellow"})
    if position.available * LOW_PARTS < voucher.face_fen:
        notes.append({"text": "余额不足一成", "colour": "yellow"})
    return notes


def _short(day: date) -> str:
    return f"{day.month} 月 {day.day} 日"

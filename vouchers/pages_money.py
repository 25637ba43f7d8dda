"""What the bureau's pages of issuing, allocation and vouchers show; plain values, no markup."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, Sum

from ledger.balances import balance
from ledger.identifiers import new_id
from vouchers.dividing import RULE_WORDS
from vouchers.models import (
    AllocationRun,
    Application,
    DrawSeed,
    IssueBatch,
    Programme,
    Reservation,
    StateRow,
    Voucher,
    VoucherRequest,
)
from vouchers.models.voucher import VoucherQuerySet
from vouchers.pages_office import uuid_or_none, visible_cases
from vouchers.pools import free_fen, reservation_of
from vouchers.positions import voucher_positions

RECENT = 20
STATES = (("", "全部"), ("active", "可用"), ("frozen", "已冻结"), ("used_up", "用罄"),
          ("expired", "已过期"), ("revoked", "已撤销"), ("surrendered", "已放弃"))  # fmt: skip


def issue_lines() -> list[dict[str, Any]]:
    """Return the approved cases with the budget before and after each, in order of approval.

    Money set aside for a case counts for it alone; what others have set aside is not free.
    """
    free: dict[str, int] = {}
    lines = []
    waiting = visible_cases().filter(state__in=["approved", "waitlisted"])
    batched = set(
        IssueBatch.objects.filter(issued_at__isnull=True, dropped_at__isnull=True).values_list(
            "items__application", flat=True
        )
    )
    for each in waiting.order_by("intake__position", "approved_at", "id"):
        slug = each.programme.slug
        before = free.setdefault(slug, free_fen(each.programme))
        held = reservation_of(each.pk)
        after = before + (held.amount_fen if held else 0) - (each.approved_fen or 0)
        fits = after >= 0
        lines.append(
            {
                "case": each,
                "before_fen": before,
                "after_fen": after if fits else None,
                "fits": fits,
                "reserved": held is not None,
                "batched": each.pk in batched,
                "may_choose": each.state == "approved" and each.pk not in batched,
                "key": new_id(),
            }
        )
        free[slug] = after if fits else before
    return lines


def chosen_cases(keys: Sequence[str]) -> list[Application]:
    """Return the cases ticked on the page, in the order of intake."""
    wanted = [key for key in map(uuid_or_none, keys) if key]
    return list(visible_cases().filter(pk__in=wanted).order_by("intake__position", "id"))


def all_batches() -> Any:
    """Return every batch."""
    return IssueBatch.objects.all()


def batches() -> list[IssueBatch]:
    """Return the newest batches with how many applications each holds."""
    found = IssueBatch.objects.annotate(
        count=Count("items"), issued=Count("items", filter=Q(items__outcome="issued"))
    )
    return list(found.order_by("-prepared_at")[:RECENT])


def batch_page(batch: IssueBatch) -> dict[str, Any]:
    """Return a batch with its lines, the budget before and after, and the range of numbers."""
    items = list(batch.items.select_related("application__enterprise", "application__programme"))
    applications = [each.application_id for each in items]
    numbers = Voucher.objects.filter(application__in=applications).order_by("voucher_no")
    issued = [each for each in items if each.outcome == "issued"]
    budgets: dict[str, dict[str, Any]] = {}
    for each in items:
        programme = each.application.programme
        line = budgets.setdefault(
            programme.slug,
            {"programme": programme, "before_fen": balance(programme.account).available, "fen": 0},
        )
        line["fen"] += each.amount_fen
    for line in budgets.values():
        line["after_fen"] = line["before_fen"] - line["fen"]
    done = batch.issued_at is not None
    return {
        "batch": batch,
        "items": items,
        "budgets": [] if done else list(budgets.values()),
        "first_no": getattr(numbers.first(), "voucher_no", "") if done else "",
        "last_no": getattr(numbers.last(), "voucher_no", "") if done else "",
        "voucher_count": numbers.count() if done else 0,
        "issued_fen": sum(each.amount_fen for each in issued),
        "left_out": [each for each in items if done and each.outcome != "issued"],
    }


def vouchers_of(state: str, asked: str) -> VoucherQuerySet:
    """Return the vouchers of a tab that match what was searched for, the newest first."""
    found = Voucher.objects.with_parties()
    if state == "frozen":
        found = found.filter(frozen=True)
    elif state:
        found = found.filter(state=state)
    if asked:
        found = found.filter(
            Q(voucher_no__icontains=asked)
            | Q(enterprise__name__icontains=asked)
            | Q(enterprise__uscc__icontains=asked)
        )
    return found.order_by("-issued_at", "-voucher_no")


def voucher_lines(page: Sequence[Voucher]) -> list[dict[str, Any]]:
    """Return rows of the list with where the value of each voucher is."""
    positions = voucher_positions(list(page))
    return [{"voucher": each, "position": positions[each.pk]} for each in page]


def voucher_page(found: Voucher, person: str) -> dict[str, Any]:
    """Return one voucher for the bureau: value, history, and the requests that wait."""
    return {
        "voucher": found,
        "position": voucher_positions([found])[found.pk],
        "rows": StateRow.objects.of(found),
        "holds": found.holds.order_by("-held_at")[:RECENT],
        "requests": [
            {"request": each, "may_decide": each.prepared_person != person}
            for each in VoucherRequest.objects.waiting().filter(voucher=found)
        ],
    }


def waiting_requests() -> list[VoucherRequest]:
    """Return the requests that wait for a second person."""
    return list(VoucherRequest.objects.waiting().select_related("voucher__enterprise"))


def allocation_page(programme: Programme, person: str, at: datetime) -> dict[str, Any]:
    """Return how the money of a scheme is divided: what is set aside, who waits, each window."""
    rules = programme.edition.allocation
    aside = Reservation.objects.open().filter(slug=programme.slug)
    return {
        "programme": programme,
        "rules": rules,
        "rule_word": RULE_WORDS[rules.rule],
        "budget_fen": balance(programme.account).available,
        "reserved_fen": int(aside.order_by().aggregate(total=Sum("amount_fen"))["total"] or 0),
        "reserved_count": aside.count(),
        "free_fen": free_fen(programme),
        "waiting": waiting_line(programme)[:RECENT],
        "windows": [
            _window(programme, each, person, at) for each in programme.edition.windows.items
        ],
    }


def waiting_line(programme: Programme) -> Any:
    """Return who is in line without money, in the order in which they are served."""
    held = Reservation.objects.open().values("intake__application")
    live = Application.objects.filter(programme__slug=programme.slug, intake__isnull=False).exclude(
        state__in=["issued", "rejected", "withdrawn", "lapsed", "draft", "reconsider"]
    )
    return (
        live.exclude(pk__in=held)
        .select_related("enterprise", "intake")
        .order_by("intake__window_no", "intake__position")
    )


def _window(programme: Programme, window: Any, person: str, at: datetime) -> dict[str, Any]:
    runs = programme.runs.filter(window_no=window.no)
    waiting = runs.waiting().first()
    seed = programme.draw_seeds.filter(window_no=window.no).select_related("reveal").first()
    return {
        "window": window,
        "over": at >= window.closes_at,
        "seed": seed,
        "reveal": getattr(seed, "reveal", None) if seed else None,
        "waiting": waiting,
        "lines": list(waiting.lines.select_related("application__enterprise")) if waiting else [],
        "may_confirm": waiting is not None and waiting.prepared_person != person,
        "confirmed": list(runs.confirmed().annotate(count=Count("lines"))),
    }


def draws() -> Any:
    """Return every draw there is, with scheme and reveal."""
    return DrawSeed.objects.select_related("programme", "reveal")


def drawn_run(seed: DrawSeed) -> AllocationRun | None:
    """Return the confirmed run that a draw decided."""
    runs = AllocationRun.objects.confirmed().filter(
        programme=seed.programme, window_no=seed.window_no
    )
    return runs.last()


def draw_data(seed: DrawSeed) -> dict[str, Any]:
    """Return a confirmed draw the way ``lots.py`` reads it; empty before that."""
    run, reveal = drawn_run(seed), getattr(seed, "reveal", None)
    if run is None or reveal is None:
        return {}
    return {
        "seed": seed.seed,
        "commitment": seed.commitment,
        "public_source": seed.public_source,
        "public_word": reveal.public_word,
        "free_fen": str(run.free_fen),
        "lines": [
            {
                "application": each.application.application_no,
                "ticket": each.grounds.get("ticket", ""),
                "asked_fen": str(each.asked_fen),
                "granted_fen": str(each.granted_fen),
            }
            for each in run.lines.select_related("application")
        ],
    }


def unused(slug: str) -> dict[str, int]:
    """Return how many vouchers of a scheme lapsed without ever being used, and their share.

    Units: fen; basis points of all that was issued, by face value.
    """
    mine = Voucher.objects.filter(programme__slug=slug)
    issued = int(mine.aggregate(total=Sum("face_fen"))["total"] or 0)
    never = mine.filter(state=Voucher.State.EXPIRED, redemptions__isnull=True)
    fen = int(never.aggregate(total=Sum("face_fen"))["total"] or 0)
    return {
        "count": never.count(),
        "unused_fen": fen,
        "share_bp": fen * 10_000 // issued if issued else 0,
    }

"""Parts of a monthly report beyond its statements: what it covers, what is odd, how it compares.

Everything as plain values, read once when a report is made.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Count, Q

from billing import figures, statements
from billing.models import MonthClose, Report, Statement
from billing.statements import day_text, moment_text
from ledger.amounts import divide_half_up, yuan_text
from ledger.sealing import entry_index, latest_checkpoint
from ledger.signing import split_note
from providers.models import Finding, FindingDecision, Provider, UsageRecord
from vouchers.models import Enterprise, Programme
from vouchers.sizing import sector_of

Party = Provider | Enterprise | None
LONGEST_PRINTED = 200  # characters of a line of a checkpoint on paper
KEY_ID_BYTES = 4  # C2SP signed note: a signature begins with the key's number
NOT_TOLD = "未填写"
MOST_LATE = 200  # lines of late use printed one by one


def filters_of(party: Party) -> dict[str, Any]:
    """Return what narrows statements to one party."""
    if isinstance(party, Provider):
        return {"provider": party}
    return {"enterprise": party} if isinstance(party, Enterprise) else {}


def compared(close: MonthClose, listed: Sequence[Statement], party: Party) -> list[dict[str, str]]:
    """Return the key figures beside those of the month before (环比)."""
    earlier = figures.history(close.period.previous(), **filters_of(party))
    at_hand = earlier and earlier[-1]["month"] == str(close.period.previous())
    nothing: dict[str, Any] = {"gross_fen": 0, "public_fen": 0, "pflops_hours": "0"}
    last = earlier[-1] if at_hand else nothing
    now = statements.sums_of(listed)
    rows = [
        _change(title, int(last[name]), int(now[name]), yuan_text, " 元")
        for title, name in (("服务总价", "gross_fen"), ("券抵扣", "public_fen"))
    ]
    before, after = (int(Decimal(each["pflops_hours"]) * 1_000_000) for each in (last, now))
    return [*rows, _change("核定算力", before, after, _micro_text, " PFLOPS·h")]


def _micro_text(micro: int) -> str:
    return f"{Decimal(micro).scaleb(-6):,.4f}"


def _change(
    title: str, last: int, now: int, text: Callable[[int], str], unit: str
) -> dict[str, str]:
    """Return one figure, its predecessor, and how it changed in words."""
    difference = now - last
    word = "持平" if not difference else ("增加 " if difference > 0 else "减少 ")
    share = "—"
    if last:
        points = abs(divide_half_up(difference * 10_000, last))
        share = f"{'＋' if difference >= 0 else '－'}{points // 100}.{points % 100:02d}%"
    changed = word if not difference else f"{word}{text(abs(difference))}{unit}"
    return {
        "title": title,
        "last": text(last) + unit,
        "now": text(now) + unit,
        "change": changed,
        "share": share,
    }


def split(listed: Iterable[Statement], name: Callable[[Statement], str]) -> list[dict[str, Any]]:
    """Return the statements summed by a name, the largest share first."""
    groups: dict[str, list[Statement]] = defaultdict(list)
    for each in listed:
        groups[name(each)].append(each)
    rows = [
        {
            "name": title,
            "enterprises": len({each.enterprise_id for each in group}),
            "gross_fen": sum(each.gross_fen for each in group),
            "public_fen": sum(each.public_fen for each in group),
        }
        for title, group in groups.items()
    ]
    return sorted(rows, key=lambda row: (-row["public_fen"], row["name"]))


def town_of(statement: Statement) -> str:
    """Return the town an enterprise named in its application."""
    return _answer(statement, "street") or NOT_TOLD


def sector_name(statement: Statement) -> str:
    """Return the sector of the industry code an enterprise named in its application."""
    try:
        found = sector_of(_answer(statement, "industry"))
    except ValueError:
        return NOT_TOLD
    return found.title if found else "其他行业"


def _answer(statement: Statement, name: str) -> str:
    application = statement.voucher.application
    answers = (application.answers or {}).get("enterprise") or {}
    return str(answers.get(name) or "")


def coverage(close: MonthClose, listed: Sequence[Statement], party: Party) -> dict[str, Any]:
    """Return what the report covers: cut-off, late use, what was left out, digests of the input."""
    lines = [
        statements.line_data(each, line)
        for each in listed
        for line in each.lines.all()
        if line.usage_month != close.month
    ]
    wanted = ("statement_no", "usage_month", "model", "records", "gross_fen", "public_fen")
    late = [{name: line[name] for name in wanted} for line in lines]
    return {
        "cutoff": moment_text(close.cutoff_at),
        "put_out": moment_text(close.put_out_at),
        "objections_until": moment_text(close.objections_until),
        "records": sum(each.records for each in listed),
        "late_count": len(late),
        "late": late[:MOST_LATE],
        "excluded": _excluded(close, party),
        "inputs": _inputs(close, party),
    }


def _used(close: MonthClose, party: Party) -> Any:
    found = UsageRecord.objects.filter(settle_month=close.month, livemode=True)
    if isinstance(party, Provider):
        return found.filter(provider=party)
    return found.filter(order__enterprise=party) if party else found


def _excluded(close: MonthClose, party: Party) -> list[dict[str, Any]]:
    """Return the records of the month that no statement charges, by why."""
    held = dict(UsageRecord.HoldReason.choices)
    states = dict(UsageRecord.State.choices)
    rows = (
        _used(close, party)
        .filter(Q(counted=False) | Q(order__voucher=None))
        .values("provider__name", "counted", "state", "hold_reason")
        .annotate(count=Count("id"))
    )
    found: Counter[tuple[str, str]] = Counter()
    for row in rows:
        why = "不用券的订单，不核销" if row["counted"] else states[row["state"]]
        if row["hold_reason"] and not row["counted"]:
            why = f"{why}：{held.get(row['hold_reason'], row['hold_reason'])}"
        found[(row["provider__name"], why)] += row["count"]
    return [
        {"provider": provider, "why": why, "count": count}
        for (provider, why), count in sorted(found.items())
    ]


def _inputs(close: MonthClose, party: Party) -> list[dict[str, Any]]:
    """Return the uploads behind the month per provider, as one digest over their digests."""
    batches: dict[tuple[str, str], set[str]] = defaultdict(set)
    rows = (
        _used(close, party)
        .values_list("provider__uscc", "provider__name", "batch__body_sha256")
        .distinct()
    )
    for uscc, name, sha256 in rows:
        batches[(uscc, name)].add(sha256)
    return [
        {
            "provider": name,
            "uscc": uscc,
            "batches": len(found),
            "sha256": hashlib.sha256("\n".join(sorted(found)).encode()).hexdigest(),
        }
        for (uscc, name), found in sorted(batches.items())
    ]


def oddities(close: MonthClose, party: Party) -> list[dict[str, Any]]:
    """Return what looked odd in the month's use, by kind, and how many were decided."""
    if isinstance(party, Enterprise):
        return []
    found = Finding.objects.filter(month=close.month, **filters_of(party))
    decided = set(
        FindingDecision.objects.filter(finding__in=found).values_list("finding_id", flat=True)
    )
    titles = dict(Finding.Kind.choices)
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for pk, kind in found.values_list("pk", "kind"):
        counts[kind][0] += 1
        counts[kind][1] += pk in decided
    return [
        {"kind": titles.get(kind, kind), "count": all_of, "decided": done}
        for kind, (all_of, done) in sorted(counts.items())
    ]


def flows(close: MonthClose, party: Party, kind: str, at: Any) -> list[dict[str, Any]]:
    """Return the roll-forward since the last month's report, per programme."""
    last = (
        Report.objects.versions(kind, party)
        .filter(month__lt=close.month, trial=False)
        .order_by("month", "version")
        .last()
    )
    opened_at = last.asked_at if last else None
    newest: dict[str, Programme] = {
        each.slug: each for each in Programme.objects.order_by("slug", "edition_no")
    }
    found = []
    for programme in newest.values():
        flow = figures.roll_forward(
            programme, opened_at=opened_at, closed_at=at, **filters_of(party)
        )
        if party is None or any(row["increase_fen"] or row["opening_fen"] for row in flow["rows"]):
            found.append(flow | {"since": moment_text(opened_at) or "方案开始"})
    return found


def log_parts(listed: Sequence[Statement]) -> dict[str, Any]:
    """Return where the log stands, and the place of each statement in it."""
    checkpoint = latest_checkpoint()
    entries = [
        {
            "statement_no": each.statement_no,
            "digest": each.digest,
            "entry": str(each.entry_id or ""),
            "index": _index_text(each),
        }
        for each in listed
    ]
    said = dict.fromkeys(("root", "key", "sealed_at", "note"), "")
    said |= {"origin": settings.LOG_ORIGIN, "size": "0"}
    if checkpoint is not None:
        said |= {
            "size": str(checkpoint.size),
            "root": checkpoint.root_hex,
            "key": _key_text(checkpoint.note),
            "sealed_at": moment_text(checkpoint.sealed_at),
            "note": checkpoint.note,
        }
    printed = said | {"note": _printed(said["note"])}
    return {"log": printed, "proof": {"checkpoint": said, "entries": entries}}


def _printed(note: str) -> str:
    """Return a checkpoint without the signature lines that are too long for paper.

    What is left is a checkpoint still; the attachment holds all of it.
    """
    lines = note.splitlines(keepends=True)
    return "".join(each for each in lines if len(each) <= LONGEST_PRINTED)


def _key_text(note: str) -> str:
    """Return the name and number of the key that signed a checkpoint."""
    _, signatures = split_note(note)
    return "；".join(f"{name} {signature[:KEY_ID_BYTES].hex()}" for name, signature in signatures)


def _index_text(statement: Statement) -> str:
    """Return the entry's place in the log, empty until it is sealed."""
    index = entry_index(statement.entry_id) if statement.entry_id else None
    return "" if index is None else str(index)


def frame(kind: str, close: MonthClose, at: Any) -> dict[str, Any]:
    """Return what every document says of itself: who issues it, when, about which month."""
    papers = settings.PAPERS
    month = close.period
    return {
        "schema": f"{kind}/2",
        "kind": kind,
        "bureau": papers.issuer,
        "copies_to": papers.copies_to,
        "official_numbers": papers.official_numbers,
        "trial": close.approved_at is None,
        "month": close.month,
        "month_title": month.title,
        "document_no": "",
        "audience": "",
        "issued_on": day_text(at),
        "made_at": at.isoformat(),
        "made_on": moment_text(at),
        "verify_host": settings.PUBLIC_ORIGIN.partition("://")[2],
    }

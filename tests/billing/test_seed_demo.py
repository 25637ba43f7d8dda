"""The demonstration month: what it leaves behind, computed once more by other means."""

import json
from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command

from billing.management.demonstration import metered, usage
from billing.management.demonstration.cast import CLAIMING, when
from billing.management.demonstration.supply import TAOPU
from billing.models import MonthClose, PaymentLine, Report
from ledger.invariants import findings
from ledger.models import LogEntry
from ledger.verifying import main as verify
from providers.models import Order, Provider
from vouchers.models import Enterprise, EnterpriseFact

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sealer]

TFLOPS = {"delta": Fraction(313), "maker": Fraction(312), "sample": Fraction(362)}
TFLOPS |= {"side": TFLOPS["sample"], "claim": TFLOPS["delta"]}
YUAN_PER_CARD_HOUR = {"delta": Fraction(6), "sample": Fraction("5.8"), "side": Fraction("5.8")}
YUAN_PER_CARD_HOUR["claim"] = Fraction(6)
YUAN_PER_PFLOPS_HOUR = Fraction("17.5")
SHARE = {"delta": Fraction(4, 10), "maker": Fraction(3, 10)}
SHARE |= {"sample": Fraction(3, 10), "side": Fraction(3, 10), "claim": Fraction(4, 10)}
ORDERS = ("delta", "sample", "maker", "side", "claim")


@pytest.fixture
def told(settings) -> dict:
    call_command("sync_roles")
    call_command("seed_demo", "--inline")
    path = Path(settings.VAR_DIR) / "demo" / "summary.json"
    return json.loads(path.read_text(encoding="utf-8"))


def seconds(row: dict) -> Fraction:
    """Card-seconds of one record, from its own words."""
    length = when_of(row["ended_at"]) - when_of(row["started_at"])
    cards = Fraction(int(row["device_count"]) * int(row["share_milli"]), 1000)
    return cards * Fraction(length // timedelta(seconds=1))


def when_of(text: str):
    return usage.datetime.fromisoformat(text)


def card_seconds() -> dict[str, Fraction]:
    """Card-seconds of October by order, told again from the jobs and the story's few extras."""
    orders = dict(zip(ORDERS, Order.objects.order_by("order_no"), strict=False))
    works = metered.habits(orders)
    found: dict[str, Fraction] = defaultdict(Fraction)
    for first, days in metered.WEEKS:
        for name, habit in works.items():
            for row in usage.jobs(habit, when(f"2026-10-{first:02d} 00:00"), days):
                found[name] += seconds(row)
    found["delta"] += 8 * Fraction(int(2.5 * 3600))  # the job over the month's end, October's part
    found["side"] += 4 * Fraction(5 * 3600)  # the open job, closed later
    return found


def september_seconds() -> Fraction:
    """Card-seconds of the last days of September, under the order that is paid on a claim."""
    first, days = metered.SEPTEMBER
    order = Order.objects.get(provider__uscc=TAOPU.uscc, voucher__programme__slug__contains="claim")
    rows = usage.jobs(metered.claiming(order), when(f"2026-09-{first:02d} 00:00"), days)
    return sum((seconds(row) for row in rows), Fraction(0))


def claims_agree(told: dict, october: Fraction) -> None:
    """October's claim is written off in full and paid; September's waits for the bureau."""
    wanted = [expected("claim", used)[2] for used in (september_seconds(), october)]
    waiting, granted = told["claims"]
    assert (waiting["state"], waiting["expected_fen"], waiting["granted_fen"]) == (
        "submitted", wanted[0], None,
    )  # fmt: skip
    assert (granted["state"], granted["expected_fen"], granted["granted_fen"]) == (
        "written_off", wanted[1], wanted[1],
    )  # fmt: skip
    september = MonthClose.objects.get(month="2026-09")
    assert (september.state, september.public_fen) == ("closed", wanted[0])
    line = PaymentLine.objects.get(enterprise__uscc=CLAIMING.uscc)
    assert (line.state, line.amount_fen) == ("paid", wanted[1])


def half_up(value: Fraction) -> int:
    return (value + Fraction(1, 2)).__floor__()


def expected(name: str, used: Fraction) -> tuple[Decimal, int, int]:
    """PFLOPS-hours, gross fen and public fen of one order."""
    pflops_hours = used * TFLOPS[name] / 1000 / 3600
    if name == "maker":
        gross = half_up(pflops_hours * YUAN_PER_PFLOPS_HOUR * 100)
    else:
        gross = half_up(used / 3600 * YUAN_PER_CARD_HOUR[name] * 100)
    micro = round(pflops_hours * 1_000_000)
    return Decimal(micro).scaleb(-6), gross, (gross * SHARE[name]).__floor__()


def test_the_demonstration_month(told, tmp_path, capsys):
    """One play, for it takes half a minute: the sums, the log, and who can be read in it."""
    the_month_is_paid_as_an_independent_computation_says(told)
    no_person_and_no_name_of_a_firm_can_be_read_in_the_log()
    assert findings() == []
    bundle = tmp_path / "log.bundle"
    call_command("export_log", str(bundle))
    assert verify([str(bundle)]) == 0
    assert "OK" in capsys.readouterr().out
    with pytest.raises(CommandError, match="空库"):
        call_command("seed_demo", "--inline")


def the_month_is_paid_as_an_independent_computation_says(told: dict) -> None:
    used = card_seconds()
    wanted = sorted(expected(name, used[name]) for name in ORDERS)
    got = sorted(
        (Decimal(each["pflops_hours"]), each["gross_fen"], each["public_fen"])
        for each in told["statements"]
    )
    assert got == wanted
    assert {each["state"] for each in told["statements"]} == {"paid"}
    assert Decimal(told["pflops_hours_settled"]) == sum(each[0] for each in wanted)
    redeemed = sum(each["redeemed_fen"] for each in told["vouchers"])
    assert redeemed == sum(each[2] for each in wanted)
    for each in told["vouchers"]:
        parts = each["balance_fen"] + each["held_fen"] + each["redeemed_fen"]
        assert parts == each["face_fen"]
    claims_agree(told, used["claim"])
    site = Report.objects.get(kind="bureau").content["evaluation"][0]
    assert (site["shown"], site["providers_filed"], site["providers"]) == ("1.230", 1, 2)
    kinds = [each["kind"] for each in told["reports"]]
    assert kinds == ["bureau", "provider", "provider", "enterprise", "statement", "payments"]
    assert all(Path(each["path"]).read_bytes()[:5] == b"%PDF-" for each in told["reports"])


def who_and_what() -> dict[str, str]:
    """Return all texts of the month that tell a person or a firm, and where they come from."""
    found = {}
    for model, names in (
        (get_user_model(), ("username", "display_name", "email", "person_hash")),
        (Enterprise, ("name", "bank_name")),
        (Provider, ("name", "contact", "bank_name", "applied_by_person")),
    ):
        for name in names:
            for value in model.objects.values_list(name, flat=True):
                found[str(value)] = f"{model.__name__}.{name}"
    for fact in EnterpriseFact.objects.all():
        if isinstance(fact.value, str):
            found[fact.value] = f"fact {fact.name}"
    roles = set(Group.objects.values_list("name", flat=True))  # accounts of the story wear them
    return {
        text: source
        for text, source in found.items()
        if text not in roles and (len(text) > 6 or not text.isascii())
    }


def no_person_and_no_name_of_a_firm_can_be_read_in_the_log() -> None:
    """Whatever the acts of the month knew of them: the log keeps row ids and digests.

    A firm is named once, where it registers, by the code under which the public register has it.
    """
    known = who_and_what()
    assert {source.split(".")[0] for source in known.values()} >= {"User", "Enterprise", "Provider"}
    entries = [
        (kind, bytes(body).decode()) for kind, body in LogEntry.objects.values_list("type", "body")
    ]
    text = "\n".join(body for _, body in entries)
    assert "payment.recorded" in text
    assert {source: each for each, source in known.items() if each in text} == {}
    codes = [each.uscc for each in (*Enterprise.objects.all(), *Provider.objects.all())]
    naming = {kind for kind, body in entries if any(code in body for code in codes)}
    assert naming == {"enterprise.register", "provider.apply"}

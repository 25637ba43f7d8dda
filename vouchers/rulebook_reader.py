"""Read an edition file into the typed rulebook, validated rule by rule.

Pure. The same text always gives the same digest, so a decision names the rules it was taken under.
A rule this house cannot carry out yet is refused by name, never ignored.

Source: vouchers/editions/*.toml.
"""

import hashlib
import json
import tomllib
from datetime import date, datetime
from typing import Any

from ledger.amounts import BASIS_POINTS
from ledger.refusals import Refused
from vouchers.rulebook import (
    USE_BASES,
    Allocation,
    Band,
    Bonus,
    Budget,
    Caps,
    Contract,
    Criterion,
    Declaration,
    Edition,
    Evidence,
    PayableUse,
    Ratio,
    Review,
    ScoreItem,
    Settlement,
    Stacking,
    Validity,
    Window,
    Windows,
)
from vouchers.rulebook_agreement import agree
from vouchers.tables import MOST_FEN, Table, refuse

KINDS = ("COMPUTE", "MODEL", "CORPUS")
MODES_KNOWN = {
    "INSTANT": "即用即抵",
    "CLAIM_AFTER": "先用后补",
    "DIRECT_AFTER_USE": "使用后直补",
}
ALLOCATION_RULES = ("FIRST_COME", "SCORED", "DRAW", "PRO_RATA")
FORMS = ("FLEX", "FIXED")
STACKING_RULES = ("NONE", "HIGHER_ONLY", "CUMULATIVE_CAP")
BONUS_GROUNDS = ("DOMESTIC", "YOUNG")
ROUNDINGS = ("TO_FEN_DOWN", "TO_YUAN_DOWN", "TO_YUAN_EACH_STEP")
TESTS = ("equals", "one_of", "is_true", "is_false", "at_least_yuan", "at_most_months")


def parse_edition(text: str) -> dict[str, Any]:
    """Read an edition file and return its rules as plain JSON values, validated.

    Raises:
        Refused: the text is no TOML, a rule is missing, unknown, or out of its range.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Refused(
            "edition_unreadable", f"方案文件不是合法的 TOML，请检查格式（{error}）。"
        ) from error
    rules: dict[str, Any] = json.loads(json.dumps(raw, default=_as_text, ensure_ascii=False))
    read_rules(rules)
    return rules


def digest_of(rules: dict[str, Any]) -> str:
    """Return the SHA-256 of the rules in canonical JSON (sorted keys, no blanks, UTF-8)."""
    text = json.dumps(rules, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def read_rules(rules: dict[str, Any]) -> Edition:
    """Return plain rules as a typed edition.

    Raises:
        Refused: a rule is missing, unknown, contradictory or not carried out by this house.
    """
    table = Table(rules, "")
    head = table.part("edition")
    edition = Edition(
        slug=head.text("slug"),
        edition_no=head.whole("edition_no", 1, 999),
        title=head.text("title"),
        kind=head.one_of("kind", KINDS),
        basis=head.text("basis"),
        demonstration=head.yes("demonstration"),
        effective_from=head.day("effective_from"),
        windows=_windows(table),
        ratio=_ratio(table.part("ratio")),
        caps=_caps(table.part("caps")),
        budget=_budget(table.part("budget")),
        allocation=_allocation(table.part("allocation")),
        validity=_validity(table.part("validity")),
        contract=_contract(table.part("contract")),
        settlement=_settlement(table.part("settlement")),
        stacking=_stacking(table.part("stacking")),
        review=_review(table.part("review")),
        criteria=tuple(_criterion(each) for each in table.parts("criterion")),
        evidence=tuple(_evidence(each) for each in table.parts("evidence")),
        declarations=tuple(_declaration(each) for each in table.parts("declaration")),
        purposes=tuple((p.text("code"), p.text("title")) for p in table.parts("purpose")),
        digest=digest_of(rules),
    )
    table.finish()
    agree(edition)
    return edition


def _as_text(value: Any) -> str:
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"no JSON form for {value!r}")


def _windows(table: Table) -> Windows:
    head = table.part("windows")
    items = tuple(
        Window(no, each.moment("opens_at"), each.moment("closes_at"))
        for no, each in enumerate(head.parts("window"), start=1)
    )
    ends = [moment for w in items for moment in (w.opens_at, w.closes_at)]
    if not items or ends != sorted(ends) or len(set(ends)) != len(ends):
        refuse("windows", "申报窗口须按时间先后排列，开始早于结束，互不重叠")
    return Windows(items, head.text("clause"))


def _ratio(part: Table) -> Ratio:
    bonuses = tuple(_bonus(each) for each in part.parts("bonus"))
    return Ratio(
        base_bp=part.bp("base_bp"),
        max_bp=part.bp("max_bp"),
        bonus_rule=part.one_of("bonus_rule", ("HIGHER_ONLY", "ADDITIVE")),
        bonuses=bonuses,
        clause=part.text("clause"),
    )


def _bonus(part: Table) -> Bonus:
    code = part.text("code")
    # Editions from before grounds were named knew one bonus that could hold.
    ground = "DOMESTIC" if code == "DOMESTIC" else ""
    return Bonus(
        code=code,
        title=part.text("title"),
        add_bp=part.bp("add_bp"),
        ground=part.one_of("ground", BONUS_GROUNDS) if part.has("ground") else ground,
        months=part.whole("months", 1, 120) if part.has("months") else 0,
        clause=part.text("clause"),
    )


def _caps(part: Table) -> Caps:
    return Caps(
        enterprise_year_fen=part.yuan("enterprise_year"),
        group_year_fen=part.yuan("group_year") if part.has("group_year") else None,
        contract_fen=part.yuan("contract") if part.has("contract") else None,
        min_contract_fen=part.yuan("min_contract"),
        min_contract_for=(
            part.one_of("min_contract_for", ("APPLICATION", "ORDER"))
            if part.has("min_contract_for")
            else "APPLICATION"
        ),
        clause=part.text("clause"),
    )


def _budget(part: Table) -> Budget:
    shares = part.part("shares_bp")
    return Budget(
        total_fen=part.yuan("total"),
        shares_bp={kind: shares.bp(kind) for kind in KINDS},
        warn_bp=part.bp("warn_bp"),
        stop_bp=part.bp("stop_bp"),
        clause=part.text("clause"),
    )


def _allocation(part: Table) -> Allocation:
    return Allocation(
        rule=part.one_of("rule", ALLOCATION_RULES),
        waitlist=part.yes("waitlist"),
        batch_size=part.whole("batch_size", 1, 10_000),
        min_score=part.whole("min_score", 0, 1000),
        scores=tuple(_score(each) for each in part.parts("score")),
        clause=part.text("clause"),
    )


def _score(part: Table) -> ScoreItem:
    points = part.whole("points", 1, 1000)
    bands = tuple(
        Band(b.whole("at_least", 0, MOST_FEN), b.whole("points", 0, points))
        for b in part.parts("band")
    )
    table = part.part("table") if part.has("table") else None
    return ScoreItem(
        code=part.text("code"),
        title=part.text("title"),
        fact=part.text("fact"),
        bands=bands,
        table=tuple((w, table.whole(w, 0, points)) for w in table.names()) if table else (),
        points=points,
        clause=part.text("clause"),
    )


def _validity(part: Table) -> Validity:
    return Validity(
        days=part.whole("days", 1, 3660),
        cut_off=part.day("cut_off"),
        claim_days=part.whole("claim_days", 0, 366),
        form=part.one_of("form", FORMS),
        denominations_fen=part.yuans("denominations"),
        reminder_days=part.wholes("reminder_days", 1, 366),
        clause=part.text("clause"),
    )


def _contract(part: Table) -> Contract:
    return Contract(
        signed_from=part.day("signed_from"),
        max_months=part.whole("max_months", 1, 60),
        eligible_skus=part.words("eligible_skus"),
        number_format=part.text("number_format"),
        clause=part.text("clause"),
    )


def _settlement(part: Table) -> Settlement:
    mode = part.one_of("mode", tuple(MODES_KNOWN))
    return Settlement(
        mode=mode,
        tax_basis=part.one_of("tax_basis", ("TAX_INCLUDED", "TAX_EXCLUDED")),
        day_count=part.one_of("day_count", ("END_MINUS_START", "INCLUSIVE")),
        rounding=part.one_of("rounding", ROUNDINGS),
        objection_working_days=part.whole("objection_working_days", 1, 60),
        price_cap_rule=part.one_of("price_cap_rule", ("MEDIAN_TIMES", "NONE")),
        price_cap_bp=part.whole("price_cap_bp", 0, 100_000),
        payable=_payable(part),
        clause=part.text("clause"),
    )


def _payable(part: Table) -> PayableUse:
    """Read which use is payable; editions that say nothing pay for all that was metered."""

    def most(name: str) -> int:
        return part.bp(name) if part.has(name) else BASIS_POINTS

    return PayableUse(
        bases=part.words("payable_bases") if part.has("payable_bases") else USE_BASES,
        failed_most_bp=most("failed_most_bp"),
        cancelled_most_bp=most("cancelled_most_bp"),
        clause=part.text("payable_clause") if part.has("payable_clause") else "",
    )


def _stacking(part: Table) -> Stacking:
    return Stacking(
        rule=part.one_of("rule", STACKING_RULES),
        cap_bp=part.bp("cap_bp"),
        clause=part.text("clause"),
    )


def _review(part: Table) -> Review:
    days = {
        name: part.whole(name, 1, 60)
        for name in (
            "accept_working_days",
            "review_working_days",
            "supplement_working_days",
            "notice_working_days",
            "issue_working_days",
            "joint_working_days",
            "objection_working_days",
            "reconsider_working_days",
        )
    }
    return Review(
        levels=part.whole("levels", 2, 2),
        auto_approve_limit_fen=part.yuan("auto_approve_limit"),
        random_check_bp=part.bp("random_check_bp"),
        joint_departments=part.words("joint_departments", some=False),
        draft_days=part.whole("draft_days", 1, 366),
        second_approver_from_fen=(
            part.yuan("second_approver_from") if part.has("second_approver_from") else None
        ),
        supplement_max_rounds=part.whole("supplement_max_rounds", 0, 9),
        fact_months=part.whole("fact_months", 1, 60),
        clawback_years=part.whole("clawback_years", 0, 20),
        related_party_bp=part.bp("related_party_bp"),
        credit_years=part.whole("credit_years", 0, 20),
        clause=part.text("clause"),
        **days,
    )


def _criterion(part: Table) -> Criterion:
    return Criterion(
        code=part.text("code"),
        title=part.text("title"),
        clause=part.text("clause"),
        fact=part.text("fact"),
        test=part.one_of("test", TESTS),
        value=part.anything("value"),
        hard=part.yes("hard"),
        hint=part.text("hint"),
    )


def _evidence(part: Table) -> Evidence:
    return Evidence(part.text("code"), part.text("title"), part.yes("required"), part.text("hint"))


def _declaration(part: Table) -> Declaration:
    return Declaration(part.text("code"), part.text("text"), part.text("clause"))

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
from ledger.periods import SHANGHAI
from ledger.refusals import Refused
from vouchers.rulebook import (
    Bonus,
    Budget,
    Caps,
    Contract,
    Criterion,
    Declaration,
    Edition,
    Evidence,
    Ratio,
    Review,
    Settlement,
    Stacking,
    Validity,
    Window,
    Windows,
)
from vouchers.tables import Table, refuse

KINDS = ("COMPUTE", "MODEL", "CORPUS")
MODES_READY = ("INSTANT",)
MODES_KNOWN = {
    "INSTANT": "即用即抵",
    "CLAIM_AFTER": "先用后补",
    "DIRECT_AFTER_USE": "使用后直补",
}
STACKING_RULES = ("NONE", "HIGHER_ONLY", "CUMULATIVE_CAP")
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
    _agree(edition)
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
    bonuses = tuple(
        Bonus(b.text("code"), b.text("title"), b.bp("add_bp"), b.text("clause"))
        for b in part.parts("bonus")
    )
    return Ratio(
        base_bp=part.bp("base_bp"),
        max_bp=part.bp("max_bp"),
        bonus_rule=part.one_of("bonus_rule", ("HIGHER_ONLY", "ADDITIVE")),
        bonuses=bonuses,
        clause=part.text("clause"),
    )


def _caps(part: Table) -> Caps:
    return Caps(
        enterprise_year_fen=part.yuan("enterprise_year"),
        contract_fen=part.yuan("contract") if part.has("contract") else None,
        min_contract_fen=part.yuan("min_contract"),
        clause=part.text("clause"),
    )


def _budget(part: Table) -> Budget:
    shares = part.part("shares_bp")
    return Budget(
        total_fen=part.yuan("total"),
        shares_bp={kind: shares.bp(kind) for kind in KINDS},
        warn_bp=part.bp("warn_bp"),
        stop_bp=part.bp("stop_bp"),
        allocation_rule=part.one_of("allocation_rule", ("FIRST_COME",)),
        clause=part.text("clause"),
    )


def _validity(part: Table) -> Validity:
    return Validity(
        days=part.whole("days", 1, 3660),
        cut_off=part.day("cut_off"),
        claim_days=part.whole("claim_days", 0, 366),
        form=part.one_of("form", ("FLEX",)),
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
    if mode not in MODES_READY:
        refuse(
            "settlement.mode",
            f"结算方式 {mode}（{MODES_KNOWN[mode]}）本系统已识别但尚不能办理，"
            "请改用 INSTANT（即用即抵）",
            code="mode_not_ready",
        )
    return Settlement(
        mode=mode,
        tax_basis=part.one_of("tax_basis", ("TAX_INCLUDED", "TAX_EXCLUDED")),
        day_count=part.one_of("day_count", ("END_MINUS_START", "INCLUSIVE")),
        rounding=part.one_of("rounding", ("TO_FEN_DOWN", "TO_YUAN_DOWN")),
        objection_working_days=part.whole("objection_working_days", 1, 60),
        price_cap_rule=part.one_of("price_cap_rule", ("MEDIAN_TIMES", "NONE")),
        price_cap_bp=part.whole("price_cap_bp", 0, 100_000),
        clause=part.text("clause"),
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
        )
    }
    return Review(
        levels=part.whole("levels", 2, 2),
        auto_approve_limit_fen=part.yuan("auto_approve_limit"),
        random_check_bp=part.bp("random_check_bp"),
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


def _agree(edition: Edition) -> None:
    """Refuse an edition whose parts contradict each other."""
    if edition.ratio.base_bp > edition.ratio.max_bp:
        refuse("ratio.base_bp", "基本比例不能高于最高比例")
    if sum(edition.budget.shares_bp.values()) != BASIS_POINTS:
        refuse("budget.shares_bp", "各券种预算占比相加须为 10000（100%）")
    if edition.budget.warn_bp > edition.budget.stop_bp:
        refuse("budget.warn_bp", "预警线不能高于停止线")
    if edition.caps.min_contract_fen > edition.caps.enterprise_year_fen * 10:
        refuse("caps.min_contract", "合同起点金额与企业年度上限不相称，请核对")
    last = edition.windows.items[-1].closes_at.astimezone(SHANGHAI).date()
    if edition.validity.cut_off < last:
        refuse("validity.cut_off", "用券截止日不能早于最后一个申报窗口的截止日")
    codes = [each.code for each in edition.criteria]
    if not codes or len(set(codes)) != len(codes):
        refuse("criterion.code", "资格条件不能为空，编号不能重复")

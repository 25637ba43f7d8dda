"""The rules against abuse that hold under every edition: each gives a finding or nothing.

Pure: what was looked up goes in, findings come out. A hard failure stops a case; a flag asks a
person. Codes follow the catalogue of the domain (AF01 related ... AF09 standing).

Units: basis points.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from vouchers.eligibility import FAIL, FLAG, Finding
from vouchers.related import Relation, percent
from vouchers.rulebook import Edition
from vouchers.standing import needs_a_person

CONFLICT_BP = 500  # U20: data that differ by more than 5 %
WHOLE_BP = 10_000
HIDDEN_CARD = ("未披露", "保密", "不便透露", "匿名", "暂不公开", "待定型号")
FIGURE_WORDS = {"employees": "从业人员", "revenue_fen": "营业收入", "assets_fen": "资产总额"}
NOT_IN_USE = "本次不予支持；使用其他合同，或撤回已有的申请后再申请。"


@dataclass(frozen=True)
class Known:
    """One finding's proof: what was seen, where it was seen, as of which day."""

    note: str
    source: str
    as_of: date

    def plain(self) -> dict[str, Any]:
        """Return the proof in the form of a fact of a verdict."""
        return {
            "name": "seen",
            "value": self.note,
            "source": self.source,
            "as_of": self.as_of.isoformat(),
            "note": self.note,
        }


def finding(
    code: str, title: str, clause: str, seen: Sequence[Known], *, hard: bool, change: str
) -> Finding:
    """Return a finding of one rule against abuse."""
    return Finding(
        code=code,
        title=title,
        clause=clause,
        outcome=FAIL if hard else FLAG,
        hard=hard,
        facts=tuple(each.plain() for each in seen),
        hint="" if hard else "由经办人核查后认定，理由记入办件。",
        change=change,
    )


def related_applicants(
    edition: Edition,
    group: Iterable[Relation],
    weak: Iterable[Relation],
    applicants: Mapping[str, str],
    today: date,
) -> list[Finding]:
    """AF01, AF05: others of the group, or sharing phone or address, apply in the same scheme.

    Args:
        edition: the rules.
        group: who belongs to the applicant by strong reasons.
        weak: who shares a weak mark.
        applicants: credit code -> name of the other applicants of the scheme.
        today: the day of the look.
    """
    told: list[Finding] = []
    strong = [
        Known(f"{applicants[each.other]}：{each.path}", "register", today)
        for each in group
        if each.other in applicants
    ]
    if strong:
        told.append(
            finding(
                "AF01",
                "关联企业合并计算上限",
                edition.caps.clause,
                strong,
                hard=False,
                change="关联企业合并计算年度上限；如关系已变更，请提供最新股权或登记证明。",
            )
        )
    hinted = [Known(each.path, "register", today) for each in weak if each.other in applicants]
    if hinted:
        told.append(
            finding(
                "AF05",
                "疑似拆分申请",
                edition.caps.clause,
                hinted,
                hard=False,
                change="请说明共用电话或地址的原因，并提供租赁合同等证明。",
            )
        )
    return told


def used_twice(
    edition: Edition, inside: Sequence[Known], outside: Sequence[Known]
) -> list[Finding]:
    """AF02: the same contract, invoice or file used by another application, or funded elsewhere."""
    told = []
    if inside:
        told.append(
            finding(
                "AF02",
                "同一合同重复申请",
                edition.stacking.clause,
                inside,
                hard=True,
                change=NOT_IN_USE,
            )
        )
    if outside:
        told.append(
            finding(
                "AF02b",
                "同一合同已获其他财政资金",
                edition.stacking.clause,
                outside,
                hard=edition.stacking.rule == "NONE",
                change="请在“其他财政资金”一栏如实填写已获金额，合计不超过规定比例。",
            )
        )
    return told


def own_provider(edition: Edition, why: str, today: date) -> list[Finding]:
    """AF03: the provider the applicant means to use is itself or of its group."""
    if not why:
        return []
    return [
        finding(
            "AF03",
            "意向服务商是申请人或其关联方",
            edition.contract.clause,
            [Known(why, "register", today)],
            hard=True,
            change="请改选无关联关系的服务商。",
        )
    ]


def bad_standing(
    edition: Edition, state: str, listed: Sequence[Known], today: date
) -> list[Finding]:
    """AF09: under watch, or on a list that asks for a look."""
    seen = list(listed)
    if needs_a_person(state) and state != "registered":
        seen.insert(0, Known("企业列入关注名单，每件申请由人工审核", "bureau", today))
    if not seen:
        return []
    return [
        finding(
            "AF09",
            "企业状态须人工核查",
            edition.review.clause,
            seen,
            hard=False,
            change="处罚履行完毕、移出名录或解除关注后不再提示。",
        )
    ]


def conflicting(
    edition: Edition, stated: Mapping[str, Any], other: Mapping[str, Any], seen: Known | None
) -> list[Finding]:
    """U20: figures of another office differ from what the enterprise stated by over 5 %."""
    if seen is None:
        return []
    told = [
        f"{word}：申报 {_shown(name, stated[name])}，{seen.note} {_shown(name, other[name])}，"
        f"相差 {percent(difference_bp(stated[name], other[name]))}"
        for name, word in FIGURE_WORDS.items()
        if stated.get(name) is not None
        and other.get(name) is not None
        and difference_bp(stated[name], other[name]) > CONFLICT_BP
    ]
    industry = other.get("industry")
    if industry and stated.get("industry") and stated["industry"] != industry:
        told.append(f"行业：申报 {stated['industry']}，{seen.note} {industry}（按登记行业划型）")
    if not told:
        return []
    lines = [Known(each, seen.source, seen.as_of) for each in told]
    return [
        finding(
            "AF12",
            "申报数据与其他部门数据不一致",
            edition.review.clause,
            lines,
            hard=False,
            change="请核对并更正申报数据，或附审计报告、完税证明说明差异。",
        )
    ]


def hidden_contract(edition: Edition, need: Mapping[str, Any], today: date) -> list[Finding]:
    """U17: a contract in foreign money, or one that names no cards, is seen by a person."""
    seen = []
    if need.get("currency") == "OTHER":
        seen.append("合同以外币计价")
    model = str(need.get("device_model") or "")
    if any(word in model for word in HIDDEN_CARD):
        seen.append(f"合同没有写明加速卡型号（{model}）")
    if not seen:
        return []
    return [
        finding(
            "AF07",
            "合同内容须人工核查",
            edition.contract.clause,
            [Known(each, "self", today) for each in seen],
            hard=False,
            change="请提供服务商出具的型号与人民币计价说明（加盖公章）。",
        )
    ]


def difference_bp(one: int, other: int) -> int:
    """Return by how much two figures differ, against the larger one, rounded down."""
    larger = max(abs(one), abs(other))
    return abs(one - other) * WHOLE_BP // larger if larger else 0


def _shown(name: str, value: int) -> str:
    if name == "employees":
        return f"{value} 人"
    return f"{value // 1_000_000}.{value % 1_000_000 // 10_000:02d} 万元"

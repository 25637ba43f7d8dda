"""What the parts of an edition owe each other: each contradiction is refused by its place.

Pure. A single value is judged where it is read; here stand the rules between values.
"""

from ledger.amounts import BASIS_POINTS
from ledger.periods import SHANGHAI
from vouchers.rulebook import USE_BASES, Allocation, Edition
from vouchers.tables import refuse

CODED = {
    "criterion": "资格条件",
    "evidence": "申请材料",
    "declaration": "声明",
    "purpose": "用途",
    "ratio.bonus": "加成",
    "allocation.score": "评分项",
}


def agree(edition: Edition) -> None:
    """Refuse an edition whose parts contradict each other.

    Raises:
        Refused: with the place in the file that must be mended.
    """
    _agree_on_money(edition)
    _agree_on_bonuses(edition)
    _agree_on_payable(edition)
    _agree_on_allocation(edition.allocation)
    _agree_on_validity(edition)
    for place, codes in _codes(edition):
        if not codes or len(set(codes)) != len(codes):
            refuse(f"{place}.code", f"{CODED[place]}不能为空，编号不能重复")


def _agree_on_money(edition: Edition) -> None:
    ratio, caps, budget = edition.ratio, edition.caps, edition.budget
    for place, amount_fen in (
        ("caps.enterprise_year", caps.enterprise_year_fen),
        ("budget.total", budget.total_fen),
    ):
        if amount_fen <= 0:
            refuse(place, "金额须大于零")
    if ratio.base_bp > ratio.max_bp:
        refuse("ratio.base_bp", "基本比例不能高于最高比例")
    if sum(budget.shares_bp.values()) != BASIS_POINTS:
        refuse("budget.shares_bp", "各券种预算占比相加须为 10000（100%）")
    if budget.warn_bp > budget.stop_bp:
        refuse("budget.warn_bp", "预警线不能高于停止线")
    if caps.min_contract_fen > caps.enterprise_year_fen * 10:
        refuse("caps.min_contract", "合同起点金额与企业年度上限不相称，请核对")
    if caps.group_year_fen is not None and caps.group_year_fen < caps.enterprise_year_fen:
        refuse("caps.group_year", "集团年度上限不能低于单家企业年度上限")


def _agree_on_bonuses(edition: Edition) -> None:
    for no, each in enumerate(edition.ratio.bonuses, start=1):
        if (each.ground == "YOUNG") != bool(each.months):
            refuse(
                f"ratio.bonus[{no}].months",
                "按成立时间加成的须填写月数，其他加成不能填写月数",
            )


def _agree_on_payable(edition: Edition) -> None:
    payable = edition.settlement.payable
    unknown = [each for each in payable.bases if each not in USE_BASES]
    if unknown:
        refuse(
            "settlement.payable_bases",
            f"“{unknown[0]}”不是计量口径，可选 {'、'.join(USE_BASES)}",
        )
    if not payable.everything and not payable.clause:
        refuse("settlement.payable_clause", "限定可支持的用量时须写明依据条款")


def _agree_on_allocation(allocation: Allocation) -> None:
    scored = allocation.rule == "SCORED"
    if scored != bool(allocation.scores):
        refuse("allocation.score", "评分分配（SCORED）须列出评分项，其他分配方式不能列评分项")
    if not scored and allocation.min_score:
        refuse("allocation.min_score", "只有评分分配（SCORED）可以设最低分，其他方式请写 0")
    if scored and allocation.min_score > sum(each.points for each in allocation.scores):
        refuse("allocation.min_score", "最低分不能高于各评分项满分之和")
    for no, each in enumerate(allocation.scores, start=1):
        place = f"allocation.score[{no}]"
        if bool(each.bands) == bool(each.table):
            refuse(place, "评分项须且只能按分段（band）或对照表（table）之一计分")
        steps = [band.at_least for band in each.bands]
        if steps != sorted(set(steps)):
            refuse(f"{place}.band", "分段起点须由小到大排列，不能重复")


def _agree_on_validity(edition: Edition) -> None:
    validity = edition.validity
    last = edition.windows.items[-1].closes_at.astimezone(SHANGHAI).date()
    if validity.cut_off < last:
        refuse("validity.cut_off", "用券截止日不能早于最后一个申报窗口的截止日")
    faces = validity.denominations_fen
    if (validity.form == "FIXED") != bool(faces):
        refuse("validity.denominations", "定额券（FIXED）须列出面额，额度券（FLEX）不能列面额")
    if list(faces) != sorted(set(faces)) or 0 in faces:
        refuse("validity.denominations", "面额须大于零，由小到大排列，不能重复")
    if list(validity.reminder_days) != sorted(set(validity.reminder_days), reverse=True):
        refuse("validity.reminder_days", "提醒天数须由大到小排列，不能重复")


def _codes(edition: Edition) -> list[tuple[str, list[str]]]:
    """Return every list whose items are told apart by a code, by its place in the file."""
    lists = [
        ("criterion", [each.code for each in edition.criteria]),
        ("evidence", [each.code for each in edition.evidence]),
        ("declaration", [each.code for each in edition.declarations]),
        ("purpose", [code for code, _ in edition.purposes]),
    ]
    if edition.ratio.bonuses:
        lists.append(("ratio.bonus", [each.code for each in edition.ratio.bonuses]))
    if edition.allocation.scores:
        lists.append(("allocation.score", [each.code for each in edition.allocation.scores]))
    return lists

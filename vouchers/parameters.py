"""The catalogue of everything an edition may say: chapter by chapter, title, kind, hint.

Pure. The editor asks by it, the comparison of two editions tells by it, the file is written in its
order; what it does not name the reader refuses. A new parameter is one line here, one field in
``rulebook`` and one line in ``rulebook_reader``.

Kinds: ``text long yes whole bp yuan day moment choice words wholes yuans value bands table``.
"""

from collections.abc import Iterator
from dataclasses import dataclass

Choices = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Parameter:
    """One value of an edition: its name in the file, what people call it, what it means."""

    name: str
    title: str
    kind: str = "text"
    hint: str = ""
    choices: Choices = ()
    optional: bool = False


@dataclass(frozen=True)
class Items:
    """A list of like tables, e.g. bonuses; told apart by ``key`` (or by place when empty)."""

    name: str
    title: str
    key: str
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True)
class Chapter:
    """One table of the file with what stands in it: values, tables below it, lists."""

    code: str
    title: str
    parameters: tuple[Parameter, ...] = ()
    items: Items | None = None
    below: tuple[str, tuple[Parameter, ...]] | None = None
    listed: bool = False  # the chapter itself is a list at the top of the file

    def flat(self) -> Iterator[Parameter]:
        """Return the values of the chapter that are no lists, those of the table below last."""
        yield from self.parameters
        if self.below:
            yield from self.below[1]


KINDS: Choices = (("COMPUTE", "算力券"), ("MODEL", "模型券"), ("CORPUS", "语料券"))
CLAUSE = Parameter("clause", "依据条款", hint="这一章规则所依据的条款，例如：第四条（支持比例）。")
CODE = Parameter("code", "编号", hint="大写字母、数字和下划线；发布后用来区分各项，不要重复使用。")
TITLE = Parameter("title", "名称")
HINT = Parameter("hint", "提示", "long", "申请人看到的说明：不满足时应当怎么做。")
FACTS = (
    "可用事实：uscc_flag、registered_district、tax_district、sme_class、dishonest、"
    "large_controlled、related_party、purpose、planned_total_fen（分）、planned_months、"
    "within_award、facts_current、evidence_complete、"
    "model_filed、data_product_listed。"
)


def _days(name: str, title: str, hint: str = "") -> Parameter:
    return Parameter(name, f"{title}（工作日）", "whole", hint)


CHAPTERS: tuple[Chapter, ...] = (
    Chapter(
        "edition",
        "基本情况",
        (
            TITLE,
            Parameter("kind", "券种", "choice", choices=KINDS),
            Parameter("basis", "政策依据", "long", "文件名称和文号。"),
            Parameter("effective_from", "施行日期", "day", "例如：2026-07-01。"),
            Parameter("demonstration", "演示数据", "yes", "演示方案在页面上注明，不作正式依据。"),
        ),
    ),
    Chapter(
        "windows",
        "申报窗口",
        (CLAUSE,),
        Items(
            "window",
            "窗口",
            "",
            (
                Parameter("opens_at", "开始", "moment", "北京时间，例如：2026-07-01 09:00。"),
                Parameter("closes_at", "截止", "moment", "北京时间，例如：2026-12-31 17:00。"),
            ),
        ),
    ),
    Chapter(
        "ratio",
        "支持比例与加成",
        (
            Parameter("base_bp", "基本比例（%）", "bp", "例如：30。"),
            Parameter("max_bp", "最高比例（%）", "bp", "加成后不超过这一比例。"),
            Parameter(
                "bonus_rule",
                "加成规则",
                "choice",
                choices=(("HIGHER_ONLY", "只取最高一项"), ("ADDITIVE", "各项相加")),
            ),
            CLAUSE,
        ),
        Items(
            "bonus",
            "加成",
            "code",
            (
                CODE,
                TITLE,
                Parameter("add_bp", "增加（百分点）", "bp"),
                Parameter("ground", "加成条件", "choice", "编号为 DOMESTIC 的可以不选。",
                          optional=True,
                          choices=(("DOMESTIC", "使用国产加速卡"),
                                   ("YOUNG", "申请时成立不满规定月数"))),
                Parameter("months", "不满几个月", "whole",
                          "只用于按成立时间加成，例如 12。", optional=True),
                CLAUSE,
            ),
        ),
    ),
    Chapter(
        "caps",
        "支持上限",
        (
            Parameter("enterprise_year", "单家企业年度上限（元）", "yuan"),
            Parameter("group_year", "集团年度上限（元）", "yuan",
                      "同一控制人下各企业合计；不设请留空。", optional=True),
            Parameter("contract", "单个合同上限（元）", "yuan", "不设请留空。", optional=True),
            Parameter("min_contract", "合同起点金额（元）", "yuan"),
            Parameter("min_contract_for", "起点金额的适用", "choice",
                      "不选时只在申请时按预计合同金额核对。", optional=True,
                      choices=(("APPLICATION", "只核对申请"), ("ORDER", "每笔订单也须达到"))),
            CLAUSE,
        ),
    ),
    Chapter(
        "budget",
        "资金安排",
        (
            Parameter("total", "预算总额（元）", "yuan"),
            Parameter("warn_bp", "预警线（%）", "bp", "已发与已占用达到这一比例时提醒。"),
            Parameter("stop_bp", "停止线（%）", "bp", "达到这一比例时不再受理。"),
            CLAUSE,
        ),
        below=("shares_bp", tuple(Parameter(k, f"{t}占比（%）", "bp") for k, t in KINDS)),
    ),
    Chapter(
        "allocation",
        "额度分配",
        (
            Parameter(
                "rule",
                "分配方式",
                "choice",
                choices=(
                    ("FIRST_COME", "按提交先后"),
                    ("SCORED", "窗口期满后评分"),
                    ("DRAW", "公开摇号"),
                    ("PRO_RATA", "按比例压减"),
                ),
            ),
            Parameter("waitlist", "额度不足时候补", "yes", "候补的申请在额度退回后依次递补。"),
            Parameter("batch_size", "每批处理件数", "whole", "1 到 10000。"),
            Parameter("min_score", "最低分", "whole", "只用于评分；其他方式填 0。"),
            CLAUSE,
        ),
        Items(
            "score",
            "评分项",
            "code",
            (
                CODE,
                TITLE,
                Parameter("fact", "依据的事实", hint=FACTS),
                Parameter("points", "满分", "whole"),
                Parameter("band", "分段", "bands", "每行：起点 分数，由小到大。", optional=True),
                Parameter("table", "对照表", "table", "每行：取值 分数；与分段只填一种。",
                          optional=True),
                CLAUSE,
            ),
        ),
    ),
    Chapter(
        "validity",
        "面额与有效期",
        (
            Parameter("form", "券的形式", "choice",
                      choices=(("FLEX", "额度券（分次使用）"), ("FIXED", "定额券（固定面额）"))),
            Parameter("denominations", "面额（元）", "yuans", "定额券填写，每行一个，由小到大。"),
            Parameter("days", "有效天数", "whole", "自发券之日起。"),
            Parameter("cut_off", "用券截止日", "day", "不论何时发券，最晚到这一天。"),
            Parameter("claim_days", "到期后申报期（天）", "whole", "有效期内的用量在此期内结算。"),
            Parameter("reminder_days", "到期提醒（天）", "wholes", "到期前几天提醒，由大到小。"),
            CLAUSE,
        ),
    ),
    Chapter(
        "contract",
        "服务合同",
        (
            Parameter("signed_from", "合同签订不早于", "day"),
            Parameter("max_months", "合同最长月数", "whole"),
            Parameter("eligible_skus", "可支持的服务类别", "words",
                      "每行一个，例如：ACCELERATOR（加速卡）、INFERENCE_API（模型接口）、"
                      "CORPUS（语料）。"),
            Parameter("number_format", "折算口径", hint="例如：FP16_DENSE。"),
            CLAUSE,
        ),
    ),
    Chapter(
        "settlement",
        "结算",
        (
            Parameter("mode", "结算方式", "choice",
                      choices=(("INSTANT", "即用即抵"), ("CLAIM_AFTER", "先用后补"),
                               ("DIRECT_AFTER_USE", "使用后直补"))),
            Parameter("tax_basis", "金额口径", "choice",
                      choices=(("TAX_INCLUDED", "含税"), ("TAX_EXCLUDED", "不含税"))),
            Parameter("day_count", "天数计算", "choice",
                      choices=(("END_MINUS_START", "止减起"), ("INCLUSIVE", "首尾都算"))),
            Parameter("rounding", "取整", "choice",
                      choices=(("TO_FEN_DOWN", "舍到分"), ("TO_YUAN_DOWN", "舍到元"),
                               ("TO_YUAN_EACH_STEP", "每一步都舍到元"))),
            _days("objection_working_days", "对账单异议期"),
            Parameter("price_cap_rule", "限价方式", "choice",
                      choices=(("MEDIAN_TIMES", "备案价中位数的倍数"), ("NONE", "不限价"))),
            Parameter("price_cap_bp", "限价倍数（%）", "bp", "例如：120 表示中位数的 1.2 倍。"),
            Parameter("payable_bases", "可支持的计量口径", "words",
                      "每行一个：allocated（分配）、reserved（预留）、utilised（占用）。"
                      "不填就都支持。", optional=True),
            Parameter("failed_most_bp", "失败作业最多支持（%）", "bp",
                      "占该订单当月用量的比例；0 表示不支持，不填表示都支持。", optional=True),
            Parameter("cancelled_most_bp", "取消或被抢占作业最多支持（%）", "bp",
                      "同上。", optional=True),
            Parameter("payable_clause", "可支持用量的依据条款", optional=True),
            CLAUSE,
        ),
    ),
    Chapter(
        "stacking",
        "不重复支持",
        (
            Parameter("rule", "叠加规则", "choice",
                      choices=(("NONE", "不得叠加"), ("HIGHER_ONLY", "就高不重复"),
                               ("CUMULATIVE_CAP", "合计封顶"))),
            Parameter("cap_bp", "合计上限（%）", "bp", "各级财政资金合计占合同金额的比例。"),
            CLAUSE,
        ),
    ),
    Chapter(
        "review",
        "审核与公示",
        (
            Parameter("levels", "审核层级", "whole", "初审和复审两级。"),
            Parameter("auto_approve_limit", "快速通道限额（元）", "yuan",
                      "不超过这一金额且自动核验通过的，可以批量确认。"),
            Parameter("random_check_bp", "快速通道抽查比例（%）", "bp"),
            Parameter("second_approver_from", "双人审定起点（元）", "yuan",
                      "达到这一金额须两人审定；不设请留空。", optional=True),
            _days("accept_working_days", "受理期限"),
            _days("review_working_days", "审核期限"),
            _days("supplement_working_days", "补正期限"),
            Parameter("supplement_max_rounds", "补正次数上限", "whole"),
            Parameter("joint_departments", "联审部门", "words", "每行一个；不联审请留空。"),
            _days("joint_working_days", "联审期限"),
            _days("notice_working_days", "公示期"),
            _days("objection_working_days", "异议核查期限"),
            _days("reconsider_working_days", "申请复核期限"),
            _days("issue_working_days", "发券期限"),
            Parameter("draft_days", "草稿保留天数", "whole"),
            Parameter("fact_months", "企业资料有效月数", "whole"),
            Parameter("related_party_bp", "关联关系持股比例（%）", "bp", "达到即为关联。"),
            Parameter("credit_years", "信用核查年数", "whole"),
            Parameter("clawback_years", "追回年限", "whole"),
            CLAUSE,
        ),
    ),
    Chapter(
        "criterion",
        "资格条件",
        items=Items(
            "criterion",
            "条件",
            "code",
            (
                CODE,
                TITLE,
                Parameter("fact", "依据的事实", hint=FACTS),
                Parameter("test", "判断方式", "choice",
                          choices=(("equals", "等于"), ("one_of", "属于其中之一"),
                                   ("is_true", "为是"), ("is_false", "为否"),
                                   ("at_least_yuan", "不低于（元）"),
                                   ("at_most_months", "不超过（月）"))),
                Parameter("value", "比较值", "value", "“属于其中之一”每行一个；判断是否的可留空。"),
                Parameter("hard", "硬性条件", "yes", "硬性条件不满足即不予受理；否则由人工认定。"),
                HINT,
                CLAUSE,
            ),
        ),
        listed=True,
    ),
    Chapter(
        "evidence",
        "申请材料",
        items=Items("evidence", "材料", "code",
                    (CODE, TITLE, Parameter("required", "必备", "yes"), HINT)),
        listed=True,
    ),
    Chapter(
        "declaration",
        "承诺事项",
        items=Items("declaration", "承诺", "code",
                    (CODE, Parameter("text", "承诺内容", "long"), CLAUSE)),
        listed=True,
    ),
    Chapter("purpose", "用途", items=Items("purpose", "用途", "code", (CODE, TITLE)), listed=True),
)  # fmt: skip

BY_CODE = {each.code: each for each in CHAPTERS}

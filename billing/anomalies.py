"""What is odd about a month, by type: what it means, what is usually done, and where.

Some of it keeps the month from being cut off, some of that may go over to a later month, some only
wants a look; nothing is written here. Which is which: decision 0225.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection
from django.db.models import Count

from billing.models import Objection
from billing.settling import CARRIABLE, standing_in_the_way
from ledger.periods import Month
from providers.models import Finding, Provider


@dataclass(frozen=True)
class Meaning:
    """What a type of anomaly is called, means, and what is done about it by default."""

    title: str
    means: str
    action: str
    address: str
    with_month: bool = False


_WAITING = "office_usage_waiting"
MEANINGS = {
    "gap": Meaning(
        "缺报",
        "应上报的日子没有上报，也没有零申报。",
        "请服务商补报；确无用量的，由两人办理缺口说明。",
        "office_gaps",
        with_month=True,
    ),
    "conflict": Meaning(
        "冲突",
        "记录编号相同而内容不同，两份都没有覆盖对方。",
        "核对后采用其中一份，另一份由服务商更正。",
        "office_held",
    ),
    "compromised_key": Meaning(
        "密钥可疑",
        "批次由可能已泄露的密钥签名。",
        "逐批向服务商核实后放行或退回。",
        "office_flagged",
    ),
    "suspect_repeat": Meaning(
        "重复",
        "换了编号，内容与已入账的记录相同。",
        "两人办理：确属重复的不予入账。",
        _WAITING,
    ),
    "late_correction": Meaning(
        "迟报更正",
        "更正的是已截止月份的记录。",
        "两人办理后在本期冲减；也可以转入下期。",
        "office_desk",
    ),
    "over_hold": Meaning(
        "超余额",
        "用量超过订单占用的额度。",
        "请企业追加占用，或转入下期。",
        _WAITING,
    ),
    "over_capacity": Meaning(
        "超过算力规模",
        "上报用量多于登记的设备所能提供。",
        "请服务商说明或补登设备，退回多报部分。",
        _WAITING,
    ),
    "no_capacity": Meaning(
        "规模未登记",
        "服务商没有登记该型号的算力规模。",
        "请服务商登记，由两人确认后自动入账。",
        _WAITING,
    ),
    "unknown_model": Meaning(
        "型号未登记",
        "加速卡型号不在登记表中。",
        "登记型号或别名后自动入账。",
        _WAITING,
    ),
    "no_rate": Meaning(
        "没有折算系数",
        "型号在用量发生时没有有效的折算系数。",
        "核定系数后自动入账。",
        _WAITING,
    ),
    "open": Meaning(
        "未结束",
        "记录没有结束时间。",
        "请服务商补报结束时间；也可以转入下期。",
        _WAITING,
    ),
    "under_review": Meaning(
        "正在核查",
        "服务商正被核查，其上报暂缓入账。",
        "核查结束后放行；也可以转入下期。",
        _WAITING,
    ),
    "objection": Meaning(
        "异议",
        "企业或服务商对明细有异议，该行暂扣。",
        "处理后签发；未处理的行不付款，其余照常。",
        "office_statements",
        with_month=True,
    ),
    "rejected": Meaning(
        "退回",
        "记录不合格被退回，服务商还没有改好重报。",
        "提醒服务商；截止后重报的计入下期。",
        "office_batches",
    ),
    "finding": Meaning(
        "疑点",
        "用量看起来不寻常，尚无人认定。",
        "核实后认定属实，或请服务商说明。",
        "office_findings",
    ),
}
STOPS, CARRIES, TELLS = "须先处理", "须先处理，或转入下期", "只作提示"
COLOURS = {STOPS: "red", CARRIES: "orange", TELLS: "grey"}


@dataclass(frozen=True)
class Item:
    """One line: whose, how many, in words."""

    who: str
    count: int
    text: str


@dataclass
class Group:
    """All anomalies of one type in a month."""

    kind: str
    meaning: Meaning
    stops: bool
    items: list[Item] = field(default_factory=list)

    @property
    def rule(self) -> str:
        """Say what the type does to the cut-off: stop it, stop it unless carried over, nothing."""
        if not self.stops:
            return TELLS
        return CARRIES if self.kind in CARRIABLE else STOPS

    @property
    def colour(self) -> str:
        """Return the colour of the rule's tag."""
        return COLOURS[self.rule]

    @property
    def count(self) -> int:
        """Return how many there are in all."""
        return sum(each.count for each in self.items)


def anomalies(month: Month, *, at: datetime) -> list[Group]:
    """Return the anomalies of a month by type: first what stops the cut-off, then the rest."""
    found: dict[str, Group] = {}
    for each in standing_in_the_way(month, carry_held=False, at=at):
        item = Item(each.provider.name, each.count, each.text)
        _group(found, each.kind, stops=True).items.append(item)
    for kind, items in (
        ("objection", _objections(month)),
        ("rejected", _rejected(month)),
        ("finding", _findings(month)),
    ):
        for item in items:
            _group(found, kind, stops=False).items.append(item)
    order = list(MEANINGS)
    return sorted(found.values(), key=lambda each: (not each.stops, order.index(each.kind)))


def _group(found: dict[str, Group], kind: str, *, stops: bool) -> Group:
    known = kind if kind in MEANINGS else "under_review"
    return found.setdefault(known, Group(known, MEANINGS[known], stops))


def _objections(month: Month) -> Iterator[Item]:
    """Yield the open objections to statements of the month and of those before it."""
    waiting = Objection.objects.filter(statement__month__lte=str(month), state="open")
    for each in waiting.select_related("statement__enterprise").order_by("raised_at"):
        text = f"{each.statement.statement_no} {each.get_side_display()}提出：{each.reason}"
        yield Item(each.statement.enterprise.name, 1, text)


# A record that was sent again under its own number, and counted or waits, is no longer open.
_REJECTED = """
SELECT b.provider_id, count(DISTINCT r.record_id)
  FROM providers_batchrow r
  JOIN providers_usagebatch b ON b.id = r.batch_id AND b.livemode
 WHERE r.outcome = 'rejected' AND r.record_id <> ''
   AND b.received_at >= %(start)s AND left(r.given ->> 'started_at', 7) = %(month)s
   AND NOT EXISTS (SELECT 1 FROM providers_usagerecord u
                    WHERE u.provider_id = b.provider_id AND u.livemode
                      AND u.record_id = r.record_id)
 GROUP BY 1
"""


def _rejected(month: Month) -> Iterable[Item]:
    with connection.cursor() as cursor:
        cursor.execute(_REJECTED, {"start": month.start_at, "month": str(month)})
        counts = dict(cursor.fetchall())
    names = Provider.objects.filter(pk__in=counts).order_by("uscc")
    return [Item(each.name, counts[each.pk], f"{counts[each.pk]} 条退回未重报") for each in names]


def _findings(month: Month) -> Iterable[Item]:
    counts = Finding.objects.undecided().filter(month=str(month)).order_by()
    rows = counts.values_list("provider__name", "kind").annotate(Count("pk"))
    words = dict(Finding.Kind.choices)
    return [Item(who, count, f"{count} 项{words[kind]}") for who, kind, count in sorted(rows)]

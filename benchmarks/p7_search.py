"""One search box over all enterprises, 95th of 100 questions, beside a plain LIKE over the names.

Four questions in turn: first letters, two characters of a name, a credit code with spaces in
lower case, a name nobody has. The floor asks only for a part of the name, so it finds less.
"""

import random
from itertools import cycle

from django.db import connection

from benchmarks.p7_balances import Measured, slow_of
from ledger.clock import now
from ledger.identifiers import new_id
from vouchers import searching
from vouchers.models import Enterprise

UNIT = "questions"
GOAL = ">= 1"
SIZES = (10_000, 100_000)
RATIO = "rate"
KINDS = ("application", "enterprise", "voucher", "provider", "statement")
FIRST = "智能 云算 数联 海普 真如 长风 曹杨 桃浦 万里 宜川 光年 星河 明德 华创 天工 启元"
SECOND = "芯片 语料 模型 视觉 医疗 制造 物流 教育 金融 能源 材料 生物 软件 网络 信息 传感"
THIRD = "科技 数据 计算 信息技术 智能科技 网络科技"
PARTS = [words.split() for words in (FIRST, SECOND, THIRD)]
LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
AT_ONCE = 5_000


def prepare(size: int) -> list[str]:
    """Write so many enterprises with their search rows; return the questions."""
    dice = random.Random(size)
    for first in range(0, size, AT_ONCE):
        firms = [_firm(dice, number) for number in range(first, min(size, first + AT_ONCE))]
        Enterprise.objects.bulk_create(firms)
        searching.keep(*(searching.enterprise_entry(each) for each in firms))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE vouchers_searchrow")
        cursor.execute("VACUUM ANALYZE vouchers_enterprise")
    code = Enterprise.objects.order_by("uscc")[size // 2].uscc.lower()
    return ["shznxp", "真如", f"{code[:4]} {code[4:10]} {code[10:]}", "没有这家"]


prepare_floor = prepare


def ours(questions: list[str]) -> Measured:
    """Ask as the page asks."""
    turn = cycle(questions)
    return slow_of(lambda: searching.find(next(turn), KINDS))


def floor(questions: list[str]) -> Measured:
    """Ask for a part of the name, as a list without an index does."""
    turn = cycle(questions)
    return slow_of(lambda: list(Enterprise.objects.filter(name__icontains=next(turn))[:8]))


def _firm(dice: random.Random, number: int) -> Enterprise:
    name = "".join(dice.choice(part) for part in PARTS)
    code = "91310107MA" + "".join(dice.choices(LETTERS, k=3)) + f"{number:05d}"
    return Enterprise(id=new_id(), name=f"上海{name}有限公司", uscc=code, registered_at=now())

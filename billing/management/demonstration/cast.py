"""Who plays: invented people, firms and providers. Every name says that it is a demonstration.

Credit codes carry valid check characters over an invented body (``FAKE``), so they can never be
taken for a real firm's.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.core.management import call_command

from ledger.actors import Actor
from ledger.periods import SHANGHAI


@dataclass(frozen=True)
class Person:
    """One natural person of the story with the account they use.

    Args:
        username: login.
        name: shown name.
        role: bureau group, or the seat that they are given later.
        does: what the login page says they do.
    """

    username: str
    name: str
    role: str
    does: str


@dataclass(frozen=True)
class Firm:
    """An enterprise of the story and what it answers on its application.

    Units: revenue and assets in 万元 as typed; price in yuan per card-hour; requested in yuan.
    """

    name: str
    uscc: str
    username: str
    industry: str
    employees: str
    revenue_wan: str
    project: str
    device: str
    domestic: bool
    card_hours: str
    unit_price: str
    requested: str
    district: str = "310107"
    street: str = "桃浦镇"


BUREAU = (
    Person("reviewer", "李审核（演示）", "reviewer", "区数据局 · 受理与初审"),
    Person("approver", "王复审（演示）", "approver", "区数据局 · 复审、审定与发券"),
    Person("approver2", "吴审定（演示）", "approver", "区数据局 · 第二位复审人"),
    Person("finance", "赵财务（演示）", "finance", "区数据局 · 预算、月结编制"),
    Person("finance2", "钱出纳（演示）", "finance", "区数据局 · 拨付登记"),
    Person("finance3", "郑国库（演示）", "finance", "区财政局 · 拨付批准"),
    Person("auditor", "孙审计（演示）", "auditor", "审计 · 只读"),
    Person("platform", "周运维（演示）", "platform", "平台管理 · 无业务权限"),
)

#: Who signs for all others.
FOUNDERS = ("platform", "approver")

DELTA = Firm(
    "上海示例智能科技有限公司（演示）", "91310107MAFAKE0195", "sme1", "I6513", "86", "4200",
    "工业质检视觉模型训练", "昇腾 910B", domestic=True, card_hours="40000", unit_price="6.00",
    requested="96000.00",
)  # fmt: skip
SAMPLE = Firm(
    "普陀样例数据服务有限公司（演示）", "91310107MAFAKE115E", "sme2", "I6550", "9", "160",
    "语料清洗与小模型微调", "NVIDIA L40S", domestic=False, card_hours="6000", unit_price="5.80",
    requested="10440.00", street="真如镇街道",
)  # fmt: skip
MAKER = Firm(
    "上海演示精密制造有限公司（演示）", "91310107MAFAKE1239", "sme3", "C3989", "320", "15000",
    "仿真加速与缺陷检测推理", "NVIDIA A800", domestic=False, card_hours="25000",
    unit_price="5.60", requested="42000.00", street="长征镇",
)  # fmt: skip
MONTH_FIRMS = (DELTA, SAMPLE, MAKER)

#: Pays first and claims its share: the firm of the scheme that pays after use.
CLAIMING = Firm(
    "上海示范生物计算有限公司（演示）", "91310107MAFAKE22XF", "sme10", "I6513", "54", "2600",
    "蛋白质结构预测模型训练", "昇腾 910B", domestic=True, card_hours="8000", unit_price="6.00",
    requested="12000.00", street="宜川路街道",
)  # fmt: skip

WAITING = Firm(
    "演示：待受理科技有限公司", "91310107MAFAKE1314", "sme4", "I6513", "42", "1800",
    "客服大模型微调", "昇腾 910B", domestic=True, card_hours="8000", unit_price="6.00",
    requested="19200.00", street="长寿路街道",
)  # fmt: skip
SECOND = Firm(
    "演示：待复审数据有限公司", "91310107MAFAKE14XU", "sme5", "I6560", "120", "5200",
    "多模态检索推理", "NVIDIA L40S", domestic=False, card_hours="12000", unit_price="5.80",
    requested="20880.00", street="万里街道",
)  # fmt: skip
NOTICED = Firm(
    "演示：公示期满软件有限公司", "91310107MAFAKE158U", "sme6", "I6513", "66", "2400",
    "代码助手训练", "NVIDIA A800", domestic=False, card_hours="10000", unit_price="5.60",
    requested="16800.00", street="曹杨新村街道",
)  # fmt: skip
DRAFTING = Firm(
    "演示：填写中智造有限公司", "91310107MAFAKE166N", "sme7", "C3912", "210", "9800",
    "产线数字孪生", "昇腾 910B", domestic=True, card_hours="9000", unit_price="6.00",
    requested="21600.00",
)  # fmt: skip
OUTSIDE = Firm(
    "演示：区外企业有限公司", "91310115MAFAKE211A", "sme8", "I6513", "30", "900",
    "文档问答推理", "NVIDIA L40S", domestic=False, card_hours="5000", unit_price="5.80",
    requested="8700.00", district="310115", street="不在普陀区",
)  # fmt: skip
MENDING = Firm(
    "演示：待补正信息有限公司", "91310107MAFAKE174H", "sme9", "I6540", "18", "330",
    "语音识别微调", "NVIDIA L40S", domestic=False, card_hours="4000", unit_price="5.80",
    requested="6960.00", street="甘泉路街道",
)  # fmt: skip


class Cast:
    """The accounts of everybody in the story, and how they sign."""

    def __init__(self) -> None:
        """Make one password for this installation; it is shown, never built in."""
        self.password = f"demo-{secrets.token_hex(4)}"
        self.people: dict[str, Person] = {}
        self.users: dict[str, Any] = {}
        self._hashed = make_password(self.password)

    def enter(self, person: Person) -> Any:
        """Give a person an account."""
        user = get_user_model().objects.create(
            username=person.username,
            display_name=person.name,
            email=f"{person.username}@demo.example",
            person_hash=hashlib.sha256(f"demonstration:{person.username}".encode()).hexdigest(),
            password=self._hashed,
        )
        self.people[person.username] = person
        self.users[person.username] = user
        return user

    def staff(self) -> None:
        """Give the people of the bureau their accounts, and their roles as two persons may."""
        for person in BUREAU:
            self.enter(person)
        founders_first = sorted(BUREAU, key=lambda each: each.username not in FOUNDERS)
        roles = [f"{each.username}={each.role}" for each in founders_first]
        call_command("found_bureau", *roles, demonstration=True, verbosity=0)

    def actor(self, username: str) -> Actor:
        """Return a person as the actor of an act."""
        user, person = self.users[username], self.people[username]
        return Actor(
            kind="user",
            id=str(user.pk),
            name=user.display_name,
            role=person.role,
            person=user.person_hash,
        )

    def logins(self) -> list[dict[str, str]]:
        """Return what the login page shows."""
        return [
            {"role": f"{person.does} · {person.name}", "username": name, "password": self.password}
            for name, person in self.people.items()
        ]


def when(text: str) -> datetime:
    """Return a Shanghai moment of the story, ``"2026-09-01 10:00"``."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def later(moment: datetime, **step: int) -> datetime:
    """Return a moment a little later."""
    return moment + timedelta(**step)

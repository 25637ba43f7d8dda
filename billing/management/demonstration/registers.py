"""The registers of the story: who owns whom, who holds a certificate, one file that waits."""

from billing.management.demonstration.cast import DELTA, SAMPLE, Cast, later, when
from vouchers.registering import confirm_import, prepare_import

HOLDING = (
    "shareholding",
    "统一社会信用代码,名称,股东代码,股东名称,持股比例（%）\r\n"
    f"{SAMPLE.uscc},{SAMPLE.name},{DELTA.uscc},{DELTA.name},30\r\n",
    "区市场监督管理局（演示）",
)
CERTIFICATES = (
    "certificate",
    "统一社会信用代码,名称,资质,证书编号,有效期起,有效期止\r\n"
    f"{DELTA.uscc},{DELTA.name},高新技术企业,GR-演示-001,2025-12-01,2028-11-30\r\n",
    "市科学技术委员会（演示）",
)
WAITING = (
    "large",
    "统一社会信用代码,名称\r\n91310115MAFAKE06XT,演示大型集团有限公司\r\n",
    "区统计局（演示）",
)


def load(cast: Cast) -> None:
    """Import two registers by two people, and leave a third for somebody to confirm."""
    at = when("2026-09-10 09:00")
    for minute, (kind, text, source) in enumerate((HOLDING, CERTIFICATES, WAITING)):
        batch = prepare_import(
            kind,
            text.encode(),
            file_name=f"{kind}-演示.csv",
            source=source,
            as_of=at.date(),
            actor=cast.actor("reviewer"),
            at=later(at, minutes=minute),
        )
        if kind != WAITING[0]:
            confirm_import(batch, actor=cast.actor("approver"), at=later(at, minutes=30 + minute))

"""Further cases, each named for the state it shows, so that a visitor can do the next step."""

from billing.management.demonstration import support
from billing.management.demonstration.cast import (
    DRAFTING,
    MENDING,
    NOTICED,
    OUTSIDE,
    SECOND,
    WAITING,
    Cast,
    later,
    when,
)
from vouchers import reviewing
from vouchers.models import Programme


def open_cases(cast: Cast, programme: Programme) -> list[tuple[str, str]]:
    """Bring six more firms to six different points; return (what it shows, who acts next)."""
    noticed = support.submit(cast, NOTICED, programme, when("2026-10-19 09:30"))
    noticed = support.recommend(cast, noticed, when("2026-10-21 10:00"))
    support.notice(cast, [noticed], when("2026-11-02 10:00"))

    outside = support.submit(cast, OUTSIDE, programme, when("2026-11-03 09:30"))
    outside = reviewing.accept_application(
        outside, actor=cast.actor("reviewer"), at=when("2026-11-04 10:00")
    )
    outside = reviewing.first_review(
        outside,
        "reject",
        reason="注册地和税收户管地均不在普陀区，建议咨询浦东新区或市级平台。",
        clause="演示方案第二条第二项",
        actor=cast.actor("reviewer"),
        at=when("2026-11-04 14:00"),
    )
    reviewing.second_review(
        outside, "agree", actor=cast.actor("approver"), at=when("2026-11-05 10:00")
    )

    mending = support.submit(cast, MENDING, programme, when("2026-11-09 09:30"))
    mending = reviewing.accept_application(
        mending, actor=cast.actor("reviewer"), at=when("2026-11-10 10:00")
    )
    reviewing.first_review(
        mending,
        "return",
        reason="请补充：1. 合同中写明加速卡型号；2. 上年度纳税证明加盖公章。",
        actor=cast.actor("reviewer"),
        at=when("2026-11-11 10:00"),
    )

    second = support.submit(cast, SECOND, programme, when("2026-11-12 09:30"))
    support.recommend(cast, second, when("2026-11-13 10:00"))
    support.submit(cast, WAITING, programme, when("2026-11-17 09:30"))
    support.draft(cast, DRAFTING, programme, later(when("2026-11-18 09:30"), minutes=5))
    return [
        (WAITING.name, "等待受理：以 reviewer 登录办理"),
        (SECOND.name, "等待复审：以 approver 登录（初审人本人不能复审）"),
        (NOTICED.name, "公示已期满：以 approver 登录结束公示、审定、发券"),
        (MENDING.name, f"等待企业补正：以 {MENDING.username} 登录"),
        (OUTSIDE.name, "不予支持：企业看到理由、条款与救济途径"),
        (DRAFTING.name, f"填写中的申请：以 {DRAFTING.username} 登录继续"),
    ]

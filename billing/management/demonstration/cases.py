"""Further cases, each named for the state it shows, so that a visitor can do the next step."""

from billing.management.demonstration import schemes, support
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
from ledger.actors import system_actor
from ledger.identifiers import new_id
from vouchers import fast_tracking, objecting, reviewing, supplementing
from vouchers.models import Programme, PublicNotice
from vouchers.objecting import Objector
from vouchers.supplementing import Asked


def open_cases(cast: Cast, programme: Programme) -> list[tuple[str, str]]:
    """Bring six more firms to six different points; return (what it shows, who acts next)."""
    noticed = support.submit(cast, NOTICED, programme, when("2026-10-19 09:30"))
    noticed = support.recommend(cast, noticed, when("2026-10-21 10:00"))
    public_notice = support.notice(cast, [noticed], when("2026-11-02 10:00"))
    _object_and_answer(cast, public_notice)

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
    supplementing.ask_supplement(
        mending,
        [
            Asked("answer", "need.device_model", "与合同所写型号不一致", "写全型号，如 昇腾 910B"),
            Asked("file", "contract", "合同没有写明加速卡型号", "补充协议也可以"),
            Asked("file", "finance", "上年度纳税证明没有加盖公章"),
        ],
        actor=cast.actor("reviewer"),
        at=when("2026-11-11 10:00"),
    )

    second = support.submit(cast, SECOND, programme, when("2026-11-12 09:30"))
    support.recommend(cast, second, when("2026-11-13 10:00"))
    support.submit(cast, WAITING, programme, when("2026-11-17 09:30"))
    fast_tracking.open_fast_batch(
        programme, actor=cast.actor("reviewer"), at=when("2026-11-17 15:00")
    )
    support.draft(cast, DRAFTING, programme, later(when("2026-11-18 09:30"), minutes=5))
    return [
        schemes.one_in_drafting(cast, programme),
        schemes.one_in_consultation(cast),
        (WAITING.name, "等待受理：以 reviewer 登录办理"),
        (SECOND.name, "等待复审：以 approver 登录（初审人本人不能复审）"),
        (NOTICED.name, "公示已期满：以 approver 登录结束公示、审定、发券"),
        (MENDING.name, f"等待企业补正：以 {MENDING.username} 登录"),
        (OUTSIDE.name, "不予支持：企业看到理由、条款与救济途径，可以申请一次复核"),
        (DRAFTING.name, f"填写中的申请：以 {DRAFTING.username} 登录继续"),
    ]


def _object_and_answer(cast: Cast, public_notice: PublicNotice) -> None:
    """Somebody objects by real name on the second day; two people find that it is not right."""
    objection = objecting.object_to_notice(
        public_notice.items.get(),
        Objector(
            name="钱实名",
            phone="13800001111",
            statement="该企业的算力合同疑似已获得市级补贴，属于重复支持。",
            evidence="市级补贴公示名单中有同名企业，可以在市级平台查到。",
            signature="钱实名",
        ),
        actor=system_actor("public-objection"),
        at=when("2026-11-04 10:00"),
        key=new_id(),
    )
    clerk, then = cast.actor("reviewer"), when("2026-11-04 15:00")
    objecting.accept_objection(objection, actor=clerk, at=then)
    objecting.investigate_objection(
        objection,
        "dismissed",
        "调取市级名单，合同编号和用途均不同，不是同一合同。",
        actor=clerk,
        at=then,
    )
    objecting.decide_objection(
        objection,
        reply="经核查，该企业市级补贴所涉合同与本次申请不是同一合同，不构成重复支持。感谢监督。",
        actor=cast.actor("approver"),
        at=when("2026-11-06 10:00"),
    )

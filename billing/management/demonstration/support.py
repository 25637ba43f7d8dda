"""First part of the story: from the programme to the voucher."""

from datetime import datetime

from weasyprint import HTML

from billing.management.demonstration import schemes
from billing.management.demonstration.cast import Cast, Firm, Person, later, when
from ledger.amounts import parse_yuan
from ledger.identifiers import new_id
from vouchers import (
    applying,
    drafting,
    enrolling,
    gates,
    issuing,
    reviewing,
)
from vouchers.models import Application, Enterprise, Programme, PublicNotice, Voucher


def open_programme(cast: Cast) -> Programme:
    """Publish the schemes and take in their budgets; return the one for compute vouchers."""
    other = schemes.publish(
        cast, schemes.MODEL, "普数据规演〔2026〕2号（演示）", when("2026-06-26 09:00")
    )
    grant(cast, other, "2000000.00", "普财预演〔2026〕2号（演示）", when("2026-06-26 09:20"))
    at = when("2026-07-01 08:35")
    programme = schemes.publish(cast, schemes.COMPUTE, "普数据规演〔2026〕1号（演示）", at)
    grant(cast, programme, "7000000.00", "普财预演〔2026〕1号（演示）", later(at, minutes=15))
    return programme


def grant(cast: Cast, programme: Programme, amount: str, number: str, at: datetime) -> None:
    """Take money of finance into a programme's budget, as two people may."""
    issuing.grant_budget(
        programme,
        parse_yuan(amount),
        document_no=number,
        actor=cast.actor("finance"),
        approved_by=cast.actor("approver"),
        at=at,
        key=new_id(),
    )


def enrol(cast: Cast, firm: Firm, at: datetime) -> Enterprise:
    """Register a firm, seat its administrator and have the bureau verify it."""
    person = Person(firm.username, f"{firm.username} 经办人（演示）", "enterprise_admin", firm.name)
    user = cast.enter(person)
    enterprise = enrolling.register_enterprise(
        firm.name, firm.uscc, user=user, actor=cast.actor(firm.username), at=at
    )
    enrolling.verify_enterprise(
        enterprise,
        evidence="营业执照与登记信息一致（演示）",
        actor=cast.actor("reviewer"),
        at=later(at, minutes=30),
    )
    return enterprise


def draft(cast: Cast, firm: Firm, programme: Programme, at: datetime) -> Application:
    """Enrol a firm and fill in its application up to the declaration."""
    enterprise = enrol(cast, firm, at)
    actor = cast.actor(firm.username)
    application = drafting.start_draft(enterprise, programme, actor=actor, at=later(at, minutes=40))
    for minute, (step, typed) in enumerate(answers(firm, at).items(), start=41):
        application = drafting.save_step(
            application,
            step,
            typed,
            version=application.version,
            actor=actor,
            at=later(at, minutes=minute),
        )
    return application


def submit(cast: Cast, firm: Firm, programme: Programme, at: datetime) -> Application:
    """Fill in, attach the papers, declare and hand in."""
    application = draft(cast, firm, programme, at)
    actor, then = cast.actor(firm.username), later(at, minutes=50)
    for slot in ("licence", "finance", "contract"):
        drafting.attach_file(
            application,
            slot,
            f"{slot}-演示.pdf",
            paper(firm.name, firm.uscc, slot),
            actor=actor,
            at=then,
        )
    application.refresh_from_db()
    edition = programme.edition
    application = drafting.accept_declaration(
        application,
        [each.code for each in edition.declarations],
        digest=gates.declaration_digest(edition),
        version=application.version,
        actor=actor,
        at=then,
    )
    return applying.submit_application(
        application,
        version=application.version,
        actor=actor,
        at=later(at, hours=1),
        key=new_id(),
    )


def recommend(cast: Cast, application: Application, at: datetime) -> Application:
    """Accept and pass the first review."""
    application = reviewing.accept_application(application, actor=cast.actor("reviewer"), at=at)
    return reviewing.first_review(
        application,
        "pass",
        approved_fen=application.requested_fen,
        reason="材料齐全，金额按公式核算。",
        internal="演示：已核对合同单价与备案价。",
        actor=cast.actor("reviewer"),
        at=later(at, hours=2),
    )


def notice(cast: Cast, applications: list[Application], at: datetime) -> PublicNotice:
    """Pass the second review by another person and put the list on public notice."""
    proposed = [
        reviewing.second_review(each, "agree", actor=cast.actor("approver"), at=at)
        for each in applications
    ]
    return reviewing.publish_notice(
        proposed, actor=cast.actor("approver"), at=later(at, minutes=15)
    )


def issue(cast: Cast, public_notice: PublicNotice, at: datetime) -> list[Voucher]:
    """Close the notice after its working days, approve and issue from the budget."""
    reviewing.close_notice(public_notice, actor=cast.actor("approver"), at=at)
    vouchers = []
    for item in public_notice.items.select_related("application").order_by("line_no"):
        application = reviewing.approve_application(
            item.application, actor=cast.actor("approver2"), at=later(at, minutes=20)
        )
        vouchers.append(
            issuing.issue_voucher(
                application, actor=cast.actor("approver"), at=later(at, minutes=40), key=new_id()
            )
        )
    return vouchers


def answers(firm: Firm, at: datetime) -> dict[str, dict[str, str]]:
    """Return what a firm types on the pages of the task list."""
    return {
        "enterprise": {
            "registered_district": firm.district,
            "tax_district": firm.district,
            "street": firm.street,
            "legal_form": "company",
            "founded_on": "2019-03-12",
            "industry": firm.industry,
            "employees": firm.employees,
            "revenue_fen": firm.revenue_wan,
            "assets_fen": firm.revenue_wan,
            "large_controlled": "no",
            "dishonest": "no",
            "as_of": "2025-12-31",
        },
        "contact": {
            "contact_name": "演示联系人",
            "contact_phone": "13800000000",
            "contact_mail": f"{firm.username}@demo.example",
        },
        "project": {
            "project_name": firm.project,
            "scene": "制造" if firm.industry.startswith("C") else "其他",
            "purpose": "TRAINING",
            "summary": f"{firm.project}：演示数据，说明模型规模、数据来源和预期效果。",
        },
        "need": {
            "device_model": firm.device,
            "domestic": "yes" if firm.domestic else "no",
            "card_hours": firm.card_hours,
            "unit_price_fen": firm.unit_price,
            "starts_on": later(at, days=20).date().isoformat(),
            "ends_on": later(at, days=200).date().isoformat(),
            "provider_wish": "",
            "related_party": "no",
            "other_funding_fen": "0",
            "requested_fen": firm.requested,
        },
    }


def paper(name: str, uscc: str, title: str) -> bytes:
    """Return a one-page PDF that stands for what somebody hands in."""
    page = f"<h1>{title}（演示材料）</h1><p>{name}</p><p>{uscc}</p>"
    written = HTML(string=f"<html lang='zh'><body>{page}</body></html>").write_pdf()
    return bytes(written or b"")

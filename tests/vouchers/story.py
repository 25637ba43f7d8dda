"""People, papers and short cuts of the stories told in this room's tests."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from uuid import UUID

import pikepdf
import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction

from ledger.actors import Actor
from ledger.identifiers import new_id
from ledger.models import Journal, LogEntry
from ledger.refusals import Refused
from tests.vouchers.test_questions import FILLED
from vouchers import applying, consulting, enrolling, issuing, programming, reviewing
from vouchers.models import Application, Enterprise, EnterpriseSeat, Programme, Voucher

FILE = Path(__file__).resolve().parents[2] / "vouchers" / "editions" / "putuo-demo-2026.toml"
AT = datetime(2026, 9, 1, 2, tzinfo=UTC)  # Tuesday, 10:00 in Shanghai
USCC = "91310107MAFAKE0195"
OTHER_USCC = "91310107MAFAKE0270"
GRANT = 100_000_000


TABLES = (
    "vouchers_application", "vouchers_attachment", "vouchers_budgetgrant", "vouchers_enterprise",
    "vouchers_enterprisefact", "vouchers_enterpriseseat", "vouchers_grantrequest", "vouchers_hold",
    "vouchers_letter", "vouchers_notice", "vouchers_noticedelivery",
    "vouchers_noticeitem", "vouchers_numberseries", "vouchers_programme", "vouchers_publicnotice",
    "vouchers_redemption", "vouchers_staterow", "vouchers_voucher", "vouchers_clockmark",
    "vouchers_noticeobjection", "vouchers_reconsideration", "vouchers_handedin",
    "vouchers_fastbatch", "vouchers_jointreply", "vouchers_supplementitem", "ledger_journal",
    "ledger_transfer", "ledger_logentry", "ledger_accountbalance",
)  # fmt: skip


def snapshot() -> dict[str, str]:
    """Return a digest of every table an act of this room may touch."""
    told = {}
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(
                f"SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), ''))"
                f" FROM {table} t"
            )
            told[table] = cursor.fetchone()[0]
    return told


@contextmanager
def refused(code: str, words: str = "") -> Iterator[None]:
    """Expect a refusal with this code that changes no row of the room, the books or the log."""
    before = snapshot()
    with pytest.raises(Refused) as caught, transaction.atomic():
        yield
    assert caught.value.code == code
    assert words in caught.value.message
    assert caught.value.message.endswith(("。", "”"))
    assert snapshot() == before


def journals(kind: str) -> list[Journal]:
    """Return the journals of a kind with their transfers."""
    return list(Journal.objects.filter(kind=kind).order_by("seq"))


def entries(kind: str) -> int:
    """Return how many log entries of a type there are."""
    return LogEntry.objects.filter(type=kind).count()


def staff(name: str, person: str = "", role: str = "reviewer") -> Actor:
    """Return a bureau person; the person is the name unless told."""
    return Actor(kind="user", id=name, name=name, role=role, person=person or f"person-{name}")


CLERK = staff("王初审")
CHIEF = staff("李复审", role="approver")
FINANCE = staff("赵财务", role="finance")


def user_of(name: str, person: str = "") -> object:
    """Return an account for a person."""
    users = get_user_model().objects
    known = users.filter(username=name).first()
    return known or users.create_user(
        username=name, display_name=name, person_hash=person or f"person-{name}"
    )


def member(user: object, role: str = "enterprise_admin") -> Actor:
    """Return an account as an actor of its enterprise."""
    return Actor(
        kind="user",
        id=str(user.pk),
        name=user.display_name,
        role=role,
        person=user.person_hash,
    )


def published(programme: Programme, at: datetime = AT) -> Programme:
    """Take a draft through review and consultation to its publication at ``at``."""
    programme = consulted(programme, at)
    return programming.publish_edition(
        programme, document_no="普数据规〔2026〕1号", actor=CHIEF, at=at
    )


def passed(programme: Programme, at: datetime) -> Programme:
    """Send a draft to review, where both opinions agree."""
    programme = consulting.propose_edition(programme, actor=CLERK, at=at)
    for kind in ("legality", "competition"):
        consulting.record_opinion(
            programme, kind, "pass", text="同意", document_no="普司审〔2026〕8号",
            actor=CHIEF, at=at,
        )  # fmt: skip
    return programme


def consulted(programme: Programme, at: datetime = AT) -> Programme:
    """Take a draft to the point where only its publication is missing."""
    begun = at - timedelta(days=20)
    consultation = consulting.open_consultation(
        passed(programme, begun), days=7, notice="公开征求意见", actor=CLERK, at=begun
    )
    consulting.answer_consultation(consultation, summary="没有收到意见。", actor=CLERK, at=at)
    return Programme.objects.get(pk=programme.pk)


def a_programme(text: str | None = None, grant_fen: int = GRANT) -> Programme:
    """Return a published edition with money in its budget."""
    programme = programming.load_edition(text or FILE.read_text(), actor=CLERK, at=AT)
    if programme.state == Programme.State.DRAFT:
        programme = published(programme)
    if grant_fen:
        issuing.grant_budget(
            programme,
            grant_fen,
            document_no="普财〔2026〕1号",
            approved_by=CHIEF,
            actor=FINANCE,
            at=AT,
        )
    return programme


def an_enterprise(uscc: str = USCC, name: str = "上海智算科技有限公司") -> Enterprise:
    """Return a verified enterprise; its administrator is ``管理员<last four>``."""
    user = user_of(f"管理员{uscc[-4:]}")
    enterprise = enrolling.register_enterprise(name, uscc, user=user, actor=member(user), at=AT)
    return enrolling.verify_enterprise(enterprise, evidence="营业执照", actor=CLERK, at=AT)


def admin_of(enterprise: Enterprise) -> Actor:
    """Return the administrator of an enterprise as actor."""
    seat = enterprise.seats.filter(role=EnterpriseSeat.Role.ADMIN).first()
    return member(seat.user)


@cache
def a_pdf(pages: int = 1) -> bytes:
    """Return a small clean PDF, the same one each time: it is opened once only."""
    with pikepdf.new() as document:
        for _ in range(pages):
            document.add_blank_page()
        out = io.BytesIO()
        document.save(out)
    return out.getvalue()


def fill(application: Application, actor: Actor, at: datetime = AT, **changes) -> Application:
    """Fill every page, all files and the declaration; ``changes`` are typed over by step."""
    for step, typed in FILLED.items():
        application = applying.save_step(
            application,
            step,
            typed | changes.get(step, {}),
            version=application.version,
            actor=actor,
            at=at,
        )
    edition = application.programme.edition
    for slot in [each.code for each in edition.evidence if each.required]:
        applying.attach_file(application, slot, f"{slot}.pdf", a_pdf(), actor=actor, at=at)
    return applying.accept_declaration(
        application,
        [each.code for each in edition.declarations],
        digest=applying.declaration_digest(edition),
        version=application.version,
        actor=actor,
        at=at,
    )


def a_draft(firm=None, programme=None, **changes) -> Application:
    """Return a complete draft; ``changes`` are typed over by step."""
    enterprise = firm or an_enterprise()
    programme = programme or a_programme()
    actor = admin_of(enterprise)
    draft = applying.start_draft(enterprise, programme, actor=actor, at=AT)
    return fill(draft, actor, **changes)


def submit(draft: Application, at: datetime = AT, key: UUID | None = None) -> Application:
    """Submit a draft as its administrator."""
    return applying.submit_application(
        draft, version=draft.version, actor=admin_of(draft.enterprise), at=at, key=key
    )


def propose(application: Application, at: datetime = AT) -> Application:
    """Take a submitted application to the public notice's door."""
    application = reviewing.accept_application(application, actor=CLERK, at=at)
    application = reviewing.first_review(
        application,
        "pass",
        approved_fen=application.requested_fen,
        reason="符合条件",
        actor=CLERK,
        at=at,
    )
    return reviewing.second_review(application, "agree", actor=CHIEF, at=at)


def approve(application: Application, at: datetime = AT) -> Application:
    """Publish, wait, close, approve."""
    notice = reviewing.publish_notice([application], actor=CLERK, at=at)
    reviewing.close_notice(notice, actor=CLERK, at=notice.ends_at)
    application.refresh_from_db()
    return reviewing.approve_application(
        application, actor=CHIEF, at=notice.ends_at + timedelta(hours=9)
    )


def an_approved(firm=None, programme=None, **changes) -> Application:
    """Return an application that only waits for its voucher."""
    return approve(propose(submit(a_draft(firm, programme, **changes))))


def a_voucher(firm=None, programme=None, **changes) -> Voucher:
    """Return an issued voucher of 8,800.00 yuan (unless changed)."""
    application = an_approved(firm, programme, **changes)
    at = application.approved_at
    return issuing.issue_voucher(application, actor=CHIEF, at=at, key=new_id())

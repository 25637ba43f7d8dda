"""Take money into the budget, issue vouchers from it, freeze and revoke them.

Issuing never decides again: amount, facts and rules are those of the approved application.

Units: fen.
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Sum

from ledger import audit
from ledger.actors import Actor
from ledger.amounts import share_floor, yuan_text
from ledger.balances import balance
from ledger.book import Journal, post
from ledger.identifiers import new_id
from ledger.periods import SHANGHAI
from ledger.refusals import Refused
from vouchers import bookings
from vouchers.facts import cap_used_fen
from vouchers.models import Application, BudgetGrant, Enterprise, Programme, Voucher
from vouchers.states import move, next_number, write_row

MOST_FEN = 10**15


@transaction.atomic
def grant_budget(
    programme: Programme,
    amount_fen: int,
    *,
    document_no: str,
    document_sha256: str = "",
    approved_by: Actor,
    actor: Actor,
    at: datetime,
    key: UUID | None = None,
) -> BudgetGrant:
    """Take money granted by finance into the budget of a scheme; two people.

    ``approved_by`` is another natural person than ``actor``, who prepared it; asking again with
    the same key gives the same grant.

    Writes: one transfer (100), a grant row, a log entry.

    Raises:
        Refused: one person twice, no document, or more than the scheme's total for this kind.
    """
    programme = Programme.objects.select_for_update(of=("self",)).get(pk=programme.pk)
    if key and (known := BudgetGrant.objects.filter(pk=key).first()):
        return _same_grant(known, programme, amount_fen)
    _two_persons(actor, approved_by)
    sane_grant(programme, amount_fen, document_no)
    journal_id = _book_grant(programme, amount_fen, document_no, (actor, approved_by), at)
    grant = BudgetGrant.objects.create(
        pk=key or new_id(),
        programme=programme,
        amount_fen=amount_fen,
        document_no=document_no,
        document_sha256=document_sha256,
        granted_at=at,
        prepared_by=actor.name,
        prepared_person=actor.person,
        approved_by=approved_by.name,
        approved_person=approved_by.person,
        journal_id=journal_id,
    )
    audit.record(
        "budget.grant",
        {
            "grant": grant.pk,
            "programme": programme.slug,
            "amount_fen": amount_fen,
            "document_no": document_no,
            "document_sha256": document_sha256,
            "approved_by": approved_by.for_log(),
        },
        actor=actor,
        at=at,
    )
    return grant


@transaction.atomic
def issue_voucher(
    application: Application, *, actor: Actor, at: datetime, key: UUID | None = None
) -> Voucher:
    """Issue the voucher of an approved application out of the budget.

    Never over budget: the ledger refuses. Never over the enterprise's cap: the enterprise row is
    locked, the sum is checked, and the database checks it again.

    Args:
        application: approved by people other than its first reviewer.
        actor: who issues; another natural person than the first reviewer.
        at: when.
        key: asking again with the same key gives the same voucher.

    Writes: one transfer (200), voucher, state rows, log entry.

    Raises:
        Refused: not approved, budget or cap too small, enterprise suspended, same person.
    """
    enterprise = Enterprise.objects.select_for_update(of=("self",)).get(
        pk=application.enterprise_id
    )
    application = (
        Application.objects.select_for_update(of=("self",))
        .select_related("programme", "enterprise")
        .get(pk=application.pk)
    )
    if known := Voucher.objects.filter(application=application).first():
        if key and known.issue_key == key:
            return known
        raise Refused(
            "already_issued", f"这件申请已经发券（券号 {known.voucher_no}），没有重复发放。"
        )
    _may_issue(application, enterprise, actor)
    voucher = _new_voucher(application, at, key)
    move(application, "issue", actor=actor, at=at)
    application.save()
    voucher.save(force_insert=True)
    write_row(voucher, "issue", "发券", ("", voucher.state), actor=actor, at=at)
    _book_issue(voucher, actor, at)
    audit.record(
        "voucher.issue",
        {
            "voucher": voucher.pk,
            "voucher_no": voucher.voucher_no,
            "application": application.pk,
            "enterprise": enterprise.pk,
            "programme": voucher.programme.slug,
            "edition_digest": voucher.programme.digest,
            "verdict_digest": application.verdict_digest,
            "face_fen": voucher.face_fen,
            "valid_from": voucher.valid_from,
            "valid_until": voucher.valid_until,
        },
        actor=actor,
        at=at,
    )
    return voucher


@transaction.atomic
def freeze_voucher(voucher: Voucher, *, reason: str, actor: Actor, at: datetime) -> Voucher:
    """Freeze a voucher at once; one person is enough. Nothing new can be held from it."""
    voucher = _taken(voucher)
    if voucher.frozen:
        return voucher
    return _set_frozen(voucher, frozen=True, reason=reason, actor=actor, at=at)


@transaction.atomic
def unfreeze_voucher(
    voucher: Voucher, *, reason: str, approved_by: Actor, actor: Actor, at: datetime
) -> Voucher:
    """End a freeze; two people."""
    voucher = _taken(voucher)
    _two_persons(actor, approved_by)
    if not voucher.frozen:
        return voucher
    return _set_frozen(voucher, frozen=False, reason=reason, actor=actor, at=at)


@transaction.atomic
def revoke_voucher(
    voucher: Voucher, *, reason: str, approved_by: Actor, actor: Actor, at: datetime
) -> Voucher:
    """Revoke a voucher: what is neither spent nor held goes back to the budget; two people.

    Held value returns to the budget when its hold is let go.

    Writes: one transfer (220) if something is left, state row, log entry.

    Raises:
        Refused: one person twice, no reason, or not an active voucher.
    """
    voucher = _taken(voucher)
    _two_persons(actor, approved_by)
    if not reason.strip():
        raise Refused("reason_missing", "请写明撤销理由和依据。", field="reason")
    left = balance(voucher.account).available
    move(voucher, "revoke", actor=actor, at=at, reason=reason)
    voucher.returned_fen = left
    voucher.save()
    if left:
        refs = {"voucher": str(voucher.pk), "voucher_no": voucher.voucher_no}
        transfer = bookings.returning(voucher, left)
        journal = Journal(new_id(), "voucher.revoke", at, (transfer,), refs, (approved_by,))
        post(journal, actor=actor, at=at)
    audit.record(
        "voucher.revoke",
        {"voucher": voucher.pk, "returned_fen": left, "approved_by": approved_by.for_log()},
        actor=actor,
        at=at,
    )
    return voucher


def sane_grant(programme: Programme, amount_fen: int, document_no: str) -> None:
    """Refuse a grant without amount or document, or beyond the scheme's total."""
    if not 0 < amount_fen <= MOST_FEN:
        raise Refused("amount_invalid", "下达金额须大于 0 元，请更正。", field="amount")
    if not document_no.strip():
        raise Refused("document_missing", "请填写财政下达文件的文号。", field="document_no")
    budget = programme.edition.budget
    ceiling = share_floor(budget.total_fen, budget.shares_bp[programme.kind])
    granted = BudgetGrant.objects.filter(programme__slug=programme.slug)
    sofar = int(granted.aggregate(total=Sum("amount_fen"))["total"] or 0)
    if sofar + amount_fen > ceiling:
        raise Refused(
            "over_programme_budget",
            f"该券种预算为 {yuan_text(ceiling)} 元，已下达 {yuan_text(sofar)} 元，"
            f"本次最多可下达 {yuan_text(ceiling - sofar)} 元。",
            clause=budget.clause,
            field="amount",
        )


def _same_grant(known: BudgetGrant, programme: Programme, amount_fen: int) -> BudgetGrant:
    if (known.programme_id, known.amount_fen) != (programme.pk, amount_fen):
        raise Refused("key_reused", "这次请求的编号已用于另一笔下达，请刷新页面后重试。")
    return known


def _may_issue(application: Application, enterprise: Enterprise, actor: Actor) -> None:
    """Refuse an issue that state, person, enterprise, cap or budget do not allow."""
    if application.state != Application.State.APPROVED:
        raise Refused(
            "wrong_state",
            f"这件申请当前为“{application.get_state_display()}”，审定后才能发券。",
        )
    if actor.person and actor.person == application.first_reviewer_person:
        raise Refused("same_person", "您是这件申请的初审人，须由他人发券。")
    if enterprise.state != Enterprise.State.ACTIVE:
        raise Refused(
            "enterprise_not_active",
            f"企业当前为“{enterprise.get_state_display()}”，不能发券。",
        )
    programme, face_fen = application.programme, application.approved_fen or 0
    used = cap_used_fen(enterprise, programme.slug)
    cap = programme.edition.caps
    if used + face_fen > cap.enterprise_year_fen:
        raise Refused(
            "over_cap",
            f"企业年度上限 {yuan_text(cap.enterprise_year_fen)} 元，已发 {yuan_text(used)} 元，"
            f"余 {yuan_text(cap.enterprise_year_fen - used)} 元，"
            f"不足本次 {yuan_text(face_fen)} 元。",
            clause=cap.clause,
        )
    left = balance(programme.account).available
    if face_fen > left:
        raise Refused(
            "insufficient_funds",
            f"方案可用预算 {yuan_text(left)} 元，不足本次 {yuan_text(face_fen)} 元。"
            "请先下达预算，或等待额度释放。",
            clause=programme.edition.budget.clause,
        )


def _new_voucher(application: Application, at: datetime, key: UUID | None) -> Voucher:
    """Return the voucher of an application, numbered and dated, not saved yet."""
    programme = application.programme
    until = programme.edition.validity.until(at)
    if until <= at:
        raise Refused(
            "programme_over",
            "方案的用券截止日已过，不能再发券。",
            clause=programme.edition.validity.clause,
        )
    return Voucher(
        voucher_no=next_number(f"PTSLJ-{at.astimezone(SHANGHAI).year}"),
        programme=programme,
        enterprise=application.enterprise,
        application=application,
        face_fen=application.approved_fen or 0,
        valid_from=at,
        valid_until=until,
        issued_at=at,
        issue_key=key,
    )


def _book_grant(
    programme: Programme,
    amount_fen: int,
    document_no: str,
    people: tuple[Actor, Actor],
    at: datetime,
) -> UUID:
    transfer = bookings.granting(programme, amount_fen)
    refs = {"programme": programme.slug, "document_no": document_no}
    journal = Journal(new_id(), "budget.grant", at, (transfer,), refs, people[1:])
    post(journal, actor=people[0], at=at)
    return journal.id


def _book_issue(voucher: Voucher, actor: Actor, at: datetime) -> None:
    refs = {
        "voucher": str(voucher.pk),
        "voucher_no": voucher.voucher_no,
        "application": str(voucher.application_id),
        "verdict_digest": voucher.application.verdict_digest,
    }
    journal = Journal(new_id(), "voucher.issue", at, (bookings.issuing(voucher),), refs)
    post(journal, actor=actor, at=at)


def _two_persons(actor: Actor, approved_by: Actor) -> None:
    if not actor.person or not approved_by.person or actor.person == approved_by.person:
        raise Refused("same_person", "这一步须由两个人办理：经办人和审批人不能是同一自然人。")


def _set_frozen(
    voucher: Voucher, *, frozen: bool, reason: str, actor: Actor, at: datetime
) -> Voucher:
    if not reason.strip():
        raise Refused("reason_missing", "请写明理由和案号。", field="reason")
    event, word = ("freeze", "冻结") if frozen else ("unfreeze", "解冻")
    voucher.frozen = frozen
    voucher.save()
    write_row(voucher, event, word, (voucher.state,) * 2, actor=actor, at=at, reason=reason)
    audit.record(f"voucher.{event}", {"voucher": voucher.pk}, actor=actor, at=at)
    return voucher


def _taken(voucher: Voucher) -> Voucher:
    return (
        Voucher.objects.select_for_update(of=("self",))
        .select_related("programme", "enterprise")
        .get(pk=voucher.pk)
    )

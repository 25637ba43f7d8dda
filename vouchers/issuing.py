"""Issue vouchers out of the budget, take back what is not spent.

Issuing never decides again: amount, facts and rules are those of the approved application.

Units: fen.
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.amounts import yuan_text
from ledger.balances import balance
from ledger.book import Journal, Transfer, post
from ledger.check_codes import code_of
from ledger.identifiers import new_id
from ledger.periods import SHANGHAI
from ledger.refusals import Refused
from vouchers import bookings, caps, gates, searching
from vouchers.contracts import claim_contract
from vouchers.face_values import faces
from vouchers.funding import grant_budget
from vouchers.gates import entitled, two_persons
from vouchers.models import Application, Reservation, Voucher
from vouchers.notices import tell_enterprise
from vouchers.pools import free_fen, lock_pool, reservation_of
from vouchers.reserving import end_reservation, reserve_next, take_place
from vouchers.states import move, next_number, write_row

__all__ = ["grant_budget", "issue_voucher", "revoke_voucher", "surrender_voucher"]


@transaction.atomic
def issue_voucher(
    application: Application, *, actor: Actor, at: datetime, key: UUID | None = None
) -> Voucher:
    """Issue the voucher of an approved application, or its set, out of the budget.

    Where the edition has fixed denominations, a set makes up the approved amount
    (``face_values``); the first of it is returned. Never over budget: the ledger refuses. Never
    over the enterprise's cap: the enterprise row is locked, the sum is checked, and the database
    checks it again.

    Args:
        application: approved by people other than its first reviewer.
        actor: who issues; another natural person than the first reviewer.
        at: when.
        key: asking again with the same key gives the same voucher.

    Writes: one journal (200 for each voucher), vouchers, state rows, a log entry for each.

    Raises:
        Refused: not approved, budget or cap too small, enterprise suspended, same person.
    """
    caps.lock_group(application.enterprise, application.programme)
    application = (
        Application.objects.select_for_update(of=("self",))
        .select_related("programme", "enterprise")
        .get(pk=application.pk)
    )
    if known := application.vouchers.order_by("set_no").first():
        if key and known.issue_key == key:
            return known
        raise Refused(
            "already_issued", f"这件申请已经发券（券号 {known.voucher_no}），没有重复发放。"
        )
    _may_issue(application, actor, at)
    reservation = _set_aside(application, actor, at)
    claim_contract(application, at)
    made = _new_set(application, at, key)
    move(application, "issue", actor=actor, at=at)
    application.save()
    for voucher in made:
        _record_issue(voucher, actor, at)
        voucher.save(force_insert=True)
        write_row(voucher, "issue", "发券", ("", voucher.state), actor=actor, at=at)
    _book_issue(application, made, actor, at)
    end_reservation(reservation, "used", made[0].voucher_no, at=at)
    _tell_issued(made, at)
    searching.keep(*(searching.voucher_entry(each) for each in made))
    return made[0]


def _record_issue(voucher: Voucher, actor: Actor, at: datetime) -> None:
    """Log the issue of one voucher; its check code follows from the entry."""
    application = voucher.application
    entry = audit.record(
        "voucher.issue",
        {
            "voucher": voucher.pk,
            "voucher_no": voucher.voucher_no,
            "application": application.pk,
            "enterprise": application.enterprise_id,
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
    voucher.issue_digest = entry.hash_hex
    voucher.check_code = code_of(f"voucher\n{voucher.voucher_no}\n{entry.hash_hex}".encode())


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
    two_persons(actor, approved_by)
    if not reason.strip():
        raise Refused("reason_missing", "请写明撤销理由和依据。", field="reason")
    left = _give_back(voucher, "revoke", reason, (approved_by,), actor=actor, at=at)
    audit.record(
        "voucher.revoke",
        {"voucher": voucher.pk, "returned_fen": left, "approved_by": approved_by.for_log()},
        actor=actor,
        at=at,
    )
    told = {"voucher_no": voucher.voucher_no, "reason": reason}
    tell_enterprise(voucher.enterprise, "voucher_revoked", told, about=voucher, at=at)
    return voucher


@transaction.atomic
def surrender_voucher(voucher: Voucher, *, reason: str, actor: Actor, at: datetime) -> Voucher:
    """Give a voucher back as the enterprise: what is neither spent nor held returns to the budget.

    Held value returns when its hold is let go. Asking again changes nothing.

    Args:
        voucher: the voucher.
        reason: why, kept for the bureau; may be empty.
        actor: an administrator of the enterprise.
        at: when.

    Writes: one transfer (220) if something is left, state row, log entry.

    Raises:
        Refused: frozen, over, or not the administrator of this enterprise.
    """
    voucher = _taken(voucher)
    entitled(voucher.enterprise, actor)
    if voucher.state == Voucher.State.SURRENDERED:
        return voucher
    if voucher.frozen:
        raise Refused("voucher_frozen", "这张算力券已被冻结，不能放弃。请联系区数据局。")
    left = _give_back(voucher, "surrender", reason, (), actor=actor, at=at)
    audit.record(
        "voucher.surrender", {"voucher": voucher.pk, "returned_fen": left}, actor=actor, at=at
    )
    return voucher


def _give_back(
    voucher: Voucher,
    event: str,
    reason: str,
    approvals: tuple[Actor, ...],
    *,
    actor: Actor,
    at: datetime,
) -> int:
    """End a voucher and return its free value to the budget; return how much."""
    left = balance(voucher.account).available
    move(voucher, event, actor=actor, at=at, reason=reason)
    voucher.returned_fen = left
    voucher.save()
    if left:
        refs = {"voucher": str(voucher.pk), "voucher_no": voucher.voucher_no}
        transfers: tuple[Transfer, ...] = (bookings.returning(voucher, left),)
        journal = Journal(new_id(), f"voucher.{event}", at, transfers, refs, approvals)
        post(journal, actor=actor, at=at)
    return left


def _may_issue(application: Application, actor: Actor, at: datetime) -> None:
    """Refuse an issue that state, person, standing or cap do not allow."""
    if application.state not in (Application.State.APPROVED, Application.State.WAITLISTED):
        raise Refused(
            "wrong_state",
            f"这件申请当前为“{application.get_state_display()}”，审定后才能发券。",
        )
    if actor.person and actor.person == application.first_reviewer_person:
        raise Refused("same_person", "您是这件申请的初审人，须由他人发券。")
    gates.in_good_standing(application.enterprise, "issue")
    programme, face_fen = application.programme, application.approved_fen or 0
    caps.refuse_over_caps(application.enterprise, programme, face_fen, at)


def _set_aside(application: Application, actor: Actor, at: datetime) -> Reservation:
    """Return the money set aside for an application; take its turn in line if it has none yet.

    The pool is locked from here on, so nobody else sets aside or issues meanwhile.
    """
    programme, face_fen = application.programme, application.approved_fen or 0
    lock_pool(programme.slug)
    take_place(application, actor=actor, at=at)
    while not (found := reservation_of(application.pk)):
        if not reserve_next(programme, actor=actor, at=at).count:
            raise _no_money(application, face_fen)
    more = face_fen - found.amount_fen
    if more > free_fen(programme):
        raise _no_money(application, face_fen)
    return found


def _no_money(application: Application, face_fen: int) -> Refused:
    """Return the refusal that says why there is no money for an application now."""
    programme = application.programme
    rules, left = programme.edition.allocation, free_fen(programme)
    if rules.rule != "FIRST_COME" and not application.allocations.exists():
        return Refused(
            "not_allocated",
            "本窗口的额度须先经分配（评分、抽签或按比例）并由第二人确认，才能发券。",
            clause=rules.clause,
        )
    if face_fen <= left:
        return Refused(
            "not_first_in_line",
            "前面还有申请在等候额度，按次序不能越过。请先发放前面的申请，或等待额度释放。",
            clause=rules.clause,
        )
    return Refused(
        "insufficient_funds",
        f"方案可用预算 {yuan_text(left)} 元，不足本次 {yuan_text(face_fen)} 元。"
        "请先下达预算，或等待额度释放。",
        clause=programme.edition.budget.clause,
    )


def _tell_issued(made: list[Voucher], at: datetime) -> None:
    for each in made:
        tell_enterprise(
            each.enterprise,
            "voucher_issued",
            {
                "voucher_no": each.voucher_no,
                "face_fen": each.face_fen,
                "last_day": each.last_day,
            },
            about=each,
            at=at,
        )


def _new_set(application: Application, at: datetime, key: UUID | None) -> list[Voucher]:
    """Return the vouchers of an application, numbered and dated, not saved yet."""
    programme = application.programme
    validity = programme.edition.validity
    until = validity.until(at)
    if until <= at:
        raise Refused(
            "programme_over",
            "方案的用券截止日已过，不能再发券。",
            clause=validity.clause,
        )
    return [
        Voucher(
            voucher_no=next_number(f"PTSLJ-{at.astimezone(SHANGHAI).year}"),
            programme=programme,
            enterprise=application.enterprise,
            application=application,
            set_no=set_no,
            face_fen=face_fen,
            valid_from=at,
            valid_until=until,
            issued_at=at,
            issue_key=key if set_no == 1 else None,
        )
        for set_no, face_fen in enumerate(
            faces(application.approved_fen or 0, validity.form, validity.denominations_fen),
            start=1,
        )
    ]


def _book_issue(application: Application, made: list[Voucher], actor: Actor, at: datetime) -> None:
    refs = {
        "voucher": str(made[0].pk),
        "voucher_no": made[0].voucher_no,
        "application": str(application.pk),
        "verdict_digest": application.verdict_digest,
    }
    transfers = tuple(bookings.issuing(each) for each in made)
    post(Journal(new_id(), "voucher.issue", at, transfers, refs), actor=actor, at=at)


def _taken(voucher: Voucher) -> Voucher:
    return (
        Voucher.objects.select_for_update(of=("self",))
        .select_related("programme", "enterprise")
        .get(pk=voucher.pk)
    )

"""Redemption certificates (核销凭证): issued once per redeemed statement, and told as plain data.

Source: domain.md 7.3. A certificate is issued when its statement is approved, or when a claim is
written off; from then on public money is owed on it.
"""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Sum

from billing.models import Certificate, Claim, Clawback, Statement, StateRow
from billing.rating import BINDING_TITLES
from ledger import audit
from ledger.actors import Actor
from ledger.amounts import yuan_text
from ledger.capitals import capital_amount
from ledger.identifiers import new_id
from ledger.periods import day_of
from ledger.refusals import Refused
from ledger.sealing import entry_index, latest_checkpoint

VALID, PARTLY, REVERSED = "valid", "partly_reversed", "reversed"
#: How much stands, whether a later version and whether a claim took something -> its word.
STATUS_TITLES = {
    (VALID, False, False): "有效",
    (PARTLY, True, False): "部分冲正",
    (PARTLY, False, True): "部分追回",
    (PARTLY, True, True): "部分冲正和追回",
    (REVERSED, True, False): "已冲正",
    (REVERSED, False, True): "已追回",
    (REVERSED, True, True): "已冲正和追回",
}
MODE_TITLES = {
    "INSTANT": "即用即抵",
    "CLAIM_AFTER": "先用后补",
    "DIRECT_AFTER_USE": "使用后直补",
}


@transaction.atomic
def issue_certificate(
    statement: Statement, claim: Claim | None = None, *, actor: Actor, at: datetime
) -> Certificate | None:
    """Issue the certificate of a statement whose share is owed; asking again gives the same.

    Writes: one certificate, log entry. Nothing where no public money was spent.

    Raises:
        Refused: the statement is not approved, or its claim is not written off.
    """
    known = Certificate.objects.filter(statement=statement).first()
    if known is not None:
        return known
    if statement.state not in (Statement.State.APPROVED, Statement.State.PAID):
        raise Refused("not_approved", "对账单尚未签发，不能出具核销凭证。")
    amount = statement.granted_fen if statement.by_claim else statement.public_fen
    if not amount:
        return None
    voucher = statement.voucher
    earlier = Certificate.objects.filter(statement__voucher=voucher)
    spent = earlier.aggregate(total=Sum("amount_fen", default=0))["total"]
    before = voucher.face_fen - spent
    pk, number = new_id(), _number(statement)
    body = {
        "certificate": pk,
        "certificate_no": number,
        "statement": statement.pk,
        "version": statement.version,
        "digest": statement.digest,
        "amount_fen": amount,
    }
    entry = audit.record("certificate.issued", body, actor=actor, at=at)
    return Certificate.objects.create(
        id=pk,
        certificate_no=number,
        statement=statement,
        claim=claim,
        version=statement.version,
        digest=statement.digest,
        amount_fen=amount,
        before_fen=before,
        after_fen=before - amount,
        issued_at=at,
        entry_id=entry.id,
    )


def _number(statement: Statement) -> str:
    """Return the number of a statement's certificate: that of the statement, in its own series."""
    return statement.statement_no.replace("PTSL-JS-", "PTSL-HX-", 1)


def reversed_fen(certificate: Certificate) -> int:
    """Return what of a certificate's amount was taken back by later versions of its statement."""
    statement = certificate.statement
    if statement.by_claim or statement.version == certificate.version:
        return 0
    return certificate.amount_fen - statement.public_fen


def certificate_data(statement: Statement) -> dict[str, Any] | None:
    """Return everything the certificate of a statement says, as plain values; None without one.

    Amounts are whole fen beside their text in yuan; moments are datetimes. ``reversals`` names each
    version that took something back, ``clawbacks`` each decision; ``log`` has no index before the
    sealer has come by.
    """
    certificate = (
        Certificate.objects.select_related(
            "statement__close", "statement__enterprise", "statement__provider",
            "statement__order", "statement__voucher__programme", "claim",
        )
        .filter(statement=statement)
        .first()
    )  # fmt: skip
    if certificate is None:
        return None
    statement, claim = certificate.statement, certificate.claim
    return {
        "certificate_no": certificate.certificate_no,
        "issued_at": certificate.issued_at,
        "issued_on": day_of(certificate.issued_at).isoformat(),
        **_subject(statement),
        "formula": [dict(term) for term in (claim.terms if claim else statement.terms)],
        **_binding(claim.binding if claim else statement.binding),
        "amount_fen": certificate.amount_fen,
        "amount": yuan_text(certificate.amount_fen),
        "capital": capital_amount(certificate.amount_fen),
        "balance": {
            "before_fen": certificate.before_fen,
            "before": yuan_text(certificate.before_fen),
            "after_fen": certificate.after_fen,
            "after": yuan_text(certificate.after_fen),
        },
        "reviewers": _reviewers(statement, claim),
        "invoices": _papers(claim, "invoice"),
        "receipts": _papers(claim, "receipt"),
        "log": _log(certificate),
        "status": status_of(certificate),
    }


def _subject(statement: Statement) -> dict[str, Any]:
    programme, voucher = statement.voucher.programme, statement.voucher
    return {
        "programme": {
            "title": programme.title, "slug": programme.slug, "edition_no": programme.edition_no,
        },
        "enterprise": {"name": statement.enterprise.name, "uscc": statement.enterprise.uscc},
        "provider": {"name": statement.provider.name, "uscc": statement.provider.uscc},
        "payee": {"kind": str(statement.payee_kind), "name": statement.payee.name},
        "voucher": {
            "no": voucher.voucher_no,
            "face_fen": voucher.face_fen,
            "face": yuan_text(voucher.face_fen),
        },
        "contract": {"order_no": statement.order.order_no},
        "statement": {
            "no": statement.statement_no,
            "version": statement.version,
            "digest": statement.digest,
            "month": statement.month,
            "period": statement.close.period.title,
        },
        "mode": {"code": statement.mode, "title": MODE_TITLES.get(statement.mode, statement.mode)},
    }  # fmt: skip


def _binding(code: str) -> dict[str, Any]:
    return {"binding": {"code": code, "title": BINDING_TITLES.get(code, code)}}


def _reviewers(statement: Statement, claim: Claim | None) -> list[dict[str, Any]]:
    """Return the natural persons that stand for a redemption, in their order."""
    close = statement.close
    people: list[tuple[str, str, datetime | None, Any, str]] = [
        ("提请", close.prepared_name, close.prepared_at, close, "prepare"),
        ("签发", close.approved_name, close.approved_at, close, "close"),
    ]
    if claim is not None:
        people += [
            ("核验", claim.checked_name, claim.checked_at, claim, "verify"),
            ("复核", claim.reviewed_name, claim.reviewed_at, claim, "review"),
        ]
    return [
        {"role": role, "name": name, "at": at, "signature_id": _signature(subject, event)}
        for role, name, at, subject, event in people
        if name
    ]


def _signature(subject: Any, event: str) -> str:
    """Return the id of the kept move that stands for a person's signature."""
    row = StateRow.objects.of(subject).filter(event=event).last()
    return str(row.pk) if row else ""


def _papers(claim: Claim | None, kind: str) -> list[dict[str, Any]]:
    if claim is None:
        return []
    return [
        {
            "code": each.code,
            "number": each.number,
            "on": each.dated_on.isoformat(),
            "amount_fen": each.amount_fen,
            "amount": yuan_text(each.amount_fen),
            "payer": each.payer_name,
            "payee": each.payee_name,
            "sha256": each.file.sha256,
        }
        for each in claim.papers.filter(kind=kind, active=True).select_related("file")
    ]


def _log(certificate: Certificate) -> dict[str, Any]:
    """Return where the log proves a certificate: entry, its number, and a root above it."""
    index, checkpoint = entry_index(certificate.entry_id), latest_checkpoint()
    said: dict[str, Any] = {"entry_id": str(certificate.entry_id), "index": index}
    if index is None or checkpoint is None:
        return {**said, "tree_size": None, "tree_root": ""}
    return {**said, "tree_size": checkpoint.size, "tree_root": bytes(checkpoint.root).hex()}


def status_of(certificate: Certificate) -> dict[str, Any]:
    """Return how much of a certificate still stands, in plain values.

    ``code`` is one of valid, partly_reversed, reversed; ``title`` says by what: a later version of
    the statement (冲正) or a decision to claim money back (追回, principal without interest).
    """
    back = reversed_fen(certificate)
    cases = certificate.statement.clawbacks.exclude(decided_at=None).exclude(state="dropped")
    claimed = sum(each.amount_fen for each in cases)
    gone = back + claimed
    code = VALID if gone == 0 else REVERSED if gone >= certificate.amount_fen else PARTLY
    versions = certificate.statement.versions.filter(version__gt=certificate.version)
    return {
        "code": code,
        "title": STATUS_TITLES[code, back > 0, claimed > 0],
        "reversed_fen": back,
        "reversed": yuan_text(back),
        "clawed_back_fen": claimed,
        "clawed_back": yuan_text(claimed),
        "reversals": [
            {"version": each.version, "at": each.made_at, "reason": each.reason}
            for each in versions
        ],
        "clawbacks": [_case(each) for each in cases.order_by("decided_at", "id")],
    }


def _case(case: Clawback) -> dict[str, Any]:
    """Return a decision to claim back, and what came in for it so far (with interest)."""
    return {
        "case_no": case.case_no,
        "decided_on": day_of(case.decided_at).isoformat() if case.decided_at else "",
        "amount_fen": case.amount_fen,
        "amount": yuan_text(case.amount_fen),
        "received_fen": case.cash_fen + case.offset_fen,
        "received": yuan_text(case.cash_fen + case.offset_fen),
    }

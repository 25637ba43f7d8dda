"""Claims: the enterprise files what it paid, with invoice and bank receipt.

Only for programmes that pay after use (先用后补, 使用后直补). The statement is final when its month
is approved; until the claim is written off the share lies on the hold of the order, which lives as
long as a statement may still be claimed from it. A number of an invoice or a bank receipt serves
one claim.

Source: domain.md 2.10; decision 0191.
"""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from billing.claim_rules import INVOICE, RECEIPT, Paper, Subject, fault_of, judge
from billing.models import Claim, ClaimPaper, Statement, StatementFile, move
from billing.models.state_row import write_row
from billing.rating import SettlementMode
from billing.settling.claim_clock import claim_until
from billing.settling.confirming import need_seat, taken
from billing.settling.outcomes import CHECKS_CLAIMS, tell_claim_waits
from billing.statement_files import Kind, keep_files
from ledger import audit
from ledger.actors import Actor
from ledger.periods import day_of
from ledger.refusals import Refused
from vouchers.calendars import work_calendar
from vouchers.evidence import Upload

SIDE = "enterprise"
CHECK_WORKING_DAYS = 10
MOST_PAPERS = 30


@transaction.atomic
def open_claim(statement: Statement, *, actor: Actor, at: datetime) -> Claim:
    """Begin a claim on a final statement; asking again gives the one there is.

    Writes: a draft, state row.

    Raises:
        Refused: paid otherwise, not final, in dispute, decided already, or too late.
    """
    statement = taken(statement)
    need_seat(statement, SIDE, actor)
    _claimable(statement, at)
    known = statement.claims.exclude(state=Claim.State.REFUSED).first()
    if known is not None:
        return known
    number = statement.claims.count() + 1
    more = f"-{number}" if number > 1 else ""
    claim = Claim.objects.create(
        claim_no=statement.statement_no.replace("PTSL-JS-", "PTSL-SQ-", 1) + more,
        statement=statement,
        version=statement.version,
        digest=statement.digest,
        expected_fen=statement.public_fen,
        opened_at=at,
    )
    write_row(claim, "open", "开始填报", ("", claim.state), actor=actor, at=at)
    return claim


def _claimable(statement: Statement, at: datetime) -> None:
    """Refuse a statement that is not claimed, or not now."""
    if not statement.by_claim:
        raise Refused(
            "paid_at_once", "这份对账单为即用即抵，券已直接抵扣，由财政付给服务商，不需要申请核销。"
        )
    if statement.state != Statement.State.APPROVED:
        raise Refused("not_final", "对账单签发以后才能申请核销，请等待数据局签发。")
    if statement.objections.filter(state="open").exists():
        raise Refused("objection_open", "这份对账单还有异议在处理，办结后才能申请核销。")
    if statement.granted_fen is not None or statement.public_fen == 0:
        raise Refused("nothing_to_claim", "这份对账单没有可以申请的金额，或已经核销。")
    until = claim_until(statement)
    if until is None or at >= until:
        raise Refused("claim_too_late", "申报期限已过，未核销的券额已失效，不能再申请。")


@transaction.atomic
def add_paper(claim: Claim, said: Paper, upload: Upload, *, actor: Actor, at: datetime) -> Any:
    """Add an invoice or a bank receipt with its file to a draft.

    Writes: paper, file, log entry of the file.

    Raises:
        Refused: not a draft, something cannot be right, the number serves another claim, or the
            file will not do.
    """
    claim = _own(claim, actor)
    _editable(claim)
    if said.kind not in (INVOICE, RECEIPT):
        raise Refused("kind_unknown", "请选择凭据种类：发票或银行回单。", field="kind")
    fault = fault_of(said)
    if fault:
        raise Refused("paper_invalid", fault[1], field=fault[0])
    if claim.papers.filter(active=True).count() >= MOST_PAPERS:
        raise Refused("too_many_papers", f"一件申请最多 {MOST_PAPERS} 份凭据。", field="kind")
    _serves_once(said, claim)
    if not upload.content:
        raise Refused("file_empty", "请附上凭据的文件（PDF、JPG 或 PNG）。", field="file")
    (file,) = keep_files(claim.statement, Kind.CLAIM, claim.pk, [upload], actor=actor, at=at)
    try:
        with transaction.atomic():
            return _write_paper(claim, said, file)
    except IntegrityError:
        # Two windows at once: the database has the last word on a number that serves twice.
        raise Refused("paper_used", _used_words(said), field="number") from None


def _serves_once(said: Paper, claim: Claim) -> None:
    used = ClaimPaper.objects.filter(
        kind=said.kind, code=said.code, number=said.number, active=True
    ).select_related("claim")
    found = used.first()
    if found is None:
        return
    where = "本件申请" if found.claim_id == claim.pk else "另一件核销申请"
    raise Refused("paper_used", _used_words(said, where), field="number")


def _used_words(said: Paper, where: str = "另一件核销申请") -> str:
    word = "发票" if said.kind == INVOICE else "银行回单"
    return f"{word} {said.number} 已用于{where}，一份凭据只能用一次。请核对号码。"


def _write_paper(claim: Claim, said: Paper, file: StatementFile) -> ClaimPaper:
    return ClaimPaper.objects.create(
        claim=claim,
        kind=said.kind,
        code=said.code,
        number=said.number,
        dated_on=said.on,
        amount_fen=said.amount_fen,
        payer_name=said.payer_name.strip(),
        payer_uscc=said.payer_uscc,
        payee_name=said.payee_name.strip(),
        payee_uscc=said.payee_uscc,
        file=file,
    )


@transaction.atomic
def drop_paper(paper: ClaimPaper, *, actor: Actor, at: datetime) -> ClaimPaper:
    """Take a paper out of a draft; its number is free again. Writes: the paper ended, state row."""
    claim = _own(paper.claim, actor)
    _editable(claim)
    paper = ClaimPaper.objects.select_for_update(of=("self",)).get(pk=paper.pk)
    if paper.active:
        paper.active = False
        paper.save()
        states = (str(claim.state),) * 2
        write_row(claim, "drop_paper", "移除凭据", states, actor=actor, at=at, reason=paper.number)
    return paper


@transaction.atomic
def submit_claim(claim: Claim, *, actor: Actor, at: datetime) -> Claim:
    """Hand a claim in; asking again changes nothing.

    Writes: what the machine found of each rule, state row, log entry, message to who checks.

    Raises:
        Refused: no invoice, no receipt where one is wanted, a file that failed the check, the
            statement changed, or too late.
    """
    claim = _own(claim, actor)
    if claim.state == Claim.State.SUBMITTED:
        return claim
    _editable(claim)
    statement = claim.statement
    _claimable(statement, at)
    papers = list(claim.papers.filter(active=True).select_related("file"))
    wants = _wants_receipt(statement)
    if not any(each.kind == INVOICE for each in papers):
        raise Refused("invoice_missing", "请至少添加一张发票。", field="kind")
    if wants and not any(each.kind == RECEIPT for each in papers):
        raise Refused("receipt_missing", "请至少添加一份银行回单。", field="kind")
    if any(each.file.scan == StatementFile.Scan.INFECTED for each in papers):
        raise Refused("file_infected", "有文件未通过安全检查，请移除后重新上传。", field="file")
    claim.version, claim.digest = statement.version, statement.digest
    claim.expected_fen = statement.public_fen
    claim.checks = [each.as_plain() for each in judge(subject_of(statement, at), said_by(claim))]
    claim.submitted_at, claim.submitted_name = at, actor.name
    claim.submitted_person = actor.person
    claim.due_on = work_calendar().add_working_days(day_of(at), CHECK_WORKING_DAYS)
    move(claim, "submit", actor=actor, at=at)
    claim.save()
    body = {
        "claim": claim.pk,
        "claim_no": claim.claim_no,
        "statement": statement.pk,
        "version": claim.version,
        "digest": claim.digest,
        "papers": sorted(each.file.sha256 for each in papers),
    }
    audit.record("claim.submitted", body, actor=actor, at=at)
    tell_claim_waits(claim, CHECKS_CLAIMS, at)
    return claim


def _wants_receipt(statement: Statement) -> bool:
    return SettlementMode(statement.mode).wants_bank_receipt


def subject_of(statement: Statement, at: datetime) -> Subject:
    """Return what the papers of a claim on a statement are held against."""
    until = claim_until(statement) or at
    return Subject(
        payer_name=statement.enterprise.name,
        payer_uscc=statement.enterprise.uscc,
        payee_name=statement.provider.name,
        payee_uscc=statement.provider.uscc,
        from_on=day_of(statement.order.starts_at),
        until_on=day_of(until),
        gross_fen=statement.gross_fen,
        today=day_of(at),
        wants_receipt=_wants_receipt(statement),
    )


def said_by(claim: Claim) -> list[Paper]:
    """Return what the standing papers of a claim say."""
    return [
        Paper(
            each.kind, each.code, each.number, each.dated_on, each.amount_fen, each.payer_name,
            each.payee_name, each.payer_uscc, each.payee_uscc,
        )
        for each in claim.papers.filter(active=True)
    ]  # fmt: skip


def _editable(claim: Claim) -> None:
    if claim.state not in (Claim.State.DRAFT, Claim.State.SUPPLEMENT):
        raise Refused("wrong_state", "核销申请已提交，不能修改。需要更改的，请联系数据局退回补正。")


def _own(claim: Claim, actor: Actor) -> Claim:
    found = taken_claim(claim)
    need_seat(found.statement, SIDE, actor)
    return found


def taken_claim(claim: Claim) -> Claim:
    """Lock a claim after its month and statement."""
    statement = taken(claim.statement)
    found = Claim.objects.select_for_update(of=("self",)).get(pk=claim.pk)
    found.statement = statement
    return found

"""Take the bank's answers to a payment file: compared line by line first, booked after a look."""

import hashlib
from datetime import date, datetime

from django.db import transaction

from billing.bank_files import Difference, Payment, answer_form, read_answers
from billing.models import BankFile, BankResult, MonthClose, PaymentLine
from billing.settling.paying import record_failure, record_payment, record_return
from billing.settling.signing import as_payment
from ledger import audit
from ledger.actors import Actor
from ledger.periods import day_of
from ledger.refusals import Refused

SHOWN = 3


def payments_of(file: BankFile) -> list[Payment]:
    """Return the payments of a bank file, in its order."""
    return [as_payment(each) for each in _lines_of(file).values()]


def _lines_of(file: BankFile) -> dict[str, PaymentLine]:
    """Return the lines of a bank file by reference: those whose number stands in it."""
    lines = file.batch.lines.select_related("batch__close", "provider", "enterprise")
    return {
        each.reference: each
        for each in lines.order_by("ordinal")
        if f"\n{each.reference}," in file.content
    }


def answer_form_of(file: BankFile) -> bytes:
    """Return the results file of a bank file, everything but the answers filled in."""
    return answer_form(payments_of(file), file.sha256)


def differences_of(file: BankFile, content: bytes, at: datetime) -> list[Difference]:
    """Return where an uploaded results file differs from what was sent, for its page."""
    return read_answers(content, payments_of(file), file.sha256, day_of(at))[1]


@transaction.atomic
def load_results(file: BankFile, content: bytes, *, actor: Actor, at: datetime) -> BankResult:
    """Take a results file in after comparing it; nothing is booked yet.

    The same file again is the same result.

    Writes: the file as it came, its rows, log entry.

    Raises:
        Refused: no results file, or it differs from what was sent: digest, reference, payee,
            account or amount.
    """
    file = BankFile.objects.select_related("batch__close").get(pk=file.pk)
    MonthClose.objects.select_for_update(of=("self",)).get(pk=file.batch.close_id)
    answers, differences = read_answers(content, payments_of(file), file.sha256, day_of(at))
    if differences:
        told = "；".join(
            f"第 {each.row} 行 {each.reference} {each.what}" for each in differences[:SHOWN]
        )
        raise Refused(
            "result_differs",
            f"回单与付款文件有 {len(differences)} 处不一致（{told}），整份没有入账。"
            "请按下表核对，用银行原始回单重新上传。",
            field="file",
            details={"count": str(len(differences))},
        )
    sha256 = hashlib.sha256(content).hexdigest()
    if known := file.results.filter(sha256=sha256).first():
        return known
    result = BankResult.objects.create(
        file=file,
        content=content.decode("utf-8-sig", errors="replace"),
        sha256=sha256,
        rows=[each.as_row() for each in answers],
        loaded_at=at,
        loaded_name=actor.name,
    )
    body = {
        "result": result.pk,
        "file": file.pk,
        "batch": file.batch_id,
        "lines": len(answers),
        "sha256": sha256,
    }
    audit.record("payment.answered", body, actor=actor, at=at)
    return result


@transaction.atomic
def book_results(result: BankResult, *, digest: str, actor: Actor, at: datetime) -> BankResult:
    """Book the bank's answers, all or none; answers booked before change nothing.

    Args:
        digest: of the results file as it was shown.

    Writes: what ``record_payment``, ``record_return`` and ``record_failure`` write; the result
        marked as booked; log entry.

    Raises:
        Refused: another file was shown, or an answer contradicts what is recorded; the sentence
            names the payment.
    """
    found = BankResult.objects.select_related("file__batch__close").get(pk=result.pk)
    MonthClose.objects.select_for_update(of=("self",)).get(pk=found.file.batch.close_id)
    result = (
        BankResult.objects.select_for_update(of=("self",))
        .select_related("file__batch__close")
        .get(pk=found.pk)
    )
    if result.booked_at:
        return result
    if digest != result.sha256:
        raise Refused("changed", "您核对的不是这份回单，请刷新页面重新核对。")
    lines = _lines_of(result.file)
    for row in result.rows:
        try:
            _book(lines[row["reference"]], row, actor, at)
        except Refused as refused:
            raise _of_one(row["reference"], refused) from refused
    result.booked_at, result.booked_name = at, actor.name
    result.save()
    body = {"result": result.pk, "file": result.file_id, "sha256": result.sha256}
    audit.record("payment.booked", body, actor=actor, at=at)
    return result


def _of_one(reference: str, refused: Refused) -> Refused:
    """Return a refusal that says which payment of a file it is about."""
    return Refused(
        refused.code,
        f"{reference}：{refused.message}整份回单没有入账，请核对这笔款项后再办理。",
        details={**refused.details, "reference": reference},
    )


def _book(line: PaymentLine, row: dict[str, str], actor: Actor, at: datetime) -> None:
    """Book one answer; a payment that came back was made first."""
    if row["word"] == "pending":
        return
    if row["word"] == "failed":
        record_failure(line, reason=row["reason"], actor=actor, at=at)
        return
    if line.state == PaymentLine.State.RETURNED and line.bank_reference == row["serial"]:
        return
    record_payment(
        line,
        bank_reference=row["serial"],
        paid_on=date.fromisoformat(row["on"]),
        actor=actor,
        at=at,
    )
    if row["word"] == "returned":
        record_return(line, reason=row["reason"], actor=actor, at=at)

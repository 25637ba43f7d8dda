"""Import registers the bureau was sent: one person prepares, a person confirms, then it counts.

Lists that take a right away need a second natural person, and act on the enterprises they name.
"""

import dataclasses
import hashlib
from datetime import date, datetime

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.lifecycle import can
from ledger.periods import day_of
from ledger.refusals import Refused
from vouchers import gates
from vouchers.barring import bar_enterprise, suspend_enterprise
from vouchers.evidence import safe_name
from vouchers.models import Enterprise, RegisterImport, RegisterRow
from vouchers.register_files import KINDS, Reading, read_register
from vouchers.registers import mark
from vouchers.wording import clean_text

BAR_YEARS = 3  # DEFAULT of the scheme: dishonesty weighs three years
MOST_TOLD = 20


@transaction.atomic
def prepare_import(
    register: str,
    content: bytes,
    *,
    file_name: str,
    source: str,
    as_of: date,
    actor: Actor,
    at: datetime,
) -> RegisterImport:
    """Take a register file in as a preview: every line is read, nothing counts yet.

    Args:
        register: code of the register.
        content: the bytes of the file.
        file_name: what the file was called.
        source: the office it came from, with the number of its letter.
        as_of: the day the file speaks of.
        actor: who prepares.
        at: when.

    Writes: the import with the digest of its file, one row per line, log entry.

    Raises:
        Refused: a faulty file (details hold one sentence per faulty line), the same file again, no
            source, or a day in the future.
    """
    if register not in KINDS:
        raise Refused("unknown_register", "没有这种名录，请从列表中选择。", field="register")
    told = _source(source)
    if as_of > day_of(at):
        raise Refused("as_of_future", "名录截至日期不能晚于今天，请更正。", field="as_of")
    digest = hashlib.sha256(content).hexdigest()
    known = RegisterImport.objects.filter(
        register=register, sha256=digest, discarded_at__isnull=True
    ).first()
    if known:
        raise Refused(
            "register_known",
            f"这份文件已于 {day_of(known.prepared_at)} 导入，没有重复导入。",
            field="file",
        )
    reading = read_register(register, content, mark)
    _faultless(reading)
    batch = RegisterImport.objects.create(
        register=register,
        source=told,
        as_of=as_of,
        file_name=safe_name(file_name),
        sha256=digest,
        row_count=len(reading.rows),
        prepared_at=at,
        prepared_by=dataclasses.asdict(actor),
        prepared_person=actor.person,
    )
    RegisterRow.objects.bulk_create(
        (RegisterRow(batch=batch, **vars(row)) for row in reading.rows), batch_size=1000
    )
    _log("register.prepare", batch, actor, at)
    return batch


@transaction.atomic
def confirm_import(batch: RegisterImport, *, actor: Actor, at: datetime) -> RegisterImport:
    """Let a prepared register count; a list that takes rights away acts on those it names.

    Writes: the confirmation, log entry; for serious dishonesty a bar, for abnormal operation a
        suspension of each registered enterprise that stands on the list.

    Raises:
        Refused: decided already, or the person who prepared a barring list confirms it.
    """
    batch = _open(batch)
    prepared = Actor(**batch.prepared_by)
    if KINDS[batch.register].bars:
        gates.two_persons(prepared, actor)
    batch.confirmed_at = at
    batch.confirmed_by, batch.confirmed_person = actor.name, actor.person
    batch.save()
    _log("register.confirm", batch, actor, at)
    if KINDS[batch.register].bars:
        _act_on_named(batch, prepared, actor, at)
    return batch


@transaction.atomic
def discard_import(
    batch: RegisterImport, *, reason: str, actor: Actor, at: datetime
) -> RegisterImport:
    """Drop a prepared register; its lines never count.

    Raises:
        Refused: decided already, or no reason.
    """
    batch = _open(batch)
    if not reason.strip():
        raise Refused("reason_missing", "请写明作废理由。", field="reason")
    batch.discarded_at = at
    batch.save()
    _log("register.discard", batch, actor, at)
    return batch


def _act_on_named(batch: RegisterImport, prepared: Actor, actor: Actor, at: datetime) -> None:
    """Bar or suspend the registered enterprises of a list, in one order."""
    today = day_of(at)
    named = {row.uscc: row for row in batch.rows.order_by("line_no") if row.on_list(today)}
    for enterprise in Enterprise.objects.filter(uscc__in=named).order_by("pk"):
        row = named[enterprise.uscc]
        reason = f"{batch.get_register_display()}（{batch.source}）：{row.document_no}"
        if batch.register == RegisterImport.Register.DISHONESTY and can(enterprise, "bar"):
            bar_enterprise(
                enterprise,
                row.removed_on or _years_on(today),
                reason=reason,
                approved_by=actor,
                actor=prepared,
                at=at,
            )
        elif batch.register == RegisterImport.Register.ABNORMAL and can(enterprise, "suspend"):
            suspend_enterprise(enterprise, reason=reason, actor=prepared, at=at)


def _years_on(day: date) -> date:
    try:
        return day.replace(year=day.year + BAR_YEARS)
    except ValueError:  # 29 February
        return day.replace(year=day.year + BAR_YEARS, day=28)


def _faultless(reading: Reading) -> None:
    if not reading.faults and reading.rows:
        return
    faults = reading.faults or ((0, "文件只有列名，没有内容。"),)
    told = "".join(sentence for _, sentence in faults[:3])
    more = f"共 {len(faults)} 处，请全部更正后重新上传。" if len(faults) > 3 else ""
    raise Refused(
        "register_faulty",
        f"文件没有导入。{told}{more}",
        field="file",
        details={str(line_no): sentence for line_no, sentence in faults[:MOST_TOLD]},
    )


def _source(source: str) -> str:
    try:
        told = clean_text(source, longest=200)
    except ValueError as error:
        raise Refused("source_invalid", f"来源：{error}。", field="source") from error
    if not told:
        raise Refused("source_missing", "请写明来源单位和文号。", field="source")
    return told


def _open(batch: RegisterImport) -> RegisterImport:
    batch = RegisterImport.objects.select_for_update(of=("self",)).get(pk=batch.pk)
    if batch.confirmed_at or batch.discarded_at:
        done = "已确认" if batch.confirmed_at else "已作废"
        raise Refused("register_decided", f"这份名录{done}，请刷新页面查看。")
    return batch


def _log(kind: str, batch: RegisterImport, actor: Actor, at: datetime) -> None:
    audit.record(
        kind,
        {
            "batch": batch.pk,
            "register": batch.register,
            "sha256": batch.sha256,
            "rows": str(batch.row_count),
            "as_of": batch.as_of.isoformat(),
        },
        actor=actor,
        at=at,
    )

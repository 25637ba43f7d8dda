"""Pack the monthly audit bundle: the log, what follows from it, and how to check it.

Same log, same month, same bytes. Everything is taken in one snapshot of the database, up to the
newest checkpoint. What other bodies say of the log comes later than the log: with it the same
log gives another file, which says more.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from django.db import connection, transaction
from django.db.models import QuerySet

from ledger import models
from ledger.archives import ArchiveWriter
from ledger.attachments import (
    ANCHOR_TYPE,
    MOST_SIZES,
    cosignature_lines,
    cosignature_name,
    receipt_name,
    time_stamps,
)
from ledger.audit_bundles import (
    INVENTORY,
    KEYS,
    LOG,
    POLICY,
    README,
    REPORTS,
    SCHEMAS,
    SM3_HEADS,
    TRIAL_BALANCE,
    VERIFIER,
    Inventory,
    month_end,
    trial_balance,
)
from ledger.audit_checks import REPORT_MADE, REPORT_PDF, Papers
from ledger.bundles import Manifest
from ledger.entries import decode
from ledger.exporting import export_heads, export_log
from ledger.keys import key_history
from ledger.periods import Month
from ledger.refusals import Refused
from ledger.replay import AccountName
from ledger.schemas import PUBLISH_TYPE, house_schemas
from ledger.standalone import verifier_program
from ledger.suites import SM3
from ledger.witnessing import policy

_SUMS = """
WITH sealed AS (
    SELECT j.seq FROM ledger_journal j JOIN ledger_logentry e ON e.journal_seq = j.seq
    JOIN ledger_logleaf l ON l.entry_id = e.seq
    WHERE l.index < %(size)s AND j.effective_at < %(before)s::timestamptz
), moved AS (
    SELECT t.debit_id, t.credit_id,
        CASE t.phase WHEN 'pending' THEN t.amount WHEN 'single' THEN 0 ELSE -h.amount END AS held,
        CASE WHEN t.phase IN ('single', 'post') THEN t.amount ELSE 0 END AS posted
    FROM ledger_transfer t JOIN sealed s ON s.seq = t.journal_id
    LEFT JOIN ledger_transfer h ON h.id = t.pending_id
), sides AS (
    SELECT debit_id AS id, held AS a, posted AS b, 0 AS c, 0 AS d FROM moved
    UNION ALL SELECT credit_id, 0, 0, held, posted FROM moved
)
SELECT k.code, k.programme, k.subject,
    sum(s.a)::text, sum(s.b)::text, sum(s.c)::text, sum(s.d)::text
FROM sides s JOIN ledger_account k ON k.id = s.id
GROUP BY k.id ORDER BY k.code COLLATE "C", k.programme COLLATE "C", k.subject COLLATE "C"
"""
_ROWS_AT_ONCE = 2_000
_README = """算力券账簿与签名日志　月度审计包　{month}
日志来源：{origin}

怎样核验（不需要数据库，不需要联网）：
  1. 准备 Python 3.11 或更新版本，并安装 cryptography 程序包。
  2. 从压缩包中取出 voucher-verify.pyz。最好不用本包里的，而用您以前保存的或另行取得的。
  3. 运行：python voucher-verify.pyz 本压缩包.zip --vkey 另行取得的密钥文件
     另行取得了信任策略的，加 --policy 策略文件；核验时间戳，加 --tsa-roots 机构证书文件（PEM），
     并另装 rfc3161-client 程序包。
  4. 最后一行以 OK 开头即全部相符；以 NOT OK 开头则指出第一处不符。
每月例行：python voucher-verify.pyz 上月.zip 本月.zip ，同时核对本月的日志是否以上月的日志开头。

核验的内容：每个检查点的树根与签名；每条日志的写法与格式；由日志重算全部余额并检查记账规则；
试算表（trial-balance.txt）与重算结果一致；报告（reports/）与链上凭证（anchors/）的摘要与日志登记的一致；
见证签名（cosignatures/）对照策略；时间戳（timestamps/）对照机构证书。
见证签名与时间戳只收最近 {most} 个检查点的；较晚的检查点包含较早的。
本文件、核验程序与 policy.txt 不由日志约束，只列在 inventory.txt 中。

Books and signed log of the computing vouchers: monthly audit bundle {month}
Log: {origin}

How to verify (no database, no network):
  1. Have Python 3.11 or later with the package cryptography.
  2. Take voucher-verify.pyz out of this archive; better, use a copy you kept or got elsewhere.
  3. Run: python voucher-verify.pyz THIS.zip --vkey KEY_FILE_FROM_ELSEWHERE
     Add --policy POLICY_FROM_ELSEWHERE to insist on its witnesses, and --tsa-roots CERTIFICATES
     (PEM, with the package rfc3161-client) to check the time stamps.
  4. The last line begins with OK when everything fits, or with NOT OK and the first misfit.
Each month: python voucher-verify.pyz LAST_MONTH.zip THIS_MONTH.zip also checks that this log
begins with the earlier one.

Checked: root and signatures of every checkpoint; form and schema of every entry; all balances,
booked again from the log under the rules of the books; the trial balance against them; the
digests of reports and anchor receipts against the log; cosignatures against the policy; time
stamps against the certificates. Cosignatures and time stamps are those of the newest {most}
checkpoints. This file, the verifier and policy.txt are bound by inventory.txt only.
"""


@dataclass(frozen=True)
class Packed:
    """What was packed."""

    manifest: Manifest
    papers: int
    size: int


def export_audit(path: Path, month: Month, papers: Mapping[str, Path]) -> Packed:
    """Write the audit bundle of a month.

    The file appears under its name only when it is complete.

    Args:
        papers: where the finished reports lie, by report number; those packed are the ones of
            this month that the exported part of the log registers.

    Raises:
        Refused: nothing is sealed yet, or a report is missing or not as the log knows it.
    """
    with TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        fresh, log, trial, sm3 = (Path(folder) / each for each in ("zip", "log", "trial", "sm3"))
        with transaction.atomic():
            _one_snapshot()
            manifest = export_log(log)
            with trial.open("wb") as file:
                file.writelines(_trial_balance(manifest, month))
            keys = [*manifest.keys, *export_heads(sm3, SM3, manifest.entries)]
            small = _small_members(manifest, month, keys) | _attachments(manifest.entries)
            reports = _reports(manifest.entries, month, papers)
        paths = {LOG: log, TRIAL_BALANCE: trial, **reports}
        if sm3.exists():
            paths[SM3_HEADS] = sm3
        digests = {name: _digest(each) for name, each in paths.items()}
        digests |= {name: hashlib.sha256(each).hexdigest() for name, each in small.items()}
        small[INVENTORY] = Inventory(
            str(month), manifest.origin, manifest.entries, manifest.root, digests
        ).encoded()
        with fresh.open("wb") as file:
            _write(ArchiveWriter(file), small, paths)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    return Packed(manifest, len(reports), path.stat().st_size)


def _one_snapshot() -> None:
    """Read everything as of one moment; a caller's own transaction keeps its isolation."""
    if not connection.savepoint_ids:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _small_members(manifest: Manifest, month: Month, keys: list[str]) -> dict[str, bytes]:
    known = policy([each.key for each in key_history().spans])
    readme = _README.format(month=month, origin=manifest.origin, most=MOST_SIZES)
    return {
        KEYS: "".join(f"{each}\n" for each in keys).encode(),
        POLICY: known.text.encode("utf-8", "surrogateescape"),
        README: readme.encode(),
        VERIFIER: verifier_program(),
        **_schemas(manifest.entries),
    }


def _attachments(size: int) -> dict[str, bytes]:
    """Return what other bodies said of the exported part of the log."""
    found: dict[str, bytes] = {}
    cosigned = models.Cosignature.objects.filter(size__lte=size)
    for each in _newest_sizes(cosigned):
        lines = cosigned.filter(size=each).values_list("line", flat=True)
        found[cosignature_name(each)] = cosignature_lines(lines)
    stamped = models.TimeStamp.objects.filter(size__lte=size)
    for each in _newest_sizes(stamped):
        tokens = stamped.filter(size=each).values_list("token", flat=True)
        found |= time_stamps(each, map(bytes, tokens))
    logged = models.LogEntry.objects.filter(type=ANCHOR_TYPE, logleaf__index__lt=size)
    for row in models.Anchor.objects.filter(entry_id__in=logged.values("id")).iterator():
        found[receipt_name(row.size, bytes(row.receipt_sha256).hex())] = bytes(row.receipt)
    return found


def _newest_sizes(
    rows: QuerySet[models.Cosignature] | QuerySet[models.TimeStamp],
) -> list[int]:
    sizes = rows.order_by("-size").values_list("size", flat=True).distinct()
    return list(sizes[:MOST_SIZES])


def _write(writer: ArchiveWriter, small: dict[str, bytes], paths: dict[str, Path]) -> None:
    for name in sorted([*small, *paths]):
        if name in small:
            writer.add(name, small[name])
        else:
            with paths[name].open("rb") as file:
                writer.add(name, file)
    writer.close()


def _reports(size: int, month: Month, papers: Mapping[str, Path]) -> dict[str, Path]:
    """Return the files of the reports that the log registers for a month."""
    logged = Papers()
    entries = models.LogEntry.objects.filter(
        type__in=[REPORT_MADE, REPORT_PDF], logleaf__index__lt=size
    )
    for body in entries.order_by("logleaf__index").values_list("body", flat=True):
        entry = decode(bytes(body))
        logged.take(entry["type"], entry["body"])
    found = {}
    for name, digests in sorted(logged.due(str(month)).items()):
        number = name.removeprefix(REPORTS).removesuffix(".pdf")
        path = papers.get(number)
        if path is None or not path.is_file():
            raise Refused("report_missing", f"报告 {number} 的 PDF 文件不在，请先找回或重新生成。")
        if _digest(path) not in digests:
            raise Refused("report_changed", f"报告文件 {path} 与日志登记的摘要不一致，请先核对。")
        found[name] = path
    return found


def _schemas(size: int) -> dict[str, bytes]:
    """Return the schemas that the exported part of the log publishes."""
    bodies = models.LogEntry.objects.filter(type=PUBLISH_TYPE, logleaf__index__lt=size)
    known = b"\n".join(bytes(each) for each in bodies.values_list("body", flat=True))
    return {
        f"{SCHEMAS}{each.file_name}": each.raw
        for each in house_schemas()
        if each.digest.encode() in known
    }


def _trial_balance(manifest: Manifest, month: Month) -> Iterator[bytes]:
    yield from trial_balance(str(month), manifest.origin, manifest.entries, _rows(manifest, month))


def _rows(manifest: Manifest, month: Month) -> Iterator[tuple[AccountName, tuple[int, ...]]]:
    with psycopg.ServerCursor(connection.connection, "trial_balance") as cursor:
        cursor.itersize = _ROWS_AT_ONCE
        cursor.execute(_SUMS, {"size": manifest.entries, "before": month_end(str(month))})
        for code, programme, subject, *sums in cursor:
            yield (code, programme, subject), tuple(map(int, sums))

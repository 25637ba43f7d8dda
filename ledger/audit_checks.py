"""Check the monthly audit bundle: the log inside, and everything beside it against the log.

Source: docs/ledger.md, how to verify; ledger/audit_bundles.py (the form).
"""

from dataclasses import dataclass, field, replace
from typing import IO, Any

from ledger.archives import ArchiveError, ArchiveReader
from ledger.attachments import ANCHOR_TYPE, Attached
from ledger.audit_bundles import (
    INVENTORY,
    KEYS,
    LOG,
    MAX_INVENTORY,
    MAX_SMALL,
    README,
    REPORTS,
    REQUIRED,
    SCHEMAS,
    SM3_HEADS,
    TRIAL_BALANCE,
    VERIFIER,
    Inventory,
    MonthEnd,
    allowed,
    month_end,
    stated_month,
    trial_balance,
)
from ledger.bundle_checks import Asked, Report, read_heads, verify
from ledger.bundles import BundleError, BundleReader, parse_keys
from ledger.schemas import Schema, SchemaError
from ledger.signing import NoteError, VerificationKey
from ledger.suites import SM3
from ledger.walks import Heads, NotOk, Watch

REPORT_MADE, REPORT_PDF = "report.made", "report.pdf"


@dataclass
class Papers:
    """What the log says of printed reports: their month, and the digest of each PDF."""

    months: dict[str, str] = field(default_factory=dict)
    digests: dict[str, set[str]] = field(default_factory=dict)

    def take(self, kind: str, body: dict[str, Any]) -> None:
        """Take note of one entry about a report."""
        number, month, digest = (body.get(each) for each in ("report_no", "month", "sha256"))
        if kind == REPORT_MADE and isinstance(number, str) and isinstance(month, str):
            self.months[number] = month
        elif isinstance(number, str) and isinstance(digest, str):
            self.digests.setdefault(number, set()).add(digest)

    def due(self, month: str) -> dict[str, set[str]]:
        """Return the file names a month must hold, with the digest each may have."""
        return {
            f"{REPORTS}{number}.pdf": digests
            for number, digests in self.digests.items()
            if self.months.get(number) == month
        }


def verify_audit(file: IO[bytes], asked: Asked | None = None) -> Report:
    """Check a monthly audit bundle.

    Raises:
        NotOk: the first thing that is wrong, in one sentence.
    """
    try:
        return _AuditBundle(file, asked or Asked()).report()
    except ArchiveError as error:
        raise NotOk(f"压缩包不是规定的写法：{error}") from error


class _AuditBundle:
    """One audit bundle on its way through the checks."""

    def __init__(self, file: IO[bytes], asked: Asked) -> None:
        self.archive = ArchiveReader(file)
        self.asked = asked
        self.digests: dict[str, str] = {}
        self.papers = Papers()
        names = set(self.archive.members)
        if missing := sorted(REQUIRED - names):
            raise NotOk(f"压缩包里没有 {missing[0]}。")
        if strange := sorted(each for each in names if not allowed(each)):
            raise NotOk(f"压缩包里有不应有的文件 {strange[0]}。")
        self.inventory = self.small(INVENTORY, MAX_INVENTORY)
        try:
            self.month = stated_month(self.inventory)
        except ValueError as error:
            raise NotOk("清单 inventory.txt 不成形。") from error
        self.attached = Attached(
            self.archive.members, self.small, policy=asked.policy, roots=asked.roots
        )

    def small(self, name: str, most: int = MAX_SMALL) -> bytes:
        content, self.digests[name] = self.archive.read(name, most)
        return content

    def names(self, folder: str) -> list[str]:
        return [each for each in self.archive.members if each.startswith(folder)]

    def report(self) -> Report:
        keys = self.keys()
        heads = self.sm3_heads(keys)
        month_end_books = MonthEnd(month_end(self.month).encode())
        kinds = frozenset({REPORT_MADE, REPORT_PDF, ANCHOR_TYPE})
        attached = self.attached
        watch = Watch(kinds, self.told, self.asked.watch.contains)
        asked = replace(
            self.asked,
            schemas=self.schemas(),
            more_heads=heads,
            watch=watch,
            listen=lambda books: books.listeners.append(month_end_books),
            noted=attached.take_note,
            passed=attached.take_entries,
        )
        reading = self.archive.open(LOG)
        log = verify(reading.file, asked=asked)
        self.digests[LOG] = reading.digest()
        self.check_keys(keys, log, heads)
        self.check_trial_balance(log, month_end_books)
        self.check_reports()
        attached.finish()
        self.check_inventory(log)
        remarks = (*log.remarks, *self.remarks(), *attached.remarks)
        unchecked = (*log.unchecked, *attached.unchecked)
        return replace(log, unchecked=unchecked, remarks=remarks)

    def told(self, kind: str, body: dict[str, Any]) -> None:
        if kind == ANCHOR_TYPE:
            self.attached.take_receipt(body)
        else:
            self.papers.take(kind, body)

    def keys(self) -> list[VerificationKey]:
        try:
            return parse_keys(self.small(KEYS).decode("utf-8").split("\n")[:-1])
        except (UnicodeDecodeError, NoteError) as error:
            raise NotOk(f"{KEYS} 中的验证密钥无效。") from error

    def check_keys(self, keys: list[VerificationKey], log: Report, heads: list[Heads]) -> None:
        """Compare the key file with the keys that signed."""
        used = list(log.manifest.keys)
        used += [each.text for each in keys if any(each.text in one.signed for one in heads)]
        if [each.text for each in keys] != used:
            raise NotOk(f"{KEYS} 中的验证密钥与检查点使用的不一致。")

    def sm3_heads(self, keys: list[VerificationKey]) -> list[Heads]:
        """Read the checkpoints of the SM3 tree, where the bundle has one."""
        if SM3_HEADS not in self.archive.members:
            return []
        reading = self.archive.open(SM3_HEADS)
        reader = BundleReader(reading.file)
        try:
            count, origin = reader.heading()
            heads = read_heads(reader, count, keys, Heads(SM3, origin))
            reader.end()
        except BundleError as error:
            raise NotOk(f"{SM3_HEADS} {error}") from error
        self.digests[SM3_HEADS] = reading.digest()
        return [heads]

    def schemas(self) -> tuple[Schema, ...]:
        found = []
        for name in self.names(SCHEMAS):
            try:
                found.append(Schema.parse(name.removeprefix(SCHEMAS), self.small(name)))
            except SchemaError as error:
                raise NotOk(f"条目格式 {name} 无效：{error}") from error
        return tuple(found)

    def check_trial_balance(self, log: Report, books: MonthEnd) -> None:
        """Compare the trial balance, line by line, with the one that comes out of the log."""
        manifest = log.manifest
        wanted = trial_balance(self.month, manifest.origin, manifest.entries, books.rows())
        reading = self.archive.open(TRIAL_BALANCE)
        for number, line in enumerate(wanted, start=1):
            if reading.file.readline(len(line) + 1) != line:
                raise NotOk(f"试算表第 {number} 行与由日志重算的结果不一致。")
        if reading.file.read(1):
            raise NotOk("试算表比由日志重算的结果多。")
        self.digests[TRIAL_BALANCE] = reading.digest()

    def check_reports(self) -> None:
        """Compare every PDF with the digest that the log has of it; none may be missing."""
        due = self.papers.due(self.month)
        present = self.names(REPORTS)
        if missing := sorted(set(due) - set(present)):
            raise NotOk(f"日志登记了报告 {missing[0]}，文件中却没有。")
        for name in present:
            self.digests[name] = self.archive.open(name).digest()
            if self.digests[name] not in due.get(name, set()):
                raise NotOk(f"{name} 的摘要与日志登记的不一致。")

    def check_inventory(self, log: Report) -> None:
        self.small(README)
        self.small(VERIFIER)
        del self.digests[INVENTORY]
        head = log.head
        made = Inventory(self.month, head.origin, head.size, head.root.hex(), self.digests)
        if made.encoded() != self.inventory:
            raise NotOk("清单 inventory.txt 与压缩包的内容不一致。")

    def remarks(self) -> list[str]:
        count = len(self.names(REPORTS))
        return [f"月份 {self.month}：试算表与日志重算一致，{count} 份报告的摘要与日志一致。"]

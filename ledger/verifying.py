"""Check an exported log offline: no server, no database, no trust in who exported it.

    python -m ledger.verifying FILE [NEWER ...] [--vkey FILE] [--policy FILE]
        [--tsa-roots FILE] [--balances] [--json]

Takes the strict log file and the monthly audit bundle. Recomputes the tree and its root for every
checkpoint, checks every signature, books every journal again from the entries alone, and ends
with one line: ``OK: ...``, or ``NOT OK: ...`` and the first thing that is wrong. Of several files
each later one must begin with the earlier one. Needs Python and the ``cryptography`` package,
nothing else of the house but the few rule files beside this one.
"""

import argparse
import gc
import json
import stat
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from ledger.archives import FIRST_BYTES
from ledger.attachments import insist_on_quorum, judged_note
from ledger.audit_checks import verify_audit
from ledger.bundle_checks import Asked, Progress, Report, verify
from ledger.bundles import parse_keys
from ledger.policies import PolicyError, parse_policy
from ledger.signing import NoteError, TreeHead
from ledger.tokens import TokenError, read_roots
from ledger.walks import GrowingTree, NotOk, Watch

__all__ = ["GrowingTree", "NotOk", "Report", "main", "verify", "verify_audit", "verify_path"]

MAX_KEY_FILE = 262_144
_BIG_FILE = 32 * 1_024 * 1_024
_SECONDS_BETWEEN = 1
_FAULTS_OF_FILES = {
    FileNotFoundError: "没有这个文件",
    IsADirectoryError: "这是一个文件夹，不是文件",
    PermissionError: "没有读取权限",
}


def verify_path(path: Path, asked: Asked | None = None) -> Report:
    """Check one file, whichever of the two kinds it is.

    Raises:
        NotOk: the first thing that is wrong, in one sentence.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            raise NotOk(f"{path} 不是普通文件。")
        with path.open("rb") as file:
            asked = asked or Asked()
            if status.st_size > _BIG_FILE:
                asked = replace(asked, progress=_told_on_stderr())
            return _verify_file(file, asked)
    except OSError as error:
        said = _FAULTS_OF_FILES.get(type(error), f"无法读取（{error.strerror}）")
        raise NotOk(f"{path}：{said}。") from error
    except ValueError as error:  # a path that no file system takes
        if isinstance(error, NotOk):
            raise
        raise NotOk("文件名无效。") from error
    except MemoryError as error:
        raise NotOk(f"{path}：内存不足，无法完成核验。") from error


def _verify_file(file: IO[bytes], asked: Asked) -> Report:
    if not file.read(1):
        raise NotOk("文件是空的。")
    file.seek(0)
    archive = file.read(len(FIRST_BYTES)) == FIRST_BYTES
    file.seek(0)
    return verify_audit(file, asked) if archive else _verify_strict(file, asked)


def _verify_strict(file: IO[bytes], asked: Asked) -> Report:
    """Check a log file alone, which holds no word of any witness."""
    newest: list[tuple[TreeHead, str]] = []

    def noted(head: TreeHead, note: str) -> None:
        newest[:] = [(head, note)]

    report = verify(file, asked=replace(asked, noted=noted))
    if asked.policy is not None:
        for head, note in newest:
            judged = judged_note(note, asked.policy, "最后一个检查点")
            insist_on_quorum(head, asked.policy, judged, "见证签名只在月度审计包中。")
    return report


def _told_on_stderr() -> Progress:
    """Return a progress line for big files, about once a second."""
    started = last = time.monotonic()

    def told(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _SECONDS_BETWEEN or (done == total and now - started > 1):
            last = now
            sys.stderr.write(f"已核验 {done} / {total} 条\n")

    return told


def _read(path: Path, most: int = MAX_KEY_FILE) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(most + 1)
    except (OSError, ValueError) as error:
        raise NotOk(f"无法读取 {path}：{type(error).__name__}") from error
    if len(raw) > most:
        raise NotOk(f"{path} 过大，不是密钥、策略或证书文件。")
    return raw


def _trusted(chosen: argparse.Namespace) -> Asked:
    """Return what the files are checked against: keys, policy and certificates from elsewhere."""
    texts: set[str] = set()
    policy = roots = None
    try:
        if chosen.vkey:
            texts.update(_read(chosen.vkey).decode("utf-8").split())
        if chosen.policy:
            policy = parse_policy(_read(chosen.policy))
            texts.update(each.key.text for each in policy.logs)
        if chosen.tsa_roots:
            roots = tuple(read_roots(_read(chosen.tsa_roots)))
        given = chosen.vkey or chosen.policy
        return Asked(parse_keys(sorted(texts)) if given else None, policy=policy, roots=roots)
    except PolicyError as error:
        raise NotOk(f"策略文件无效：{error}") from error
    except TokenError as error:
        raise NotOk(f"可信机构的证书文件无效：{error}") from error
    except (NoteError, UnicodeDecodeError) as error:
        raise NotOk(f"无法读取验证密钥：{error}") from error


@dataclass(frozen=True)
class Answer:
    """What came of one call: the reports of the sound files, and what is wrong, if anything."""

    reports: list[tuple[Path, Report]]
    fault: str = ""
    remarks: tuple[str, ...] = ()


def _verify_after(path: Path, before: TreeHead | None, trusted: Asked) -> Report:
    """Check a file that must begin with the log that ended with ``before``."""
    report = verify_path(path, replace(trusted, watch=Watch(contains=before)))
    if before and before.origin != report.head.origin:
        raise NotOk(f"{path} 与前一份文件属于不同的日志。")
    if before and before.size > report.head.size:
        raise NotOk(f"{path} 比前一份文件短：请把较新的文件放在后面，否则是日志被截短。")
    return report


def _answer(chosen: argparse.Namespace) -> Answer:
    reports: list[tuple[Path, Report]] = []
    try:
        trusted = _trusted(chosen)
        for path in chosen.files:
            before = reports[-1][1].head if reports else None
            reports.append((path, _verify_after(path, before, trusted)))
    except NotOk as error:
        return Answer(reports, str(error))
    remarks = []
    if trusted.pinned is None:
        remarks.append("提示：验证密钥取自文件本身；请用 --vkey 指定从别处取得的密钥再核验一次。")
    if len(reports) > 1:
        remarks.append("各份文件前后一致：后一份都以前一份开头。")
    return Answer(reports, remarks=tuple(remarks))


def _summary(report: Report) -> str:
    vouchers = report.vouchers
    return (
        f"{report.manifest.entries} 条日志、{report.manifest.checkpoints} 个检查点、"
        f"{report.journals} 张凭证、{report.transfers} 笔分录全部相符；"
        f"{len(vouchers)} 张算力券：入券 {sum(one.issued for one in vouchers)} 分、"
        f"可用 {sum(one.available for one in vouchers)} 分、"
        f"冻结 {sum(one.held for one in vouchers)} 分、"
        f"已转出 {sum(one.spent for one in vouchers)} 分；树根 {report.manifest.root}"
    )


def _balances(report: Report) -> list[str]:
    heading = "方案\t算力券\t入券（分）\t可用（分）\t冻结（分）\t已转出（分）"
    return [heading] + [
        f"{one.programme}\t{one.voucher}\t{one.issued}\t{one.available}\t{one.held}\t{one.spent}"
        for one in report.vouchers
    ]


def _as_text(answer: Answer, *, balances: bool) -> str:
    lines = []
    for path, report in answer.reports:
        if balances and report.vouchers:
            lines += _balances(report)
        if len(answer.reports) > 1:
            lines.append(f"{path}：{_summary(report)}")
        lines.append(
            f"已核验：{'、'.join(report.suites)} 树，{len(report.keys)} 把密钥，"
            f"账簿等式 {'、'.join(report.invariants)}"
        )
        lines += [*report.remarks, *report.unchecked]
    lines += answer.remarks
    lines.append(f"NOT OK: {answer.fault}" if answer.fault else f"OK: {_summary(report)}")
    return "\n".join(lines)


def _as_json(answer: Answer, *, balances: bool) -> str:
    files: list[dict[str, Any]] = []
    for path, report in answer.reports:
        told: dict[str, Any] = {
            "file": str(path),
            "origin": report.head.origin,
            "size": report.head.size,
            "root": report.head.root.hex(),
            "checkpoints": report.manifest.checkpoints,
            "journals": report.journals,
            "transfers": report.transfers,
            "suites": list(report.suites),
            "keys": [each.text for each in report.keys],
            "invariants": list(report.invariants),
            "unchecked": list(report.unchecked),
            "remarks": list(report.remarks),
        }
        if balances:
            told["vouchers"] = [
                {
                    "programme": one.programme, "voucher": one.voucher, "issued": str(one.issued),
                    "available": str(one.available), "held": str(one.held),
                    "spent": str(one.spent),
                }
                for one in report.vouchers
            ]  # fmt: skip
        files.append(told)
    stated = {
        "ok": not answer.fault,
        "fault": answer.fault,
        "remarks": list(answer.remarks),
        "files": files,
    }
    return json.dumps(stated, ensure_ascii=False, indent=2)


def main(arguments: list[str] | None = None) -> int:
    """Run the verifier from the command line; 0 when all is sound, 1 when not."""
    parser = argparse.ArgumentParser(
        prog="voucher-verify", description="离线核验导出的日志或月度审计包，并由日志重算全部余额。"
    )
    parser.add_argument(
        "files", type=Path, nargs="+", metavar="文件",
        help="日志文件或月度审计包；给出几份时，后一份必须以前一份开头",
    )  # fmt: skip
    parser.add_argument("--vkey", type=Path, help="从别处取得的验证密钥文件")
    parser.add_argument("--policy", type=Path, help="从别处取得的信任策略（C2SP tlog-policy）")
    parser.add_argument("--tsa-roots", type=Path, help="可信时间戳机构的证书文件（PEM）")
    parser.add_argument("--balances", action="store_true", help="逐张列出算力券")
    parser.add_argument("--json", action="store_true", help="以 JSON 输出，供程序读取")
    chosen = parser.parse_args(arguments)
    # A terminal that cannot show Chinese shows question marks instead of a fault.
    for each in (sys.stdout, sys.stderr):
        if hasattr(each, "reconfigure"):
            each.reconfigure(errors="replace")
    # Nothing here makes cycles; looking for them over millions of small objects costs a sixth.
    gc.disable()
    answer = _answer(chosen)
    gc.enable()
    told = _as_json if chosen.json else _as_text
    sys.stdout.write(told(answer, balances=chosen.balances) + "\n")
    return 1 if answer.fault else 0


if __name__ == "__main__":
    sys.exit(main())

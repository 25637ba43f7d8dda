"""Check an exported log offline: no server, no database, no trust in who exported it.

    python -m ledger.verifying BUNDLE [--vkey FILE] [--balances]

Recomputes the tree and its root for every checkpoint, checks every signature, books every
journal again from the entries alone, and prints ``OK: ...`` with what every voucher came to, or
names the first thing that is wrong. Needs Python and the ``cryptography`` package, nothing else
of the house but the few rule files beside this one.
"""

import argparse
import sys
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

from ledger.bundles import BundleError, BundleReader, Manifest, parse_keys
from ledger.entries import JOURNAL_TYPE, KEY_TYPE, RETIRE_TYPE, Malformed, decode
from ledger.epochs import read_history
from ledger.replay import Replay, ReplayError, VoucherLine, journal_seq, voucher_lines
from ledger.signing import (
    KEY_ID_BYTES,
    NoteError,
    TreeHead,
    VerificationKey,
    open_all,
    split_note,
)
from ledger.suites import SHA256, Suite

MAX_KEY_FILE = 262_144


class NotOk(ValueError):  # noqa: N818 - the answer of the verifier, in its own words
    """The bundle does not hold, and where."""


@dataclass
class GrowingTree:
    """The roots of the perfect subtrees of a tree that grows leaf by leaf."""

    suite: Suite = SHA256
    size: int = 0
    _edge: list[bytes] = field(default_factory=list)

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        self._edge.append(leaf)
        size = self.size
        while size & 1:
            right = self._edge.pop()
            self._edge[-1] = self.suite.node(self._edge[-1], right)
            size >>= 1
        self.size += 1

    def root(self) -> bytes:
        """Return the root over all leaves so far (at least one)."""
        root = self._edge[-1]
        for each in reversed(self._edge[:-1]):
            root = self.suite.node(each, root)
        return root


@dataclass(frozen=True)
class Report:
    """What a sound bundle holds."""

    manifest: Manifest
    keys: list[VerificationKey]
    journals: int
    transfers: int
    vouchers: list[VoucherLine]


def verify(file: IO[bytes], pinned: list[VerificationKey] | None = None) -> Report:
    """Check a bundle from its first byte to its last.

    Args:
        file: the bundle.
        pinned: keys known from elsewhere; the bundle may use no other.

    Raises:
        NotOk: the first thing that is wrong, in one sentence.
    """
    reader = BundleReader(file)
    try:
        manifest = reader.manifest()
        keys = _keys(manifest, pinned)
        heads = [_head(reader, manifest, keys) for _ in range(manifest.checkpoints)]
        _check_heads(manifest, heads, pinned)
        journals = _walk(reader, manifest, keys, heads)
    except BundleError as error:
        raise NotOk(str(error)) from error
    books = _replay(journals)
    return Report(manifest, keys, books.journals, books.transfers, voucher_lines(books))


def _keys(manifest: Manifest, pinned: list[VerificationKey] | None) -> list[VerificationKey]:
    try:
        keys = parse_keys(manifest.keys)
    except NoteError as error:
        raise NotOk(f"清单中的验证密钥无效：{error}") from error
    if pinned is not None and not any(key in pinned for key in keys):
        raise NotOk(f"清单中的验证密钥 {keys[0].key_id.hex()} 不在您指定的密钥之中。")
    if any(key.name != manifest.origin for key in keys):
        raise NotOk("验证密钥的名称与日志来源不一致。")
    return keys


Head = tuple[TreeHead, list[VerificationKey]]


def _head(reader: BundleReader, manifest: Manifest, keys: list[VerificationKey]) -> Head:
    note = reader.note()
    try:
        named = {(name, blob[:KEY_ID_BYTES]) for name, blob in split_note(note)[1]}
        signing = [each for each in keys if (each.name, each.key_id) in named]
        head = TreeHead.parse(open_all(note, signing, strict=True))
    except NoteError as error:
        raise reader.fail("检查点的签名无效。") from error
    if head.origin != manifest.origin:
        raise reader.fail("检查点属于另一份日志。")
    return head, signing


def _check_heads(
    manifest: Manifest, heads: list[Head], pinned: list[VerificationKey] | None
) -> None:
    if not heads:
        raise NotOk("文件里没有检查点，无法核验。")
    sizes = [head.size for head, _ in heads]
    if sizes[0] < 1 or any(later <= earlier for earlier, later in pairwise(sizes)):
        raise NotOk("检查点的大小没有逐个增大。")
    if sizes[-1] != manifest.entries or heads[-1][0].root.hex() != manifest.root:
        raise NotOk("最后一个检查点与清单不一致。")
    if {key.text for _, keys in heads for key in keys} != set(manifest.keys):
        raise NotOk("清单中的验证密钥与检查点使用的不一致。")
    if pinned is not None and not any(key in pinned for key in heads[-1][1]):
        raise NotOk("最后一个检查点没有您指定的密钥的签名。")


def _walk(
    reader: BundleReader,
    manifest: Manifest,
    keys: list[VerificationKey],
    heads: list[Head],
) -> list[tuple[int, int, dict[str, Any]]]:
    tree = GrowingTree()
    ids: set[str] = set()
    about_keys: list[tuple[int, dict[str, Any]]] = []
    journals: list[tuple[int, int, dict[str, Any]]] = []
    waiting = iter(heads)
    expected = next(waiting)[0]
    sound = 0
    for index, (leaf, raw) in enumerate(reader.entries(manifest.entries)):
        entry = _entry(index, raw, manifest.origin, ids)
        tree.append(leaf)
        if entry["type"] == JOURNAL_TYPE:
            journals.append((_seq(index, entry), index, entry["body"]))
        elif entry["type"] in (KEY_TYPE, RETIRE_TYPE):
            about_keys.append((index, entry))
        if tree.size == expected.size:
            if tree.root() != expected.root:
                raise NotOk(f"第 {sound} 至 {index} 条之间有条目被改动：树根与检查点不一致。")
            sound = tree.size
            expected = next(waiting, heads[-1])[0]
    _check_epochs(about_keys, keys, heads)
    return sorted(journals, key=lambda each: each[:2])


def _check_epochs(
    about_keys: list[tuple[int, dict[str, Any]]], keys: list[VerificationKey], heads: list[Head]
) -> None:
    """Insist that every checkpoint bears the lines of the keys that counted at its size."""
    history = read_history(about_keys)
    if history.faults:
        raise NotOk(f"第 {history.faults[0].index} 条密钥条目不成立：{history.faults[0].sentence}")
    missing = [key.key_id.hex() for key in keys if history.span_of(key.text) is None]
    if missing:
        raise NotOk(f"日志中没有引入密钥 {missing[0]} 的条目。")
    for head, signing in heads:
        if {each.text for each in history.active(head.size)} != {each.text for each in signing}:
            raise NotOk(f"大小为 {head.size} 的检查点，签名行与当时生效的密钥不一致。")


def _entry(index: int, raw: bytes, origin: str, ids: set[str]) -> dict[str, Any]:
    try:
        entry = decode(raw)
    except Malformed as error:
        raise NotOk(f"第 {index} 条不是规范的日志条目：{error}") from error
    known = entry["id"]
    if not isinstance(entry["body"], dict) or not isinstance(known, str) or known in ids:
        raise NotOk(f"第 {index} 条的编号重复或内容不成形。")
    if entry["log"] != origin or entry["v"] != "1" or not isinstance(entry["type"], str):
        raise NotOk(f"第 {index} 条不属于这份日志。")
    ids.add(known)
    return entry


def _seq(index: int, entry: dict[str, Any]) -> int:
    try:
        if entry["body"].get("journal") != entry["id"]:
            raise NotOk(f"第 {index} 条的凭证编号与条目编号不一致。")
        return journal_seq(entry["body"])
    except ReplayError as error:
        raise NotOk(f"第 {index} 条：{error}") from error


def _replay(journals: list[tuple[int, int, dict[str, Any]]]) -> Replay:
    books = Replay()
    for _, index, body in journals:
        try:
            books.book(body)
        except ReplayError as error:
            raise NotOk(f"第 {index} 条凭证不能成立：{error}") from error
    return books


def _read_keys(path: Path) -> list[VerificationKey]:
    try:
        with path.open("rb") as file:
            lines = file.read(MAX_KEY_FILE).decode("utf-8").split()
        return parse_keys(lines)
    except (OSError, UnicodeDecodeError, NoteError) as error:
        raise NotOk(f"无法读取验证密钥文件 {path}：{error}") from error


def _told(report: Report, *, each: bool) -> list[str]:
    vouchers = report.vouchers
    lines = [
        f"{one.programme}\t{one.voucher}\t{one.issued}\t{one.available}\t{one.held}\t{one.spent}"
        for one in vouchers
    ]
    heading = "方案\t算力券\t入券（分）\t可用（分）\t冻结（分）\t已转出（分）"
    summary = (
        f"OK: {report.manifest.entries} 条日志、{report.manifest.checkpoints} 个检查点、"
        f"{report.journals} 张凭证、{report.transfers} 笔分录全部相符；"
        f"{len(vouchers)} 张算力券：入券 {sum(one.issued for one in vouchers)} 分、"
        f"可用 {sum(one.available for one in vouchers)} 分、"
        f"冻结 {sum(one.held for one in vouchers)} 分、"
        f"已转出 {sum(one.spent for one in vouchers)} 分；树根 {report.manifest.root}"
    )
    return [heading, *lines, summary] if each and vouchers else [summary]


def main(arguments: list[str] | None = None) -> int:
    """Run the verifier from the command line; 0 when all is sound, 1 when not."""
    parser = argparse.ArgumentParser(
        prog="python -m ledger.verifying", description="离线核验导出的日志，并由日志重算全部余额。"
    )
    parser.add_argument("bundle", type=Path, help="export_log 导出的文件")
    parser.add_argument("--vkey", type=Path, help="从别处取得的验证密钥文件")
    parser.add_argument("--balances", action="store_true", help="逐张列出算力券")
    chosen = parser.parse_args(arguments)
    # A terminal that cannot show Chinese shows question marks instead of a fault.
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    try:
        pinned = _read_keys(chosen.vkey) if chosen.vkey else None
        with chosen.bundle.open("rb") as file:
            report = verify(file, pinned)
    except (NotOk, OSError) as error:
        sys.stdout.write(f"NOT OK: {error}\n")
        return 1
    lines = _told(report, each=chosen.balances)
    if pinned is None:
        lines.append("提示：验证密钥取自文件本身；请用 --vkey 指定从别处取得的密钥再核验一次。")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

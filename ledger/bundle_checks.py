"""Check the strict log file from its first byte to its last.

Source: docs/ledger.md, how to verify; ledger/bundles.py (the form).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any

from cryptography import x509

from ledger import claimed
from ledger.bundles import BundleError, BundleReader, Manifest, parse_keys
from ledger.epochs import read_history
from ledger.equations import AT_EVERY_STEP, AT_THE_END, broken_equations
from ledger.policies import Policy
from ledger.replay import Replay, VoucherLine, voucher_lines
from ledger.schemas import Schema, SchemaBook, house_schemas
from ledger.signing import KEY_ID_BYTES, NoteError, TreeHead, VerificationKey, split_note
from ledger.suites import SHA256
from ledger.walks import Heads, NotOk, Walk, Watch

Progress = Callable[[int, int], None]
Noted = Callable[[TreeHead, str], None]
INVARIANTS = tuple(sorted({*AT_EVERY_STEP, *AT_THE_END, claimed.INVARIANT}, key=int))


@dataclass
class Asked:
    """What a file is checked against besides itself.

    Args:
        pinned: keys known from elsewhere; one of them must have signed the newest checkpoint.
        schemas: what entry types hold; those of this program unless said.
        strict_schemas: entries must keep schemas even where the log does not publish them.
        more_heads: what was signed of further trees.
        watch: what to look out for on the way.
        progress: told (entries done, entries in all).
        policy: which witnesses must have cosigned the newest checkpoint.
        roots: certificates of the time stamp authorities to trust.
        noted: given every SHA-256 checkpoint, as signed, once its signatures hold.
        passed: given the blocks of entries, with the index of the first, once they hold.
    """

    pinned: list[VerificationKey] | None = None
    schemas: tuple[Schema, ...] | None = None
    more_heads: list[Heads] = field(default_factory=list)
    watch: Watch = field(default_factory=Watch)
    progress: Progress = lambda _done, _all: None
    #: Told of the books before the walk starts, to listen in.
    listen: Callable[[Replay], None] = lambda _books: None
    policy: Policy | None = None
    roots: tuple[x509.Certificate, ...] | None = None
    noted: Noted = lambda _head, _note: None
    passed: Callable[[int, list[bytes]], None] = lambda _first, _entries: None


@dataclass(frozen=True)
class Report:
    """What a sound file holds, and what in it could not be checked."""

    manifest: Manifest
    keys: list[VerificationKey]
    journals: int
    transfers: int
    vouchers: list[VoucherLine]
    head: TreeHead
    suites: tuple[str, ...] = ("sha256",)
    invariants: tuple[str, ...] = INVARIANTS
    unchecked: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def verify(
    file: IO[bytes],
    pinned: list[VerificationKey] | None = None,
    asked: Asked | None = None,
) -> Report:
    """Check a strict log file.

    Args:
        file: the file, opened for reading bytes.
        pinned: keys known from elsewhere; one of them must have signed the newest checkpoint.
        asked: what else it is checked against.

    Raises:
        NotOk: the first thing that is wrong, in one sentence.
    """
    asked = asked or Asked()
    pinned = pinned if pinned is not None else asked.pinned
    reader = BundleReader(file)
    try:
        manifest = reader.manifest()
        keys = _keys(manifest)
        heads = Heads(SHA256, manifest.origin)
        read_heads(reader, manifest.checkpoints, keys, heads, asked.noted)
        head = _check_heads(manifest, heads, pinned)
        schemas = SchemaBook(house_schemas() if asked.schemas is None else asked.schemas)
        claims = claimed.Claimed()
        watch = _both(claims, asked.watch)
        walk = Walk(manifest.origin, [heads, *asked.more_heads], schemas, watch)
        walk.books.listeners.append(claims.booked)
        asked.listen(walk.books)
        for leaves, entries in reader.entries(manifest.entries):
            walk.take(leaves, entries)
            asked.passed(walk.size - len(entries), entries)
            asked.progress(walk.size, manifest.entries)
    except BundleError as error:
        raise NotOk(str(error)) from error
    walk.finish()
    _check_keys([heads, *asked.more_heads], walk)
    unchecked = _check_schemas(schemas, strict=asked.schemas is not None)
    if broken := broken_equations(walk.books) or claims.broken():
        raise NotOk(broken[0])
    return Report(
        manifest=manifest,
        keys=keys,
        journals=walk.books.journals,
        transfers=walk.books.transfers,
        vouchers=voucher_lines(walk.books),
        head=head,
        suites=tuple(each.suite.name for each in (heads, *asked.more_heads)),
        unchecked=tuple(unchecked),
        remarks=tuple(_remarks(walk, schemas)),
    )


def _both(claims: claimed.Claimed, watch: Watch) -> Watch:
    """Return a watch that tells of claims beside what was asked for."""

    def told(kind: str, body: dict[str, Any]) -> None:
        if kind in claimed.KINDS:
            claims.take(kind, body)
        if kind in watch.kinds:
            watch.told(kind, body)

    return Watch(watch.kinds | claimed.KINDS, told, watch.contains)


def _keys(manifest: Manifest) -> list[VerificationKey]:
    try:
        keys = parse_keys(manifest.keys)
    except NoteError as error:
        raise NotOk(f"清单中的验证密钥无效：{error}") from error
    for key in keys:
        if key.name != manifest.origin:
            raise NotOk("验证密钥的名称与日志来源不一致。")
    return keys


def signers_of(note: str, keys: list[VerificationKey]) -> tuple[str, frozenset[str]]:
    """Return the text of a note and the keys that signed it; every line must be one of theirs.

    Raises:
        NoteError: not a note, a signature that does not hold, or a line of another key.
    """
    text, lines = split_note(note)
    known = {(each.name, each.key_id): each for each in keys}
    signed: set[str] = set()
    for name, blob in lines:
        key = known.get((name, blob[:KEY_ID_BYTES]))
        if key is None or key.text in signed:
            raise NoteError("a signature line is of an unknown key or comes twice")
        key.check(text, blob[KEY_ID_BYTES:])
        signed.add(key.text)
    return text, frozenset(signed)


def read_heads(
    reader: BundleReader,
    count: int,
    keys: list[VerificationKey],
    heads: Heads,
    noted: Noted = lambda _head, _note: None,
) -> Heads:
    """Read the checkpoints of one tree and check every signature on each.

    Args:
        noted: given each of them.

    Raises:
        NotOk: a signature, an origin or the order is wrong.
    """
    for _ in range(count):
        note = reader.note()
        try:
            text, signed = signers_of(note, keys)
            head = TreeHead.parse(text)
        except NoteError as error:
            raise reader.fail("检查点的签名无效。") from error
        try:
            heads.add(head, signed)
        except NotOk as error:
            raise reader.fail(str(error)) from error
        noted(head, note)
    return heads


def _check_heads(
    manifest: Manifest, heads: Heads, pinned: list[VerificationKey] | None
) -> TreeHead:
    last = heads.last()
    if last is None:
        raise NotOk("文件里没有检查点，无法核验。")
    if last.size != manifest.entries or last.root.hex() != manifest.root:
        raise NotOk("最后一个检查点与清单不一致。")
    if heads.signed != set(manifest.keys):
        raise NotOk("清单中的验证密钥与检查点使用的不一致。")
    if pinned is not None and not heads.last_signers() & {each.text for each in pinned}:
        raise NotOk("最后一个检查点没有您指定的密钥的签名。")
    return last


def _check_keys(trees: list[Heads], walk: Walk) -> None:
    """Insist that every checkpoint bears the lines of the keys that counted at its size."""
    history = read_history(walk.about_keys)
    if history.faults:
        raise NotOk(f"第 {history.faults[0].index} 条密钥条目不成立：{history.faults[0].sentence}")
    for each in trees:
        if each.origin != each.suite.origin(walk.origin):
            raise NotOk("检查点属于另一份日志。")
        for text in sorted(each.signed):
            if history.span_of(text) is None:
                number = VerificationKey.parse(text).key_id.hex()
                raise NotOk(f"日志中没有引入密钥 {number} 的条目。")
        for size, signed in each.signings():
            if {key.text for key in history.active(size, each.suite.name)} != signed:
                raise NotOk(f"大小为 {size} 的检查点，签名行与当时生效的密钥不一致。")


def _check_schemas(schemas: SchemaBook, *, strict: bool) -> list[str]:
    if fault := schemas.first_fault(published_only=not strict):
        raise NotOk(f"第 {fault[0]} 条的内容不符合其类型的格式：{fault[1]}")
    if strict and (missing := schemas.missing()):
        raise NotOk(f"日志公布了格式 {missing[0]}，文件中却没有。")
    return [
        f"未检查：{count} 条类型为 {kind[:60]} 的条目没有可用的格式。"
        for kind, count in sorted(schemas.unchecked.items())
    ]


def _remarks(walk: Walk, schemas: SchemaBook) -> list[str]:
    told = []
    if unpublished := schemas.unpublished():
        told.append(f"提示：{len(unpublished)} 种条目格式取自核验程序，日志没有公布其摘要。")
    if walk.backwards:
        told.append(
            f"提示：{walk.backwards} 张凭证的记录时间早于其前一张"
            "（并发记账或时钟差异），次序以编号为准。"
        )
    return told

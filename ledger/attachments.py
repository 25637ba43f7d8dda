"""What other bodies said about the log, as it lies beside the log in the audit bundle.

Cosignatures of witnesses, tokens of time stamp authorities, receipts of another chain: each file
has one name and, where we know its inside, one byte form. They are checked as the checkpoints
they speak of are read, so nothing is kept but what the end needs.

Source: C2SP tlog-cosignature and tlog-policy, RFC 3161; docs/decisions/0069-audit-bundle.md.
"""

import hashlib
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from cryptography import x509

from ledger.audit_bundles import ANCHORS, COSIGNATURES, POLICY, TIME_STAMPS
from ledger.entries import decode
from ledger.notes import KEY_ID_BYTES, NoteError, TreeHead, signature_line, split_note
from ledger.policies import (
    MAX_POLICY_BYTES,
    NONE,
    Judgement,
    Policy,
    PolicyError,
    judge,
    parse_policy,
)
from ledger.suites import SM3
from ledger.tokens import (
    MAX_TOKEN_BYTES,
    TOKENS_READABLE,
    NationalToken,
    Stamp,
    TokenError,
    TokensUnreadable,
    outside,
    verify_token,
)
from ledger.walks import NotOk

ANCHOR_TYPE = "anchor.receipt"
#: So many newest checkpoints are packed with what witnesses and authorities said of them; a word
#: about a later checkpoint speaks for all earlier ones.
MOST_SIZES = 1_000
MAX_LINES_BYTES = 262_144
MAX_RECEIPT_BYTES = 1_048_576
_SIZE = r"[1-9][0-9]{0,18}"
_NAMES = {
    COSIGNATURES: re.compile(rf"({_SIZE})\.txt", re.ASCII),
    TIME_STAMPS: re.compile(rf"({_SIZE})-([1-9][0-9]{{0,3}})\.tsr", re.ASCII),
    ANCHORS: re.compile(rf"({_SIZE})-([0-9a-f]{{64}})\.bin", re.ASCII),
}
#: Holds for plain actors; where it does not match, the whole entry is read.
_TIME = re.compile(rb'\{"actor":\{[^{}]*\},"at":"([0-9T:.-]{26}Z)"', re.ASCII)

#: Gives the bytes of a member that may have at most so many.
Read = Callable[[str, int], bytes]


def cosignature_name(size: int) -> str:
    """Return the name of the file with the witnesses' lines on a checkpoint."""
    return f"{COSIGNATURES}{size}.txt"


def cosignature_lines(lines: Iterable[str]) -> bytes:
    """Return the lines in their one order.

    Raises:
        NoteError: one of them is no signature line.
    """
    split = [split_note(f"-\n\n{each}")[1][0] for each in lines]
    return _lines_of(split).encode()


def _lines_of(lines: list[tuple[str, bytes]]) -> str:
    known = {(name, blob[:KEY_ID_BYTES]): blob for name, blob in lines}
    return "".join(signature_line(name, blob) for (name, _), blob in sorted(known.items()))


def time_stamps(size: int, tokens: Iterable[bytes]) -> dict[str, bytes]:
    """Return the tokens over a checkpoint by file name: numbered by their digests."""
    ordered = sorted(set(tokens), key=_digest)
    return {f"{TIME_STAMPS}{size}-{n}.tsr": each for n, each in enumerate(ordered, start=1)}


def receipt_name(size: int, digest: str) -> str:
    """Return the name of a receipt file, which is known by its digest."""
    return f"{ANCHORS}{size}-{digest}.bin"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def by_size(names: Iterable[str], folder: str) -> dict[int, list[str]]:
    """Return the files of a folder by the size of the checkpoint they speak of.

    Raises:
        NotOk: a name in another form.
    """
    found: dict[int, list[str]] = {}
    for name in names:
        if name.startswith(folder):
            match = _NAMES[folder].fullmatch(name.removeprefix(folder))
            if match is None:
                raise NotOk(f"文件名 {name} 不合写法。")
            found.setdefault(int(match[1]), []).append(name)
    return found


def judged_note(note: str, policy: Policy, named: str) -> Judgement:
    """Return what a policy says of a checkpoint.

    Args:
        named: what to call it in the refusal.

    Raises:
        NotOk: a line of a known key does not hold.
    """
    try:
        return judge(note, policy)
    except NoteError as error:
        raise NotOk(f"{named} 的签名不成立：{error}") from error


def quorum_words(head: TreeHead, policy: Policy, judged: Judgement) -> str:
    """Say who cosigned a newest checkpoint and whether that is enough."""
    names = sorted({each.key.name for each in policy.witnesses if each.name in judged.witnesses})
    who = f"有 {len(names)} 个见证人签名（{'、'.join(names)}）" if names else "没有见证人签名"
    met = "达到" if judged.quorum_met else "没有达到"
    enough = "策略不要求见证" if policy.quorum == NONE else f"{met}策略要求的见证人数"
    return f"见证：最后一个检查点（{head.size} 条）{who}，{enough}。"


def insist_on_quorum(head: TreeHead, policy: Policy, judged: Judgement, hint: str = "") -> None:
    """Refuse a newest checkpoint that does not satisfy a policy from elsewhere.

    Raises:
        NotOk: too few of its witnesses cosigned it.
    """
    if not judged.quorum_met:
        raise NotOk(quorum_words(head, policy, judged) + hint)


class Attached:
    """The files beside the log on their way through the checks.

    Args:
        names: all members of the archive.
        read: gives a member.
        policy: the one given from elsewhere.
        roots: certificates of time stamp authorities from elsewhere.

    Raises:
        NotOk: a name, or the policy in the archive, is not in its form.
    """

    def __init__(
        self,
        names: Iterable[str],
        read: Read,
        policy: Policy | None = None,
        roots: tuple[x509.Certificate, ...] | None = None,
    ) -> None:
        names = list(names)
        self.remarks: list[str] = []
        self.unchecked: list[str] = []
        self._read = read
        self._policy = policy
        self._roots = roots
        self._cosigned = by_size(names, COSIGNATURES)
        self._stamped = by_size(names, TIME_STAMPS)
        anchored = by_size(names, ANCHORS)
        self._receipts = {name: size for size, group in anchored.items() for name in group}
        self._anchored_sizes = frozenset(anchored)
        self._facts: dict[int, tuple[str, str, str]] = {}
        self._logged: set[str] = set()
        self._own = self._own_policy() if POLICY in names else None
        self._used = policy or self._own or Policy()
        self._newest: tuple[TreeHead, str] | None = None
        self._judged: Judgement | None = None
        self._met = self._lines = self._strangers = 0
        self._sound = self._opaque = 0
        self._stamps: list[Stamp] = []
        self._outside = 0
        self._first_outside = 0

    def _own_policy(self) -> Policy:
        raw = self._read(POLICY, MAX_POLICY_BYTES)
        try:
            policy = parse_policy(raw)
        except PolicyError as error:
            raise NotOk(f"{POLICY} 不是信任策略：{error}") from error
        if policy.text.encode("utf-8", "surrogateescape") != raw:
            raise NotOk(f"{POLICY} 不是规范写法。")
        return policy

    def take_note(self, head: TreeHead, note: str) -> None:
        """Check all that was said of a checkpoint, given with the lines of the log.

        Raises:
            NotOk: something of it does not hold.
        """
        self._newest, self._judged = (head, note), None
        for name in self._cosigned.pop(head.size, []):
            self._judged = self._cosignatures(name, head, note)
        raw = note.encode()
        if names := self._stamped.pop(head.size, []):
            self._tokens(head.size, names, raw)
        if head.size in self._anchored_sizes:
            self._facts[head.size] = (head.root.hex(), _digest(raw), SM3.digest(raw).hex())

    def _cosignatures(self, name: str, head: TreeHead, note: str) -> Judgement:
        raw = self._read(name, MAX_LINES_BYTES)
        try:
            added = raw.decode("utf-8")
            _, own = split_note(note)
            _, lines = split_note(note + added)
        except (UnicodeDecodeError, NoteError) as error:
            raise NotOk(f"{name} 不是签名行：{error}") from error
        lines = lines[len(own) :]
        if not lines or _lines_of(lines) != added:
            raise NotOk(f"{name} 不是规范写法。")
        known = {(each.key.name, each.key.key_id) for each in self._used.witnesses}
        self._lines += len(lines)
        self._strangers += sum((who, blob[:KEY_ID_BYTES]) not in known for who, blob in lines)
        judged = judged_note(note + added, self._used, name)
        self._met = head.size if judged.quorum_met else self._met
        return judged

    def _tokens(self, size: int, names: list[str], note: bytes) -> None:
        tokens = {each: self._read(each, MAX_TOKEN_BYTES) for each in names}
        if tokens != time_stamps(size, tokens.values()):
            raise NotOk(f"大小为 {size} 的检查点，时间戳文件没有按规定编号。")
        for name, raw in tokens.items():
            try:
                told = verify_token(raw, note, self._roots) if self._roots else None
            except (NationalToken, TokensUnreadable):
                told = None
            except TokenError as error:
                raise NotOk(f"时间戳 {name} 不成立：{error}") from error
            if told is None:
                self._opaque += 1
            else:
                self._sound += 1
                self._stamps.append(Stamp(size, told.at))

    def take_entries(self, first: int, entries: list[bytes]) -> None:
        """Compare the times of entries with the time stamps around them; told, not judged.

        Raises:
            NotOk: an entry without a time.
        """
        if self._stamps:
            times = ((first + n, _time_of(first + n, each)) for n, each in enumerate(entries))
            for index, _, _ in outside(times, self._stamps):
                self._first_outside = self._first_outside if self._outside else index
                self._outside += 1

    def take_receipt(self, body: dict[str, Any]) -> None:
        """Check the file of a receipt that the log tells of.

        Raises:
            NotOk: it is missing, or another one, or the log tells of another checkpoint.
        """
        told = [body.get(each) for each in ("root", "sha256", "sm3", "size", "receipt_sha256")]
        *facts, size, digest = (each if isinstance(each, str) else "" for each in told)
        name = f"{ANCHORS}{size}-{digest}.bin"
        if name not in self._receipts:
            raise NotOk(f"日志登记了检查点 {size[:20]} 的链上凭证 {digest[:64]}，文件中却没有。")
        if tuple(facts) != self._facts.get(self._receipts[name]):
            raise NotOk(f"日志登记的链上凭证与大小为 {size} 的检查点不一致。")
        if name not in self._logged and _digest(self._read(name, MAX_RECEIPT_BYTES)) != digest:
            raise NotOk(f"{name} 的摘要与日志登记的不一致。")
        self._logged.add(name)

    def finish(self) -> None:
        """Judge what can be judged only at the end, and find the words for all of it.

        Raises:
            NotOk: a file speaks of no checkpoint or no entry, or the quorum is not reached.
        """
        for names in (*self._cosigned.values(), *self._stamped.values()):
            raise NotOk(f"{names[0]} 所说的检查点不在日志中。")
        if strange := sorted(set(self._receipts) - self._logged):
            raise NotOk(f"日志没有登记 {strange[0]}。")
        self._tell_witnesses()
        self._tell_stamps()
        if self._receipts:
            self.remarks.append(f"存证：{len(self._receipts)} 份链上凭证的摘要与日志登记的一致。")

    def _tell_witnesses(self) -> None:
        if self._newest and (self._policy or self._own):
            head, note = self._newest
            judged = self._judged or judged_note(note, self._used, "最后一个检查点")
            if self._policy is not None:
                hint = f"达到的最近一个是 {self._met} 条。" if self._met else ""
                insist_on_quorum(head, self._policy, judged, hint)
            self.remarks.append(quorum_words(head, self._used, judged))
        if self._lines > self._strangers:
            self.remarks.append(f"见证：{self._lines - self._strangers} 行见证签名全部有效。")
        if self._policy is not None and self._own not in (None, self._policy):
            self.remarks.append(f"提示：包内的 {POLICY} 与您给出的策略不同，没有采用。")
        if self._policy is None and self._used.witnesses:
            self.remarks.append(
                "提示：见证人的公钥取自文件本身；请用 --policy 指定从别处取得的策略再核验一次。"
            )
        if self._strangers:
            self.unchecked.append(f"未检查：{self._strangers} 行见证签名的公钥不在策略中。")

    def _tell_stamps(self) -> None:
        if self._sound:
            self.remarks.append(f"时间戳：{self._sound} 个有效，由您信任的机构签发。")
        if self._outside:
            self.remarks.append(
                f"提示：{self._outside} 条的时间不在前后两个时间戳之间，"
                f"第一处是第 {self._first_outside} 条。"
            )
        if self._opaque:
            missing = "以 SM2 签发" if TOKENS_READABLE else "没有 rfc3161-client 程序包"
            reason = missing if self._roots else "请用 --tsa-roots 指定可信机构的证书"
            self.unchecked.append(f"未检查：{self._opaque} 个时间戳（{reason}）。")


def _time_of(index: int, entry: bytes) -> datetime:
    quick = _TIME.match(entry)
    try:
        text = quick[1].decode("ascii") if quick else decode(entry)["at"]
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, TypeError) as error:
        raise NotOk(f"第 {index} 条的时间不成形。") from error

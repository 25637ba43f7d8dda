"""What a check of somebody's file may come to, each answer a code and a Chinese sentence.

The page that checks in the browser reads its sentences from here as well (they are written into
the page), so browser, server and command line say the same words about the same file.
"""

from dataclasses import dataclass, field

#: Code -> sentence; what stands in braces is filled in. The part before the dot is the reason.
SENTENCES = {
    # good news
    "proof_holds": "核验通过：这是已签名日志（共 {size} 条）中的第 {index} 条，内容未被改动。",
    "promise_kept": "核验通过：承诺已兑现，这一条是已签名日志（共 {size} 条）中的第 {index} 条。",
    "checkpoint_signed": (
        "核验通过：检查点（{size} 条）由日志密钥 {key} 签名。它还没有与公开日志比对。"
    ),
    "checkpoint_consistent": (
        "核验通过：您手中的检查点（{size} 条）与公开日志（{newest} 条）一致，日志只增加、未改动。"
    ),
    "bundle_holds": (
        "核验通过：{entries} 条条目、{checkpoints} 个检查点全部相符，树根 {root}。"
        "要连同全部余额一起重算，请用离线核验程序。"
    ),
    # not decided yet
    "promise_open": (
        "承诺的签名有效，应在 {due} 前写入日志；目前还没有看到这一条，也还不能断定承诺落空。"
        "过期仍查不到时，请凭本文件联系审计部门。"
    ),
    # bad news
    "promise_broken": (
        "核验未通过：承诺已落空。承诺应在 {due} 前写入的条目不在已签名的日志中，"
        "请凭本文件联系审计部门。"
    ),
    "checkpoint_forked": (
        "核验未通过：您手中的检查点（{size} 条）签名有效，却与公开日志不一致，"
        "同一日志出现了两种历史。请保留文件并立即联系审计部门。"
    ),
    "checkpoint_newer": (
        "核验未通过：您手中的检查点（{size} 条）签名有效，却比公开日志（{newest} 条）更长，"
        "公开日志可能被退回到了较早的状态。请保留文件并立即联系审计部门。"
    ),
    "index_beyond_log": "核验未通过：序号 {index} 超出了检查点覆盖的 {size} 条。",
    "wrong_root": "核验未通过：由这一条与证明算得的树根不是检查点中的树根，条目或证明被改动过。",
    "wrong_path": "核验未通过：证明中的摘要个数与序号、日志大小不相符。",
    "wrong_key": "核验未通过：检查点或承诺上没有您信任的日志密钥的签名。",
    "wrong_origin": "核验未通过：检查点属于另一份日志（{origin}）。",
    "bad_signature": "核验未通过：密钥 {key} 的签名无效，文件被改动过。",
    "entry_differs": "核验未通过：给出的条目不是这份日志写下的那一条。",
    "entry_missing": "还不能核验：请把条目文件（entry-{index}.json）一并放入。",
    "proof_missing": (
        "还不能核验：请把这一条的证明文件（.tlog-proof）一并放入；刚发生的业务请稍后再试。"
    ),
    "too_large": "不能核验：文件超过 {limit} 字节。",
    "malformed.text": "核验未通过：文件不是规范的 UTF-8 文本。",
    "malformed.unknown": (
        "不能核验：认不出这种文件。可以放入条目证明、证据包、检查点、写入承诺或日志导出文件。"
    ),
    "malformed.set": "不能核验：一次请只放入一份要核验的文件（证明和条目算一份）。",
    "malformed.first_line": "核验未通过：证明文件的首行不是 c2sp.org/tlog-proof@v1。",
    "malformed.extra": "核验未通过：证明文件的 extra 行不是规范写法。",
    "malformed.index": "核验未通过：证明文件的 index 行不是规范写法。",
    "malformed.hash": "核验未通过：证明文件第 {line} 行不是一个摘要。",
    "malformed.gap": "核验未通过：证明文件里没有找到检查点。",
    "malformed.note": "核验未通过：签名文本的格式不对。",
    "malformed.head": "核验未通过：检查点的三行（名称、大小、树根）不是规范写法。",
    "malformed.promise": "核验未通过：写入承诺的各行不是规范写法。",
    "malformed.package": "核验未通过：证据包不是规范的压缩包，有字节被改动过。",
    "malformed.contents": "核验未通过：证据包里的 {name} 与其余文件不相符。",
    "malformed.bundle": "核验未通过：日志导出文件第 {line} 行的内容或格式不对。",
}

GOOD = frozenset(
    {"proof_holds", "promise_kept", "checkpoint_signed", "checkpoint_consistent", "bundle_holds"}
)
UNDECIDED = frozenset({"promise_open", "entry_missing", "proof_missing"})

#: What was looked at on the way, in the order in which it was done.
STEPS = {
    "form": "文件格式：{form}，格式逐字节检查无误。",
    "signature": "密钥 {key} 的签名有效。",
    "unknown_lines": "另有 {count} 个签名不是所用密钥签的，没有采用。",
    "leaf": "条目的叶子摘要（SHA-256）为 {leaf}。",
    "path": "叶子摘要与证明中的 {count} 个摘要逐级合并，得到检查点中的树根 {root}。",
    "entry_fetched": "没有给出条目文件，从本站取得第 {index} 条的内容来核验。",
    "proof_fetched": "没有给出证明文件，从本站取得第 {index} 条的证明来核验。",
    "promise": "承诺：条目 {entry}，{at} 作出，{delay} 秒内写入。",
    "tree": "由 {entries} 条条目重算，{checkpoints} 个检查点的树根全部相符。",
    "consistency": "从 {size} 条到 {newest} 条的一致性证明成立。",
}

FORMS = {
    "proof": "条目证明（C2SP tlog-proof）",
    "package": "证据包",
    "checkpoint": "检查点（C2SP tlog-checkpoint）",
    "promise": "写入承诺",
    "bundle": "日志导出文件",
    "entry": "条目",
}


class NotProven(ValueError):  # noqa: N818 - the answer of a check, not a fault of the program
    """A file that does not prove what it should, with a reason code.

    Args:
        code: a key of ``SENTENCES``.
        values: what its sentence is filled with.
    """

    def __init__(self, code: str, **values: object) -> None:
        self.code = code
        self.values = {name: str(value) for name, value in values.items()}
        super().__init__(SENTENCES[code].format(**self.values))


@dataclass(frozen=True)
class Step:
    """One thing that was looked at."""

    code: str
    values: dict[str, str]

    @property
    def sentence(self) -> str:
        """Return the step in words."""
        return STEPS[self.code].format(**self.values)


@dataclass
class Trail:
    """What was looked at so far, to be shown whatever the end."""

    steps: list[Step] = field(default_factory=list)

    def add(self, code: str, **values: object) -> None:
        """Add a step."""
        self.steps.append(Step(code, {name: str(value) for name, value in values.items()}))


@dataclass(frozen=True)
class Verdict:
    """What a check came to.

    Args:
        code: a key of ``SENTENCES``.
        values: what its sentence is filled with.
        steps: what was looked at.
    """

    code: str
    values: dict[str, str]
    steps: tuple[Step, ...] = ()

    @property
    def good(self) -> bool | None:
        """Return True for proven, False for not proven, None while it is not decided."""
        return None if self.code in UNDECIDED else self.code in GOOD

    @property
    def reason(self) -> str:
        """Return the code without its finer part, ``malformed`` for ``malformed.index``."""
        return self.code.partition(".")[0]

    @property
    def sentence(self) -> str:
        """Return the verdict in words."""
        return SENTENCES[self.code].format(**self.values)


def reached(code: str, trail: Trail, **values: object) -> Verdict:
    """Return a verdict with the steps that led to it."""
    told = {name: str(value) for name, value in values.items()}
    return Verdict(code, told, tuple(trail.steps))


def failed(reason: NotProven, trail: Trail) -> Verdict:
    """Return the verdict on a file that did not prove what it should."""
    return Verdict(reason.code, reason.values, tuple(trail.steps))

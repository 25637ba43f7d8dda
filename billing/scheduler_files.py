"""Read what a scheduler says of jobs: ``sacct`` with a header line, by bars or commas. Pure.

The format is described in docs/scheduler-files.md. A line that cannot be read is told with its
number and left out; it never stops the rest. Times without an offset are Shanghai's.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from ledger.periods import SHANGHAI
from ledger.refusals import Refused

MOST_BYTES = 5 * 1024 * 1024
MOST_LINES = 50_000
MOST_TOLD = 200
SAMPLE = (
    "JobIDRaw|Cluster|State|Start|End|AllocTRES\n"
    "1001|hpc|COMPLETED|2026-10-02T00:00:00|2026-10-02T08:00:00|gres/gpu=8\n"
)
_GPUS = re.compile(r"(?:^|,)gres/gpu(?::[^=,]+)?=([0-9]{1,6})", re.ASCII)
_TOTAL = re.compile(r"(?:^|,)gres/gpu=([0-9]{1,6})", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:Z|[+-]\d{2}:\d{2})?", re.ASCII)
_NOT_YET = frozenset({"", "Unknown", "None", "N/A"})
_JOB = re.compile(r"[0-9A-Za-z_.\[\]%-]{1,64}", re.ASCII)


@dataclass(frozen=True)
class Job:
    """One job: half-open in time, with the accelerators it was given."""

    ref: str
    cluster: str
    started_at: datetime
    ended_at: datetime
    devices: int


@dataclass(frozen=True)
class LeftOut:
    """One line that took no part, and why."""

    line: int
    why: str


@dataclass(frozen=True)
class Read:
    """What a file gave."""

    jobs: list[Job]
    left_out: list[LeftOut]


def read_jobs(content: bytes) -> Read:
    """Read a scheduler file.

    Raises:
        Refused: empty, too large, no text, without the columns it needs, or without a single job.
    """
    rows = _rows(_text(content))
    _, header = next(rows, (0, []))
    names = ["JobIDRaw" if each == "JobID" else each for each in header]
    _need_columns(names)
    jobs, left_out, seen = [], [], set()
    for line, cells in rows:
        if line > MOST_LINES:
            raise _refused("file_too_long", f"文件最多 {MOST_LINES} 行，请按月导出后上传。")
        said = tuple(cells)
        if len(cells) != len(names):
            why: str | Job = f"有 {len(cells)} 列，表头有 {len(names)} 列"
        elif said in seen:
            why = "与前面的一行完全相同"
        else:
            why = _job(dict(zip(names, (each.strip() for each in cells), strict=True)))
        seen.add(said)
        if isinstance(why, Job):
            jobs.append(why)
        elif why:
            left_out.append(LeftOut(line, why))
    if not jobs:
        first = f"第 {left_out[0].line} 行：{left_out[0].why}。" if left_out else ""
        raise _refused("no_jobs", f"文件里没有可以比对的作业。{first}")
    return Read(jobs, left_out[:MOST_TOLD])


def _text(content: bytes) -> str:
    if not content:
        raise _refused("file_empty", "文件是空的，请重新选择文件。")
    if len(content) > MOST_BYTES:
        raise _refused("file_too_large", "文件不能超过 5 MB，请按月导出后上传。")
    for name in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(name)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
        break
    raise _refused("file_type", "文件须为文本（UTF-8 或 GB18030），请用 sacct 导出后直接上传。")


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the filled lines with their numbers; bars never quote, commas do."""
    lines = text.splitlines()
    bars = bool(lines) and "|" in lines[0]
    if bars:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield number, line.removesuffix("|").split("|")
        return
    reader = csv.reader(lines, strict=True)
    try:
        for cells in reader:
            if any(each.strip() for each in cells):
                yield reader.line_num, cells
    except csv.Error:
        raise _refused(
            "file_broken", f"第 {reader.line_num} 行的引号没有配对，请重新导出。"
        ) from None


def _need_columns(names: list[str]) -> None:
    missing = [each for each in ("JobIDRaw", "Start", "End") if each not in names]
    if "AllocTRES" not in names and "Devices" not in names:
        missing.append("AllocTRES")
    if missing:
        raise _refused(
            "columns_missing", f"表头缺少 {'、'.join(missing)}。请对照文件格式说明导出。"
        )
    doubled = sorted({each for each in names if names.count(each) > 1})
    if doubled:
        raise _refused("columns_doubled", f"表头重复：{'、'.join(doubled)}。")


def _job(cells: dict[str, str]) -> Job | str:
    """Return a job, nothing to say of a step, or why the line is no use."""
    ref = cells["JobIDRaw"]
    if "." in ref:
        return ""  # a step is contained in its job
    if not _JOB.fullmatch(ref):
        return "作业号写法不对"
    if cells["Start"] in _NOT_YET or cells["End"] in _NOT_YET:
        return "还没有开始或没有结束"
    started, ended = _moment(cells["Start"]), _moment(cells["End"])
    if started is None or ended is None:
        return "时间须写作 2026-10-02T08:00:00"
    if ended < started:
        return "结束早于开始"
    devices = _devices(cells)
    if devices is None:
        return "看不出卡数"
    if devices == 0 or ended == started:
        return "没有用卡或没有运行"
    return Job(ref, cells.get("Cluster", ""), started, ended, devices)


def _moment(text: str) -> datetime | None:
    if not _MOMENT.fullmatch(text):
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=SHANGHAI)).astimezone(UTC)


def _devices(cells: dict[str, str]) -> int | None:
    typed = cells.get("Devices", "")
    if typed:
        return int(typed) if re.fullmatch(r"[0-9]{1,6}", typed, re.ASCII) else None
    told = cells.get("AllocTRES", "")
    total = _TOTAL.search(told)
    if total:
        return int(total[1])
    return sum(int(each) for each in _GPUS.findall(told))


def _refused(code: str, sentence: str) -> Refused:
    return Refused(code, sentence, field="file")

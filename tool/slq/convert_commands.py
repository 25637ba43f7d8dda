"""The command that turns an export of another system into a file to push."""

import csv
from argparse import Namespace
from datetime import datetime
from pathlib import Path

from slq import showing
from slq.converting import Converted, Request, convert
from slq.mapping import read_mapping, sample_mapping
from slq.outcomes import Exit, Stopped
from slq.plain import is_prefix
from slq.taking_home import beside
from slq.words import Speech


def convert_file(told: Namespace, speech: Speech) -> Exit:
    """Turn an export into a file to push."""
    source, target = Path(told.source), Path(told.target)
    if not source.is_file():
        raise Stopped(Exit.USAGE, speech("no_file", path=source))
    if not told.map:
        raise Stopped(Exit.USAGE, speech("needs_map"))
    name = told.name or source.name.partition(".")[0]
    if told.kind == "csv" and not is_prefix(name):
        raise Stopped(Exit.USAGE, speech("name_form", name=name))
    request = Request(
        told.kind,
        source,
        target,
        read_mapping(Path(told.map), speech),
        zone=told.zone,
        epoch=_epoch(told.epoch, speech),
        model=told.model,
        step_s=told.step,
        name=name,
        keep_open=told.open,
    )
    repeats, report = beside(target, "repeats.csv"), beside(target, "report.csv")
    done = convert(request, repeats, report, speech)
    _tell_converted(done, request, repeats, speech)
    if report.exists():
        speech.tell("report_kept", path=report.name)
    if told.json:
        files = {"report_file": str(report) if report.exists() else None}
        showing.put_json({"exit": int(done.code)} | vars(done) | files)
    return done.code


def _epoch(text: str, speech: Speech) -> datetime | None:
    if not text:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise Stopped(Exit.USAGE, speech("time_form", text=text)) from error
    if read.tzinfo is None:
        raise Stopped(Exit.USAGE, speech("needs_epoch"))
    return read


def _tell_converted(done: Converted, request: Request, repeats: Path, speech: Speech) -> None:
    speech.tell("converted", rows=done.rows, path=request.target)
    counted = {
        **done.aside,
        "left_open": done.left_open,
        "repeats_apart": done.repeats,
        "no_model": done.no_model,
        "unmapped": len(done.problems),
    }
    for word, rows in counted.items():
        if rows:
            speech.tell(word, rows=rows, path=repeats.name)
    for line, why in done.problems[: showing.MOST_SHOWN]:
        speech.tell("line", line=line, why=why)
    for what, rows in sorted(done.findings.items()):
        speech.tell("finding", rows=rows, what=what)


def mapping_init(told: Namespace, speech: Speech) -> Exit:
    """Write a mapping file to begin with, its columns taken from a CSV file where one is given."""
    target = Path(told.out)
    if target.exists():
        raise Stopped(Exit.USAGE, speech("key_exists", path=target))
    columns = _columns(Path(told.source), speech) if told.source else []
    target.write_text(sample_mapping(columns), encoding="utf-8")
    speech.tell("mapping_made", path=target)
    if told.json:
        showing.put_json({"mapping_file": str(target), "columns": columns})
    else:
        showing.put(str(target))
    return Exit.OK


def _columns(path: Path, speech: Speech) -> list[str]:
    """Return the header of a CSV file; the encodings that occur here are tried in turn."""
    if not path.is_file():
        raise Stopped(Exit.USAGE, speech("no_file", path=path))
    with path.open("rb") as file:
        first = file.readline()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return next(csv.reader([first.decode(encoding)]), [])
        except (UnicodeDecodeError, csv.Error):
            continue
    raise Stopped(Exit.REJECTED, speech("file_form", kind="csv", line=1, why="encoding"))

"""Show a run to a person (stderr) and its result to a program (stdout)."""

import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from slq.cutting import Chunk
from slq.pushing import Report
from slq.words import Speech

MOST_SHOWN = 10
_WIDE = 120


def put(text: str) -> None:
    """Write a line of the result."""
    sys.stdout.write(text + "\n")


def put_json(result: Any) -> None:
    """Write the result as JSON."""
    put(json.dumps(result, ensure_ascii=False, indent=1))


def narrator() -> Console:
    """Return the console of the narration; as wide as the terminal, or wide enough for a log."""
    here = Console(stderr=True, highlight=False)
    return here if here.is_terminal else Console(stderr=True, highlight=False, width=_WIDE)


class Meter:
    """Progress on stderr: a bar on a terminal, a line for each chunk elsewhere."""

    def __init__(self, name: str, total_bytes: int, speech: Speech) -> None:
        """Begin at nothing."""
        self.name, self.speech, self.rows = name, speech, 0
        console = narrator()
        self.bar = None
        if console.is_terminal:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                TaskProgressColumn(),
                TimeRemainingColumn(),
            )
            self.bar = Progress(*columns, console=console, transient=True)
            self.task = self.bar.add_task(name, total=total_bytes)
            self.bar.start()

    def __call__(self, chunk: Chunk) -> None:
        """Note that a chunk is done."""
        self.rows += chunk.rows
        words = {"name": self.name, "chunk": chunk.number, "rows": self.rows}
        if self.bar is None:
            self.speech.tell("progress", **words)
        else:
            self.bar.update(self.task, advance=len(chunk.body), description=f"{self.rows}")

    def stop(self) -> None:
        """Clear the bar."""
        if self.bar is not None:
            self.bar.stop()


def show_errors(errors: list[dict[str, Any]], speech: Speech) -> None:
    """Print the first bad rows as a table."""
    if not errors:
        return
    shown = errors[:MOST_SHOWN]
    title = speech("errors_title", shown=len(shown), total=len(errors))
    table = Table(title=title, title_justify="left")
    for name in ("row", "column", "code", "value", "detail"):
        table.add_column(speech(f"errors_{name}"), overflow="fold")
    for each in shown:
        cells = [str(each.get(name) or "") for name in ("row", "column", "code", "value")]
        told = " ".join(str(each[name]) for name in ("detail", "hint") if each.get(name))
        table.add_row(*(_plain(cell) for cell in (*cells, told)))
    narrator().print(table)


def _plain(text: str) -> str:
    """Keep rich from reading brackets of a value as its own marks, and a terminal from obeying."""
    printable = "".join(each if each.isprintable() else "\ufffd" for each in text)
    return printable.replace("[", "\\[")


def show_report(report: Report, speech: Speech) -> None:
    """Say on stderr what became of the rows."""
    rows = sum(each["rows"] for each in report.batches)
    told = {name: report.counts.get(name, 0) for name in report.counts}
    speech.tell("summary", rows=rows, refused=report.refused_rows, **told)
    show_errors(report.errors, speech)


def report_object(report: Report, files: dict[str, Path | None]) -> dict[str, Any]:
    """Return a report as one JSON object."""
    return {
        "file": report.file,
        "sha256": report.sha256,
        "exit": int(report.code),
        "chunks": report.chunks,
        "chunks_done_before": report.skipped,
        "rows_refused": report.refused_rows,
        "counts": dict(report.counts),
        "device_milli_seconds": str(report.device_milli_seconds),
        "batches": report.batches,
        "errors": report.errors,
    } | {name: str(path) if path else None for name, path in files.items()}

"""A document's content as a PDF, the same bytes every time.

PDF/A-3a with the same data attached as CSV and JSON. Nothing enters the file but the content handed
in and the packaged template, style and fonts: no clock, no random number, no network. The document
identifier comes from the content's digest.

Source: report.md sections 1 and 3.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import rfc8785
from django.template.loader import render_to_string

from billing.charts import chart_svg, months_words, shares_svg, shares_words
from billing.sheets import csv_bytes, xlsx_bytes
from billing.statements import FIRST_CSV_COLUMNS
from ledger.printing import Enclosed, Rendered, print_page, qr_svg, svg_address

# More lines go into an annex: the file stays below 2 MB, and layout grows faster than lines do.
MOST_LINES = 1_100
MONTHLY = ("bureau", "provider", "enterprise")
TEMPLATES = {
    **dict.fromkeys(MONTHLY, "documents/report.html"),
    "statement": "documents/statement.html",
    "certificate": "documents/certificate.html",
    "payments": "documents/payments.html",
    "performance": "documents/performance.html",
    "note": "documents/note.html",
    "annual": "documents/annual.html",
}
SUM_NAMES = ("gross_fen", "public_fen", "self_fen")


def canonical(content: Any) -> bytes:
    """Return the one byte form of a report's content (RFC 8785)."""
    return bytes(rfc8785.dumps(content))


def lines_of(content: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the lines of a monthly report, each with its provider."""
    return [
        {**line, "provider": provider["name"], "provider_uscc": provider["uscc"]}
        for provider in content["providers"]
        for line in provider["lines"]
    ]


def is_long(content: dict[str, Any]) -> bool:
    """Say whether the lines of a monthly report go into an annex, by its own measure."""
    most = int(content.get("lines_in_body", MOST_LINES))
    return sum(len(each["lines"]) for each in content["providers"]) > most


def enclosures(content: dict[str, Any]) -> tuple[Enclosed, ...]:
    """Return the files that go into the PDF: tables as CSV, content as JSON, the log's proof."""
    data = canonical(content)
    if content["kind"] not in MONTHLY:
        return (
            *_tables(content),
            Enclosed(f"{content['file_stem']}.json", "本文件全部数据（规范 JSON）", data),
        )
    month = content["month"]
    columns = content.get("line_columns", FIRST_CSV_COLUMNS)
    found = [
        Enclosed(f"settlement-{month}.csv", "对账单明细", csv_bytes(columns, lines_of(content))),
        Enclosed(f"settlement-{month}.json", "报告全部数据（规范 JSON）", data),
        Enclosed("audit-proof.json", "日志检查点与条目编号", canonical(content["proof"])),
    ]
    if is_long(content):
        printed = _print("documents/annex.html", {"c": content}, content)
        found.append(
            Enclosed(f"settlement-{month}-annex.pdf", "附件：用券明细全表", printed.content)
        )
    return tuple(found)


def _tables(content: dict[str, Any]) -> list[Enclosed]:
    """Return the table of a paper as CSV, and as XLSX where it goes to people who sum."""
    table = content.get("table")
    if not table:
        return []
    stem = content["file_stem"]
    made_at = datetime.fromisoformat(content["made_at"])
    found = [Enclosed(f"{stem}.csv", table["title"], csv_bytes(table["columns"], table["rows"]))]
    if table["xlsx"]:
        book = xlsx_bytes(table["title"], table["columns"], table["rows"], made_at)
        found.append(Enclosed(f"{stem}.xlsx", f"{table['title']}（Excel）", book))
    return found


def _sums_by_enterprise(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the lines summed per enterprise, for a section whose lines are in the annex."""
    found: dict[tuple[str, str], dict[str, int]] = defaultdict(
        lambda: dict.fromkeys((*SUM_NAMES, "lines"), 0)
    )
    for line in lines:
        mine = found[(line["enterprise"], line["enterprise_uscc"])]
        mine["lines"] += 1
        for name in SUM_NAMES:
            mine[name] += line[name]
    return [{"name": name, "uscc": uscc, **sums} for (name, uscc), sums in found.items()]


def _context(content: dict[str, Any], files: Sequence[Enclosed]) -> dict[str, Any]:
    """Return what the template shows beside the content itself."""
    told: dict[str, Any] = {
        "c": content,
        "qr": svg_address(qr_svg(content["verify_url"])),
        "content_sha256": hashlib.sha256(canonical(content)).hexdigest(),
        "files": files,
        "data_name": next(each.name for each in files if each.name.endswith(".json")),
    }
    if content["kind"] not in MONTHLY:
        return told
    told |= {
        "annex": files[-1].name if is_long(content) else "",
        "chart": svg_address(chart_svg(content["history"])),
        "chart_words": months_words(content["history"]),
        "splits": [
            {
                **each,
                "chart": svg_address(shares_svg(each["rows"])),
                "words": shares_words(each["title"], each["rows"]),
            }
            for each in content["splits"]
        ],
    }
    if told["annex"]:
        told["sums"] = [_sums_by_enterprise(each["lines"]) for each in content["providers"]]
    return told


def render_html(content: dict[str, Any], files: Sequence[Enclosed]) -> str:
    """Return the document as the page the PDF is made of."""
    return render_to_string(TEMPLATES[content["kind"]], _context(content, files))


def render_report(content: dict[str, Any]) -> Rendered:
    """Return the PDF of a document's content.

    The same content and the same packaged template give the same bytes.

    Raises:
        Broken: the renderer made no page.
        Refused: this machine lacks the system libraries for PDFs.
    """
    files = enclosures(content)
    return _lay_out(render_html(content, files), content, files)


def _print(template: str, context: dict[str, Any], content: dict[str, Any]) -> Rendered:
    return _lay_out(render_to_string(template, context), content, (), template)


def _lay_out(
    page: str, content: dict[str, Any], files: Sequence[Enclosed], part: str = ""
) -> Rendered:
    digest = hashlib.sha256(part.encode() + canonical(content)).digest()
    made_at = datetime.fromisoformat(content["made_at"])
    return print_page(page, made_at=made_at, digest=digest, enclosed=files)

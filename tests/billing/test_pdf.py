"""The PDF itself: same bytes twice, its text, fonts, pages and attachments as promised."""

import io
import json
import subprocess
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from weasyprint.urls import FatalURLFetchingError

from billing import pdf
from billing.pdf import PackagedFiles, Rendered, canonical, chart_svg, qr_svg, render_report
from ledger.refusals import Refused
from tests.billing.report_sample import sample_content


@pytest.fixture(scope="module")
def report() -> Rendered:
    return render_report(sample_content())


def text_of(content: bytes, folder: Path) -> str:
    """Return the text layer as a reader copies it."""
    path = folder / "report.pdf"
    path.write_bytes(content)
    done = subprocess.run(
        ["pdftotext", "-layout", str(path), "-"], check=True, capture_output=True, text=True
    )
    return done.stdout


def test_the_same_content_gives_the_same_bytes(report: Rendered) -> None:
    assert render_report(sample_content()).sha256 == report.sha256


def test_other_content_gives_other_bytes(report: Rendered) -> None:
    assert render_report(sample_content(trial=True)).sha256 != report.sha256


def test_every_page_is_numbered_and_the_header_begins_on_the_second(
    report: Rendered, tmp_path: Path
) -> None:
    pages = text_of(report.content, tmp_path).split("\f")[:-1]
    assert len(pages) == report.pages
    for number, page in enumerate(pages, start=1):
        assert f"第 {number} 页／共 {report.pages} 页" in page
    assert "算力券月度结算报告" in pages[1].splitlines()[0]


def test_the_cover_states_the_sum_in_digits_and_capitals(report: Rendered, tmp_path: Path) -> None:
    cover = text_of(report.content, tmp_path).split("\f")[0]
    assert "￥105,600.00" in cover
    assert "人民币壹拾万伍仟陆佰元整" in cover
    assert "7ZQK-3F2M-9HXW-4T6B" in cover


def test_every_amount_of_the_content_is_printed(report: Rendered, tmp_path: Path) -> None:
    text = text_of(report.content, tmp_path)
    for amount in ("9,500,000.00", "376,543.22", "123,456.78", "13,200.00", "22,000.00"):
        assert amount in text
    for number in ("000101", "000206"):
        assert f"PTSL-JS-2026-10-{number}" in text
    assert "上海𬭚镕生物信息" in text  # rare characters of names are there as text


def test_the_file_is_archivable_tagged_and_in_chinese(report: Rendered) -> None:
    with pikepdf.open(io.BytesIO(report.content)) as document:
        assert document.Root.Lang == "zh-Hans"
        assert document.Root.MarkInfo.Marked
        with document.open_metadata() as metadata:
            assert metadata.pdfa_status == "3A"
        assert document.docinfo["/Title"] == "普陀区算力券月度结算报告（2026年10月）"
        titles = [str(item.title) for item in document.open_outline().root]
        assert titles[0] == "结算概要"
        assert "八、审计凭证" in titles


def test_all_fonts_are_embedded(report: Rendered, tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(report.content)
    listed = subprocess.run(["pdffonts", str(path)], check=True, capture_output=True, text=True)
    rows = listed.stdout.splitlines()[2:]
    assert rows
    assert all(row.split()[-5] == "yes" for row in rows)


def attachments(report: Rendered) -> dict[str, bytes]:
    with pikepdf.open(io.BytesIO(report.content)) as document:
        return {n: spec.get_file().read_bytes() for n, spec in document.attachments.items()}


def test_the_data_are_attached(report: Rendered) -> None:
    files = attachments(report)
    assert set(files) == {
        "settlement-2026-10.csv", "settlement-2026-10.json", "audit-proof.json",
    }  # fmt: skip
    assert files["settlement-2026-10.json"] == canonical(sample_content())
    rows = files["settlement-2026-10.csv"].decode("utf-8-sig").splitlines()
    assert len(rows) == 13
    assert rows[0].startswith("statement_no,provider,provider_uscc,enterprise")
    assert json.loads(files["audit-proof.json"])["size"] == "1234"


def test_a_trial_says_so_on_every_page(tmp_path: Path) -> None:
    made = render_report(sample_content(trial=True))
    text = text_of(made.content, tmp_path)
    assert text.count("试算稿") >= made.pages


def test_a_nil_month_is_a_report_too(tmp_path: Path) -> None:
    made = render_report(sample_content(providers=0))
    text = text_of(made.content, tmp_path)
    assert "本期没有用券用量（零结算）" in text
    assert "零元整" in text


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1/x.css", "file:///etc/passwd", "https://example.org", "data:text/css,a{}"],
)
def test_a_report_fetches_nothing_from_anywhere(address: str) -> None:
    with pytest.raises(FatalURLFetchingError):
        PackagedFiles().fetch(address)


def test_text_of_people_cannot_become_markup(tmp_path: Path) -> None:
    content: dict[str, Any] = sample_content(providers=1, lines=1)
    content["providers"][0]["name"] = '<img src="http://127.0.0.1/x">&<script>'
    text = text_of(render_report(content).content, tmp_path)
    assert "<img" in text


def test_pictures_carry_real_text() -> None:
    svg = chart_svg(sample_content()["history"])
    assert "2026-10" in svg
    assert "100,000.00" in svg
    assert "<svg" in qr_svg("http://127.0.0.1/public/verify/ABC")
    assert "<rect" not in chart_svg([]).split("</g>")[0].replace('<rect x="10"', "")


def test_a_machine_without_the_layout_library_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pdf, "NO_PDF", "cannot load library 'libpango-1.0-0'")
    with pytest.raises(Refused, match="make setup") as told:
        render_report(sample_content())
    assert told.value.code == "pdf_unavailable"

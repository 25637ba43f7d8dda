"""The PDF itself: same bytes twice, its text, fonts, pages and attachments as promised."""

import io
import json
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from weasyprint.urls import FatalURLFetchingError

from billing.certificate_content import certificate_parts
from billing.charts import chart_svg, shares_svg, short_yuan
from billing.pdf import canonical, render_report
from ledger.printing import PackagedFiles, Rendered, qr_svg
from tests.billing.report_sample import sample_content


@pytest.fixture(scope="module")
def report() -> Rendered:
    return render_report(sample_content())


@pytest.fixture(scope="module")
def text(report: Rendered, tmp_path_factory: pytest.TempPathFactory) -> str:
    return text_of(report.content, tmp_path_factory.mktemp("pdf"))


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


def test_the_pages_say_what_the_content_says(report: Rendered, text: str) -> None:
    pages = text.split("\f")[:-1]
    assert len(pages) == report.pages
    for number, page in enumerate(pages, start=1):
        assert f"第 {number} 页／共 {report.pages} 页" in page
    assert "算力券月度结算报告" in pages[1].splitlines()[0]
    cover = pages[0]
    for said in ("￥105,600.00", "人民币壹拾万伍仟陆佰元整", "7ZQK-3F2M-9HXW-4T6B", "＋17.33%"):
        assert said in cover
    for amount in ("9,500,000.00", "376,543.22", "123,456.78", "13,200.00", "22,000.00"):
        assert amount in text
    for serial in ("000101", "000206"):
        assert f"PTSL-JS-2026-10-{serial}" in text
    assert "上海𬭚镕生物信息" in text  # rare characters of names are there as text
    assert "冲减 (308.63)" in text  # an amount taken back stands in brackets and with its word
    assert "-25.00" not in text
    order = ["一、收支勾稽", "二、按服务商汇总", "三、走势与分布", "四、各服务商明细",
             "五、调整与异议", "六、异常与核查情况", "七、统计范围", "八、度量与计价说明",
             "九、审计凭证", "十、附件清单与版记"]  # fmt: skip
    places = [text.rindex(each) for each in order]
    assert places == sorted(places)
    for said in ("2026年11月4日 10:00", "不用券的订单，不核销", "ab" * 16, "桃浦镇", "利用率过高"):
        assert said in text


def test_the_file_is_archivable_tagged_and_in_chinese(report: Rendered) -> None:
    assert len(report.content) < 2_000_000
    with pikepdf.open(io.BytesIO(report.content)) as document:
        assert document.check_pdf_syntax() == []
        assert document.Root.Lang == "zh-Hans"
        assert document.Root.MarkInfo.Marked
        with document.open_metadata() as metadata:
            assert metadata.pdfa_status == "3A"
        assert document.docinfo["/Title"] == "普陀区算力券月度结算报告（2026年10月）"
        titles = [str(item.title) for item in document.open_outline().root]
        assert titles[0] == "结算概要"
        assert "九、审计凭证" in titles
        alternatives = [
            str(each["/Alt"])
            for each in document.objects
            if isinstance(each, pikepdf.Dictionary) and "/Alt" in each
        ]
    assert any("2026年10月 100,000.00 元" in each for each in alternatives)
    assert any(each.startswith("按街镇的券抵扣：桃浦镇") for each in alternatives)


def test_all_fonts_are_embedded_and_no_letter_is_missing(report: Rendered, tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(report.content)
    listed = subprocess.run(["pdffonts", str(path)], check=True, capture_output=True, text=True)
    rows = listed.stdout.splitlines()[2:]
    assert rows
    assert all(row.split()[-5] == "yes" for row in rows)
    families = Counter(row.split()[0].partition("+")[2].partition("CJK")[0] for row in rows)
    assert set(families) <= {"Noto-Sans-", "NotoSans", "Noto-Serif-", "NotoSerif"}
    with pikepdf.open(io.BytesIO(report.content)) as document:
        drawn = b"".join(
            bytes(operand)
            for page in document.pages
            for operands, operator in pikepdf.parse_content_stream(page, "Tj TJ")
            for operand in _strings(operands)
        )
    assert b"\x00\x00" not in {drawn[at : at + 2] for at in range(0, len(drawn), 2)}  # .notdef


def _strings(operands: Any) -> list[Any]:
    """Return the strings among what a text operator shows."""
    found = []
    for each in operands:
        inner = list(each) if isinstance(each, pikepdf.Array) else [each]
        found += [part for part in inner if isinstance(part, pikepdf.String)]
    return found


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


def test_a_trial_with_long_tables_and_hostile_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One rendering for much: watermark, tables over pages, official numbers, text as text."""
    content: dict[str, Any] = sample_content(providers=1, lines=30, trial=True, official=True)
    content["providers"][0]["name"] = '<img src="http://127.0.0.1/x">&<script>'
    made = render_report(content)
    text = text_of(made.content, tmp_path)
    assert text.count("试算稿") >= made.pages
    assert "<img" in text
    pages = text.split("\f")[:-1]
    for number, page in enumerate(pages, start=1):
        last = page.rstrip().splitlines()[-1]
        assert last.replace(" ", "").replace("\u3000", "") == f"—{number}—"
        indent = len(last) - len(last.lstrip())
        assert (indent > 20) == (number % 2 == 1)  # odd pages right, even pages left
    carried_on = [page for page in pages if "续表：用券明细" in page.splitlines()[0]]
    assert carried_on
    for page in carried_on:
        assert "对账单号／券号／企业" in page  # the head is there again
    total = next(page for page in pages if "小计" in page)
    assert "PTSL-JS-2026-10-000130" in total  # no total stands alone on a page


def test_more_lines_than_fit_go_into_an_annex(tmp_path: Path) -> None:
    made = render_report(sample_content(providers=1, lines=4) | {"lines_in_body": 3})
    files = attachments(made)
    assert "PTSL-JS-2026-10-000103" in text_of(files["settlement-2026-10-annex.pdf"], tmp_path)
    text = text_of(made.content, tmp_path)
    assert "按企业小计" in text
    assert "上海𬭚镕生物信息有限公司" in text
    assert len(files["settlement-2026-10.csv"].splitlines()) == 5


def test_a_nil_month_is_a_report_too(tmp_path: Path) -> None:
    content = sample_content(providers=0) | {"history": [], "objections": [], "adjustments": []}
    text = text_of(render_report(content).content, tmp_path)
    assert "本期没有用券用量（零结算）" in text
    assert "零元整" in text


def test_a_certificate_prints_what_its_issuer_tells(tmp_path: Path) -> None:
    data = {
        "certificate_no": "PTSL-HX-2026-10-000101",
        "issued_at": datetime(2026, 11, 9, 2, tzinfo=UTC),
        "programme": {"title": "算力券演示方案", "edition_no": 1},
        "enterprise": {"name": "上海𬭚镕生物信息有限公司", "uscc": "91310107MA1G000000"},
        "provider": {"name": "普陀智算中心", "uscc": "91310107MA1G111111"},
        "payee": {"name": "普陀智算中心"},
        "voucher": {"no": "PTSLQ-2026-000101", "face": "100,000.00"},
        "contract": {"order_no": "PTSL-DD-2026-000101"},
        "statement": {"no": "PTSL-JS-2026-10-000101", "version": 1, "period": "2026年10月",
                      "digest": "3f" * 32},
        "mode": {"title": "即用即抵"},
        "formula": sample_content()["method"]["example"]["terms"],
        "binding": {"title": "叠加支持上限"},
        "amount_fen": 700_000, "amount": "7,000.00", "capital": "人民币柒仟元整",
        "balance": {"before": "100,000.00", "after": "93,000.00"},
        "reviewers": [{"role": "签发", "name": "陈科长", "at": None, "signature_id": "s-1"}],
        "invoices": [], "receipts": [],
        "log": {"index": 17},
        "status": {"code": "reversed", "title": "已冲正", "reversed": "7,000.00",
                   "reversals": [{"version": 2, "at": None, "reason": "核对断电记录"}]},
    }  # fmt: skip
    content = sample_content() | certificate_parts(data) | {"kind": "certificate"}
    text = text_of(render_report(content).content, tmp_path)
    for said in ("PTSL-HX-2026-10-000101", "人民币柒仟元整", "93,000.00", "叠加支持上限", "已冲正",
                 "核对断电记录", "上海𬭚镕生物信息有限公司", "陈科长"):  # fmt: skip
        assert said in text


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1/x.css", "file:///etc/passwd", "https://example.org", "data:text/css,a{}"],
)
def test_a_report_fetches_nothing_from_anywhere(address: str) -> None:
    with pytest.raises(FatalURLFetchingError):
        PackagedFiles().fetch(address)


def test_pictures_carry_real_text() -> None:
    svg = chart_svg(sample_content()["history"])
    assert "2026-10" in svg
    assert "10.00万" in svg
    assert short_yuan(999_999) == "9,999.99"
    assert "<svg" in qr_svg("http://127.0.0.1/public/verify/ABC")
    assert "<rect" not in chart_svg([]).split("</g>")[0].replace('<rect x="10"', "")
    hostile = shares_svg([{"name": "<b>&", "public_fen": 1}])
    assert "&lt;b&gt;&amp;" in hostile


WITHOUT_PANGO = """
import cffi

def not_here(*_names):
    raise OSError("cannot load library 'libpango-1.0-0': no such file")

cffi.FFI.dlopen = not_here
from datetime import UTC, datetime
from ledger.printing import print_page
from ledger.refusals import Refused

try:
    print_page("<p>x</p>", made_at=datetime(2026, 11, 1, tzinfo=UTC), digest="0" * 64)
except Refused as refused:
    print(refused.code, refused.message, refused.details["cause"])
"""


def test_a_machine_without_the_layout_library_says_what_to_install() -> None:
    """In a process of its own, in which no system library can be loaded."""
    told = subprocess.run(
        [sys.executable, "-c", WITHOUT_PANGO], check=True, capture_output=True, text=True
    ).stdout
    assert "pdf_unavailable" in told
    assert "make setup" in told
    assert "libpango" in told

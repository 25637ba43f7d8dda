"""A forged, altered or merely saved-again document is told from a genuine one."""

import io
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from django.core.management import call_command

from billing.checking import attached_content, first_difference, verify_bytes
from billing.reporting import report_path
from ledger.pades import SELF_SIGNED, find_signature
from tests.billing.test_reporting import approved, made


def saved(document: pikepdf.Pdf) -> bytes:
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def forged(content: bytes, name: str, old: bytes, new: bytes) -> bytes:
    """Return the file with other data attached."""
    with pikepdf.open(io.BytesIO(content)) as document:
        data = document.attachments[name].get_file().read_bytes()
        assert old in data
        data = data.replace(old, new, 1)
        document.attachments[name] = pikepdf.AttachedFileSpec(document, data, filename=name)
        return saved(document)


def repainted(content: bytes) -> bytes:
    """Return the file with the second page drawn otherwise."""
    with pikepdf.open(io.BytesIO(content)) as document:
        document.pages[1].contents_add(b"0 0 10 10 re f")
        return saved(document)


def saved_again(content: bytes) -> bytes:
    with pikepdf.open(io.BytesIO(content)) as document:
        return saved(document)


@pytest.mark.django_db
def test_every_answer_and_its_exit_code(tmp_path: Path, capsys: Any) -> None:
    world, close = approved()
    report = made(world, close)
    content = report_path(report).read_bytes()
    name = f"settlement-{report.month}.json"
    plain = content[: report.plain_size]
    found = find_signature(content)
    assert (found.holds, found.covers_all, found.subject) == (True, True, SELF_SIGNED)
    assert found.certificate_sha256 == report.signed_with
    assert attached_content(content) == report.content
    wrong = forged(content, name, b'"payable_fen":', b'"payable_fen":1')
    cases = [
        (content, "genuine", 0, "逐字节一致"),
        (content[:-3] + bytes([content[-3] ^ 1]) + content[-2:], "resaved", 4, "电子签名"),
        (plain, "resaved", 4, "电子签名"),
        (content + b"\n% more", "resaved", 4, "电子签名"),
        (saved_again(content), "resaved", 4, "另存"),
        (repainted(content), "altered", 1, "第 2 页"),
        (wrong, "altered", 1, "汇总（groups"),
        (b"", "unknown", 2, "不是本系统"),
        (b"%PDF-1.7 nonsense", "unknown", 2, "不是本系统"),
        (b"\x00" * 100, "unknown", 2, "不是本系统"),
    ]
    for number, (given, answer, code, said) in enumerate(cases):
        path = tmp_path / f"{number}.pdf"
        path.write_bytes(given)
        try:
            call_command("report_verify", str(path))
            left: Any = 0
        except SystemExit as exit_:
            left = exit_.code
        told = capsys.readouterr().out
        assert (left, said in told) == (code, True), (number, answer, told)
        if number:
            continue
        assert SELF_SIGNED in told
        assert "不证明签名人身份" in told
    assert verify_bytes(wrong).report == report


def test_the_first_difference_is_named_by_its_place() -> None:
    ours = {"a": [1, {"b": "x"}], "c": 0}
    cases = [
        ({"a": [1, {"b": "x"}], "c": 0}, ""),
        ({"a": [1, {"b": "y"}], "c": 1}, "a[1].b"),
        ({"a": [1], "c": 0}, "a[1]"),
        ({"a": [1, {"b": "x"}]}, "c"),
        ({"a": [1, {"b": "x"}], "c": False}, "c"),
        ({"a": [1, {"b": "x"}], "c": 0, "d": 1}, "d"),
    ]
    for theirs, place in cases:
        assert first_difference(ours, theirs) == place

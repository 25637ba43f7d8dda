"""Files handed in: what is taken, what is refused, each with its own sentence."""

import hashlib
import io

import pikepdf
import pytest
from PIL import Image

from ledger.refusals import Refused
from tests.vouchers.story import a_pdf
from vouchers import evidence
from vouchers.evidence import keep, look_into, path_of, safe_name


def picture(kind="JPEG", size=(40, 30), **extra):
    out = io.BytesIO()
    Image.new("RGB", size, "white").save(out, kind, **extra)
    return out.getvalue()


def a_photo_with_place():
    exif = Image.Exif()
    exif.get_ifd(0x8825)[2] = (31.0, 15.0, 0.0)
    exif[0x010F] = "Maker"
    return picture(exif=exif)


def a_pdf_with(change, **saving):
    with pikepdf.new() as document:
        document.add_blank_page()
        change(document)
        out = io.BytesIO()
        document.save(out, **saving)
    return out.getvalue()


def script(document):
    document.Root.OpenAction = pikepdf.Dictionary(
        S=pikepdf.Name("/JavaScript"), JS=pikepdf.String("app.alert(1)")
    )


def named_script(document):
    document.Root.Names = pikepdf.Dictionary(JavaScript=pikepdf.Dictionary())


def embedded(document):
    document.attachments["x.exe"] = b"MZ"


def form_xfa(document):
    document.Root.AcroForm = pikepdf.Dictionary(XFA=pikepdf.String("x"))


def page_action(document):
    document.pages[0].AA = pikepdf.Dictionary()


def many_pages(document):
    for _ in range(evidence.MOST_PAGES):
        document.add_blank_page()


def nothing(_document):
    return None


LOCK = {"encryption": pikepdf.Encryption(owner="o", user="u", R=6)}
OWNER_LOCK = {"encryption": pikepdf.Encryption(owner="o", user="", R=6)}
BAD = [
    ("empty", b"", "a.pdf", "file_empty", "空的"),
    (
        "one byte too many",
        b"%PDF-" + b"0" * evidence.MOST_BYTES,
        "a.pdf",
        "file_too_large",
        "10 MB",
    ),
    ("exe named pdf", b"MZ\x90\x00" + b"0" * 99, "a.pdf", "file_type", "PDF、JPG 或 PNG"),
    ("pdf named jpg", a_pdf(), "a.jpg", "file_mismatch", "内容是 PDF"),
    ("jpg named pdf", picture(), "a.pdf", "file_mismatch", "内容是 JPG"),
    ("png named jpg", picture("PNG"), "a.jpg", "file_mismatch", "内容是 PNG"),
    ("no ending", a_pdf(), "合同", "file_mismatch", "扩展名"),
    ("svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.svg", "file_type", "PDF"),
    ("html", b"<!doctype html><script>", "a.html", "file_type", "PDF"),
    ("word", b"PK\x03\x04" + b"0" * 99, "a.docx", "file_type", "Word 文件请另存为 PDF"),
    ("old word", b"\xd0\xcf\x11\xe0" + b"0" * 99, "a.doc", "file_type", "另存为 PDF"),
    ("sheet", b"PK\x03\x04" + b"0" * 99, "a.xlsx", "file_type", "Excel"),
    ("zip", b"PK\x03\x04" + b"0" * 99, "a.zip", "file_type", "压缩包"),
    ("rar", b"Rar!\x1a\x07", "a.rar", "file_type", "压缩包"),
    ("ofd", b"PK\x03\x04" + b"0" * 99, "a.ofd", "file_type", "OFD"),
    ("heic", b"\x00\x00\x00\x18ftypheic", "a.heic", "file_type", "HEIC"),
    ("gif", b"GIF89a" + b"0" * 99, "a.gif", "file_type", "PDF"),
    ("locked", a_pdf_with(nothing, **LOCK), "a.pdf", "file_locked", "密码"),
    ("rights locked", a_pdf_with(nothing, **OWNER_LOCK), "a.pdf", "file_locked", "去除保护"),
    ("script", a_pdf_with(script), "a.pdf", "file_active", "脚本"),
    ("named script", a_pdf_with(named_script), "a.pdf", "file_active", "脚本"),
    ("embedded file", a_pdf_with(embedded), "a.pdf", "file_active", "内嵌文件"),
    ("xfa", a_pdf_with(form_xfa), "a.pdf", "file_active", "打印为 PDF"),
    ("page action", a_pdf_with(page_action), "a.pdf", "file_active", "自动动作"),
    ("too many pages", a_pdf_with(many_pages), "a.pdf", "file_pages", "500 页"),
    ("cut pdf", b"%PDF-1.7\n" + b"0" * 50, "a.pdf", "file_broken", "损坏"),
    ("zip behind pdf", a_pdf() + b"PK\x05\x06" + b"\0" * 18, "a.pdf", "file_mismatch", "末尾"),
    ("page behind pdf", a_pdf() + b"<html>" * 600, "a.pdf", "file_mismatch", "末尾"),
    ("cut jpg", picture()[:60], "a.jpg", "file_broken", "损坏"),
    ("cut png", picture("PNG")[:40], "a.png", "file_broken", "损坏"),
    ("huge picture", picture("PNG", (9000, 9000)), "a.png", "file_pixels", "像素"),
]


@pytest.mark.parametrize(
    ("content", "name", "code", "words"), [each[1:] for each in BAD], ids=[each[0] for each in BAD]
)
def test_a_file_that_cannot_be_taken_is_told_why(content, name, code, words):
    with pytest.raises(Refused) as refusal:
        look_into(content, name)
    assert refusal.value.code == code
    assert words in refusal.value.message
    assert refusal.value.field == "file"


def test_the_sentences_for_different_faults_differ():
    by_code = {}
    for _, content, name, code, _ in BAD:
        with pytest.raises(Refused) as refusal:
            look_into(content, name)
        by_code.setdefault(code, refusal.value.message)
    assert len(set(by_code.values())) == len(by_code) == 9


GOOD = [
    (a_pdf(3), "合同.pdf", "application/pdf", 3),
    (a_pdf(), "大写.PDF", "application/pdf", 1),
    (picture(), "照片.jpeg", "image/jpeg", 1),
    (picture("PNG"), "执照.png", "image/png", 1),
]


@pytest.mark.parametrize(("content", "name", "kind", "pages"), GOOD)
def test_a_good_file_is_known_by_its_bytes(content, name, kind, pages):
    looked = look_into(content, name)
    assert (looked.content_type, looked.pages) == (kind, pages)
    assert looked.sha256 == hashlib.sha256(content).hexdigest()


def test_a_pdf_is_kept_byte_for_byte():
    content = a_pdf()
    assert look_into(content, "a.pdf").content == content


def test_the_place_a_photo_was_taken_at_is_not_kept():
    photo = a_photo_with_place()
    assert Image.open(io.BytesIO(photo)).getexif().get_ifd(0x8825)
    kept = Image.open(io.BytesIO(look_into(photo, "a.jpg").content))
    assert not kept.getexif()


def test_what_hangs_behind_a_picture_is_not_kept():
    kept = look_into(picture() + b"<script>alert(1)</script>", "a.jpg").content
    assert b"script" not in kept


def test_kept_files_lie_under_random_names_only_the_house_may_read(settings):
    first, second = keep(b"a"), keep(b"a")
    assert first != second
    assert path_of(first).read_bytes() == b"a"
    assert path_of(first).stat().st_mode & 0o777 == 0o600
    assert path_of(first).is_relative_to(settings.VAR_DIR / "attachments")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\张三\\合同.pdf", "合同.pdf"),
        ("a\r\nSet-Cookie: x.pdf", "aSet-Cookie x.pdf"),
        ('a"b.pdf', "ab.pdf"),
        ("", "未命名"),
        ("名" * 300 + ".pdf", ("名" * 300 + ".pdf")[-120:]),
    ],
)
def test_a_file_name_is_made_fit_to_be_shown(name, shown):
    assert safe_name(name) == shown

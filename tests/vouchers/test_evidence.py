"""Files handed in: what is taken, what is refused, each with its own sentence."""

import errno
import hashlib
import io

import pikepdf
import pytest
from PIL import Image

from ledger.refusals import Refused
from tests.vouchers.story import a_pdf
from vouchers import evidence, file_child
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


def a_link_to_the_machine(document):
    action = pikepdf.Dictionary(S=pikepdf.Name("/URI"), URI=pikepdf.String("file:///etc/passwd"))
    document.pages[0].Annots = pikepdf.Array(
        [pikepdf.Dictionary(Type=pikepdf.Name("/Annot"), Subtype=pikepdf.Name("/Link"), A=action)]
    )


def a_link_to_the_web(document):
    action = pikepdf.Dictionary(S=pikepdf.Name("/URI"), URI=pikepdf.String("https://a.example"))
    document.pages[0].Annots = pikepdf.Array([pikepdf.Dictionary(A=action)])


def launch(document):
    action = pikepdf.Dictionary(S=pikepdf.Name("/Launch"), F=pikepdf.String("cmd.exe"))
    document.pages[0].Annots = pikepdf.Array([document.make_indirect(pikepdf.Dictionary(A=action))])


def a_ring_of_pages(document):
    document.Root.Pages.Kids = pikepdf.Array([document.Root.Pages])


LOCK = {"encryption": pikepdf.Encryption(owner="o", user="u", R=6)}
OWNER_LOCK = {"encryption": pikepdf.Encryption(owner="o", user="", R=6)}
TOO_LARGE = b"%PDF-" + b"0" * evidence.MOST_BYTES
ZIP_END = b"PK\x05\x06" + b"\0" * 18
#: What is told before a file is opened: name, row of the paper, bytes, file name, code, words.
AT_THE_DOOR = [
    ("F1 empty", b"", "a.pdf", "file_empty", "空的"),
    ("F1 one byte too many", TOO_LARGE, "a.pdf", "file_too_large", "10 MB"),
    ("F2 exe named pdf", b"MZ\x90\x00" + b"0" * 99, "a.pdf", "file_type", "PDF、JPG 或 PNG"),
    ("F2 pdf named jpg", a_pdf(), "a.jpg", "file_mismatch", "内容是 PDF"),
    ("F2 jpg named pdf", picture(), "a.pdf", "file_mismatch", "内容是 JPG"),
    ("F2 png named jpg", picture("PNG"), "a.jpg", "file_mismatch", "内容是 PNG"),
    ("F2 no ending", a_pdf(), "合同", "file_mismatch", "扩展名"),
    ("F3 zip behind pdf", a_pdf() + ZIP_END, "a.pdf", "file_mismatch", "末尾"),
    ("F3 zip with a long note", a_pdf() + ZIP_END + b"0" * 1500, "a.pdf", "file_mismatch", "末尾"),
    ("F3 page behind pdf", a_pdf() + b"<html>" * 600, "a.pdf", "file_mismatch", "末尾"),
    ("F3 gifar", b"GIF89a" + ZIP_END, "a.gif", "file_type", "PDF"),
    ("F3 page before pdf", b"<html>" + a_pdf(), "a.pdf", "file_type", "PDF"),
    ("F5 svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.svg", "file_type", "PDF"),
    ("F5 html", b"<!doctype html><script>", "a.html", "file_type", "PDF"),
    ("F5 xml", b"<?xml version='1.0'?>", "a.xml", "file_type", "PDF"),
    ("F5 docm", b"PK\x03\x04" + b"0" * 99, "a.docm", "file_type", "PDF"),
    ("F5 xlsm", b"PK\x03\x04" + b"0" * 99, "a.xlsm", "file_type", "PDF"),
    ("F6 word", b"PK\x03\x04" + b"0" * 99, "a.docx", "file_type", "Word 文件请另存为 PDF"),
    ("F6 old word", b"\xd0\xcf\x11\xe0" + b"0" * 99, "a.doc", "file_type", "另存为 PDF"),
    ("F6 sheet", b"PK\x03\x04" + b"0" * 99, "a.xlsx", "file_type", "Excel"),
    ("F6 zip", b"PK\x03\x04" + b"0" * 99, "a.zip", "file_type", "压缩包"),
    ("F6 zip named pdf", b"PK\x03\x04" + b"0" * 99, "a.pdf", "file_type", "PDF"),
    ("F6 rar", b"Rar!\x1a\x07", "a.rar", "file_type", "压缩包"),
    ("F22 ofd", b"PK\x03\x04" + b"0" * 99, "a.ofd", "file_type", "OFD"),
    ("F23 heic", b"\x00\x00\x00\x18ftypheic", "a.heic", "file_type", "HEIC"),
]
#: What only shows when a PDF is opened.
INSIDE = [
    ("F10 locked", a_pdf_with(nothing, **LOCK), "file_locked"),
    ("F10 rights locked", a_pdf_with(nothing, **OWNER_LOCK), "file_locked"),
    ("F10 too many pages", a_pdf_with(many_pages), "file_pages"),
    ("F10 ring of pages", a_pdf_with(a_ring_of_pages), "file_broken"),
    ("F10 cut pdf", b"%PDF-1.7\n" + b"0" * 50, "file_broken"),
    ("F9 script", a_pdf_with(script), "file_active"),
    ("F9 named script", a_pdf_with(named_script), "file_active"),
    ("F9 embedded file", a_pdf_with(embedded), "file_active"),
    ("F9 xfa", a_pdf_with(form_xfa), "file_active"),
    ("F9 page action", a_pdf_with(page_action), "file_active"),
    ("F9 launch", a_pdf_with(launch), "file_active"),
    ("F9 link to a file of the reader", a_pdf_with(a_link_to_the_machine), "file_active"),
]
PICTURES = [
    ("cut jpg", picture()[:60], "jpg", "file_broken"),
    ("cut png", picture("PNG")[:40], "png", "file_broken"),
    ("F7 huge picture", picture("PNG", (8000, 8000)), "png", "file_pixels"),
]


@pytest.mark.parametrize(
    ("content", "name", "code", "words"),
    [each[1:] for each in AT_THE_DOOR],
    ids=[each[0] for each in AT_THE_DOOR],
)
def test_a_file_that_cannot_be_taken_is_told_why(content, name, code, words):
    with pytest.raises(Refused) as refusal:
        look_into(content, name)
    assert refusal.value.code == code
    assert words in refusal.value.message
    assert refusal.value.field == "file"


@pytest.mark.parametrize(
    ("content", "code"), [each[1:] for each in INSIDE], ids=[each[0] for each in INSIDE]
)
def test_a_pdf_that_acts_hides_or_overruns_is_known(content, code, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(file_child.Unfit, match=code):
        file_child.look_at_pdf(str(path), evidence.LIMITS)


@pytest.mark.parametrize(
    ("content", "kind", "code"), [each[1:] for each in PICTURES], ids=[each[0] for each in PICTURES]
)
def test_a_picture_that_is_broken_or_too_large_is_known(content, kind, code, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(file_child.Unfit, match=code):
        file_child.clean_picture(str(path), kind, str(tmp_path / "clean"), evidence.LIMITS)


def test_a_link_to_the_web_is_no_harm(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(a_pdf_with(a_link_to_the_web))
    assert file_child.look_at_pdf(str(path), evidence.LIMITS) == 1


def test_the_child_says_it_all_and_one_short_of_memory_says_so(monkeypatch):
    for content, name, code in (
        (a_pdf_with(script), "a.pdf", "file_active"),
        (picture("PNG", (8000, 8000)), "a.png", "file_pixels"),
    ):
        with pytest.raises(Refused) as refusal:
            look_into(content, name)
        assert refusal.value.code == code
    monkeypatch.setitem(evidence.LIMITS, "memory", 60 << 20)
    with pytest.raises(Refused) as refusal:
        look_into(picture(size=(4000, 4000)), "a.jpg")
    assert refusal.value.code == "file_pixels"


def test_what_the_browser_says_must_agree_too():
    assert look_into(a_pdf(), "a.pdf", "application/pdf; charset=binary").pages == 1
    with pytest.raises(Refused) as refusal:
        look_into(a_pdf(), "a.pdf", "image/png")
    assert (refusal.value.code, "声明为“png”" in refusal.value.message) == ("file_mismatch", True)


def test_a_full_disk_is_told_and_leaves_nothing(settings, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(Refused) as refusal:
        keep(b"a")
    assert refusal.value.code == "disk_full"
    assert not [each for each in (settings.VAR_DIR / "attachments").rglob("*") if each.is_file()]


def test_a_picture_is_kept_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side
    kept = look_into(picture(size=(40, 30), exif=exif), "a.jpg").content
    assert Image.open(io.BytesIO(kept)).size == (30, 40)


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

"""The zip that has one byte form: other programs read it, and no byte of it can change."""

import io
import random
import subprocess
import sys
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.archives import MAX_BYTES, MAX_MEMBERS, ArchiveError, ArchiveReader, ArchiveWriter

CONTENT = {"a.txt": b"one\n", "b/empty": b"", "b/two.pdf": bytes(range(256)) * 3, "z": b"\x00"}


def archive(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    writer = ArchiveWriter(file)
    for name, content in members.items():
        writer.add(name, content)
    writer.close()
    return file.getvalue()


def read(raw: bytes) -> dict[str, bytes]:
    reader = ArchiveReader(io.BytesIO(raw))
    return {name: reader.read(name, 10**6)[0] for name in reader.members}


def judged(raw: bytes) -> str:
    try:
        read(raw)
    except ArchiveError as told:
        return str(told)
    return "OK"


WHOLE = archive(CONTENT)


def zipped(members=None, /, flags: int = 0, comment: bytes = b"", **how) -> bytes:
    """Return what the library's zip writer makes, with its own times and attributes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **how) as made:
        made.comment = comment
        for name, content in (members or CONTENT).items():
            facts = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            facts.create_system, facts.external_attr = 3, 0o100644 << 16
            facts.compress_type = how.get("compression", zipfile.ZIP_STORED)
            made.writestr(facts, content)
    return file.getvalue()


def test_what_is_written_is_read_back_here_and_by_any_zip_program():
    assert read(WHOLE) == CONTENT
    with zipfile.ZipFile(io.BytesIO(WHOLE)) as made:
        assert {each: made.read(each) for each in made.namelist()} == CONTENT
        assert made.testzip() is None


def test_the_library_writes_the_same_bytes_when_told_all_the_constants():
    """An independent writer of the plain form agrees byte for byte."""
    assert zipped() == WHOLE


def test_no_bit_of_an_archive_can_be_turned():
    for place in range(len(WHOLE)):
        for bit in range(8):
            bent = bytearray(WHOLE)
            bent[place] ^= 1 << bit
            assert judged(bytes(bent)) != "OK", f"byte {place} bit {bit}"


def test_no_byte_can_be_left_out_added_or_cut_off():
    for place in range(len(WHOLE) + 1):
        assert judged(WHOLE[:place] + b"\x00" + WHOLE[place:]) != "OK"
        assert judged(WHOLE[:place] + WHOLE[place + 1 :]) != "OK" or place == len(WHOLE)
        assert judged(WHOLE[:place]) != "OK" or place == len(WHOLE)
    assert judged(WHOLE + WHOLE) != "OK"
    assert judged(b"PK" + WHOLE) != "OK"


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"PK", b"\x00" * 22, b"PK\x05\x06" + b"\xff" * 18,
        zipped(comment=b"hello"),
        zipped(compression=zipfile.ZIP_DEFLATED),
        zipped({"b": b"", "a": b""}),
        zipped({"a/b/c/d": b""}), zipped({"../a": b""}), zipped({"/a": b""}), zipped({"a\\b": b""}),
        zipped({"a/": b""}), zipped({".a": b""}), zipped({"é": b""}), zipped({"a" * 121: b""}),
        zipped({"a": b"x" * 2_000_000}, compression=zipfile.ZIP_BZIP2),
    ],
    ids=range(16),
)  # fmt: skip
def test_every_other_form_of_zip_is_refused(raw):
    assert judged(raw) != "OK"


def test_twice_the_same_name_is_refused(recwarn):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr(zipfile.ZipInfo("a", (1980, 1, 1, 0, 0, 0)), b"1")
        made.writestr(zipfile.ZipInfo("a", (1980, 1, 1, 0, 0, 0)), b"2")
    assert "逐个增大" in judged(file.getvalue())


@pytest.mark.parametrize("name", ["../a", "a//b", "", "a b", "a/b/c/d", "/a", ".a", "a/.b"])
def test_the_writer_refuses_names_that_are_not_allowed(name):
    with pytest.raises(ArchiveError):
        archive({name: b""})


def test_the_writer_refuses_names_out_of_order():
    with pytest.raises(ArchiveError):
        archive({"b": b"", "a": b""})


def test_a_directory_that_promises_too_much_costs_nothing():
    end = b"PK\x05\x06" + bytes(4) + b"\xff\xff\xff\xff" + (2**31).to_bytes(4, "little") + bytes(6)
    assert "不可能" in judged(WHOLE + end)
    assert MAX_MEMBERS * (46 + 120) < 10**6 < MAX_BYTES


def test_a_member_larger_than_asked_for_is_refused_before_it_is_read():
    reader = ArchiveReader(io.BytesIO(WHOLE))
    with pytest.raises(ArchiveError, match="超过 10"):
        reader.read("b/two.pdf", 10)
    with pytest.raises(ArchiveError, match="没有"):
        reader.open("missing")


NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,9}(/[A-Za-z0-9][A-Za-z0-9._-]{0,9})?",
                      fullmatch=True)  # fmt: skip


@given(st.dictionaries(NAMES, st.binary(max_size=50), max_size=6))
def test_any_members_come_back(members):
    ordered = dict(sorted(members.items()))
    assert read(archive(ordered)) == ordered


@given(st.binary(max_size=200))
def test_random_bytes_are_refused_without_a_fault(raw):
    assert judged(raw) != "OK"
    assert judged(raw + WHOLE[-22:]) != "OK"


def test_fields_of_the_directory_changed_together_with_the_headers_are_refused():
    """Consistent nonsense: times, flags and attributes that any zip reader would accept."""
    chance = random.Random(20261001)
    local, central = WHOLE.index(b"PK\x03\x04"), WHOLE.index(b"PK\x01\x02")
    for offset in range(4, 14):
        bent = bytearray(WHOLE)
        fresh = chance.randrange(1, 256)
        bent[local + offset] ^= fresh
        bent[central + offset + 2] ^= fresh
        assert judged(bytes(bent)) != "OK", f"field at {offset}"


def test_python_runs_a_program_packed_this_way(tmp_path):
    path = tmp_path / "program.pyz"
    path.write_bytes(archive({"__main__.py": b"import other; print(other.WORD)",
                              "other.py": b"WORD = 'hello'"}))  # fmt: skip
    told = subprocess.run([sys.executable, path], capture_output=True, text=True, check=True)
    assert told.stdout == "hello\n"

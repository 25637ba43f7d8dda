"""Taking off the packing: gzip within its ratio, UTF-8 or refused by name, bounded lines."""

import gzip
import io
import random
import zlib

import pytest

from providers.batches import read_batch
from providers.plain import insist_on_text, lines_of, unpacked
from providers.wire import (
    CLOUDEVENTS,
    CSV,
    JSON,
    LARGEST_BODY,
    LONGEST_LINE,
    NDJSON,
    PARQUET,
    BadBatch,
)
from tests.providers.test_records import HONEST, as_csv

KINDS = [JSON, NDJSON, CSV, CLOUDEVENTS]


def plain(raw: bytes, encoding: str = "gzip", kind: str = CSV) -> bytes:
    with unpacked(io.BytesIO(raw), kind, encoding) as (file, _):
        file.seek(0)
        return file.read()


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "GZIP"])
def test_unknown_packings_are_refused(encoding):
    with pytest.raises(BadBatch, match="unsupported_encoding"):
        plain(b"x", encoding)


@pytest.mark.parametrize("size", [0, 1, 1023, 1 << 20, (3 << 20) + 7])
def test_what_was_packed_comes_out_whole(size):
    raw = random.Random(size).randbytes(size)
    assert plain(gzip.compress(raw)) == raw
    assert plain(raw, "") == plain(raw, "identity") == raw


def test_a_bomb_is_refused_before_it_bursts():
    packer = zlib.compressobj(wbits=31)
    bomb = packer.compress(bytes(50 << 20)) + packer.flush()
    with pytest.raises(BadBatch, match="compression_ratio"):
        plain(bomb)


def test_more_than_the_largest_body_is_refused_at_any_ratio(tmp_path):
    piece = random.Random(1).randbytes(1 << 16) + bytes(3 << 20)
    packer = zlib.compressobj(wbits=31)
    packed = b"".join(packer.compress(piece) for _ in range(LARGEST_BODY // len(piece) + 1))
    packed += packer.flush()
    assert len(packed) * 100 > LARGEST_BODY
    with pytest.raises(BadBatch, match="too_large"):
        plain(packed)
    sparse = tmp_path / "sparse"
    with sparse.open("wb") as file:
        file.truncate(LARGEST_BODY + 1)
    with (
        sparse.open("rb") as file,
        pytest.raises(BadBatch, match="too_large"),
        unpacked(file, CSV, ""),
    ):
        pass


@pytest.mark.parametrize(
    "spoil",
    [
        lambda packed: packed[:-1],
        lambda packed: packed[: len(packed) // 2],
        lambda packed: packed + b"x",
        lambda packed: packed + packed,
        lambda packed: b"\x1f\x8bxx",
        lambda packed: b"",
        lambda packed: packed[:-8] + bytes(8),
    ],
)
def test_gzip_that_is_cut_spoilt_or_followed_by_more_is_refused(spoil):
    with pytest.raises(BadBatch, match="unsupported_encoding"):
        plain(spoil(gzip.compress(b"record_id\n" * 500)))


def test_a_packed_parquet_file_that_is_none_is_refused():
    with pytest.raises(BadBatch, match="malformed_parquet"):
        plain(gzip.compress(b"not at all" * 10), kind=PARQUET)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("encoding", "named"),
    [("gbk", "GBK"), ("gb18030", "GBK"), ("utf-16", "UTF-16"), ("utf-16-le", "UTF-16"),
     ("utf-16-be", "UTF-16"), ("utf-32", "UTF-16")],
)  # fmt: skip
def test_another_encoding_is_refused_by_its_name(kind, encoding, named):
    text = '{"records": [{"device_model": "昇腾算力卡"}]}\n' * 3
    with pytest.raises(BadBatch) as refused:
        list(read_batch(io.BytesIO(text.encode(encoding)), kind))
    assert (refused.value.code, refused.value.value) == ("encoding", named)


def test_the_line_is_named_where_the_text_stops_being_utf_8():
    body = b"a,b\n" * 700_000 + "记录\n".encode("gbk") + b"a,b\n"
    with pytest.raises(BadBatch) as refused:
        insist_on_text(io.BytesIO(body))
    assert (refused.value.row, refused.value.value) == (700_001, "GBK")


def test_bytes_of_no_known_encoding_are_refused_without_a_guess():
    with pytest.raises(BadBatch) as refused:
        insist_on_text(io.BytesIO(b"record_id\nr\xff\xff\n"))
    assert (refused.value.code, refused.value.row, refused.value.value) == (
        "encoding", 2, "unknown",
    )  # fmt: skip


def test_a_byte_order_mark_is_passed_over_in_every_form():
    record = {k: str(v) for k, v in HONEST.items()}
    for kind, body in ((CSV, as_csv([record])), (NDJSON, b"{}"), (JSON, b'{"records": [{}]}')):
        rows = list(read_batch(io.BytesIO(b"\xef\xbb\xbf" + body), kind))
        assert len(rows) == 1


@pytest.mark.parametrize("size", [1, 7, 100, LONGEST_LINE])
def test_pieces_are_whole_lines_and_nothing_is_lost(size):
    body = b"".join(b"x" * (number % 11) + b"\n" for number in range(500)) + b"end"
    pieces = list(lines_of(io.BytesIO(body), size))
    assert b"".join(pieces) == body
    assert all(piece.endswith(b"\n") for piece in pieces[:-1])


def test_a_line_without_end_is_never_held_and_keeps_its_place():
    body = b'{"a":1}\n' + b"x" * (LONGEST_LINE * 5) + b'\n{"b":2}\n'
    assert max(map(len, lines_of(io.BytesIO(body)))) < 3 * LONGEST_LINE
    rows = list(read_batch(io.BytesIO(body), NDJSON))
    assert [each.row for each in rows] == [1, 2, 3]
    assert [fault.code for fault in rows[1].faults] == ["line_too_long"]
    table = b"record_id,order_no,device_model,device_count,started_at\n" + b"x" * (64 << 20)
    with pytest.raises(BadBatch) as refused:
        list(read_batch(io.BytesIO(table), CSV))
    assert (refused.value.code, refused.value.row) == ("line_too_long", 2)

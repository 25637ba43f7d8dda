"""Where fuzzing begins: honest bodies of every form, words that matter, and simple changes."""

import gzip
import json
import random
import tempfile
from pathlib import Path

import duckdb

RECORDS = [
    {"record_id": "r-1", "order_no": "o-1", "device_model": "a100", "device_count": 8,
     "started_at": "2026-10-03T00:00:00+08:00", "ended_at": "2026-10-03T01:00:00+08:00"},
    {"record_id": "r-2", "order_no": "o-1", "device_model": "昇腾910B", "device_count": 0,
     "started_at": "2026-10-03T00:00:00.5Z", "share_milli": 500, "basis": "utilised",
     "job_state": "failed", "job_ref": "j/1", "utilisation_pct": "85.5", "energy_kwh": "1.25",
     "device_seconds": "3600", "corrects": "r-0", "reason": "说明, \"引号\""},
]  # fmt: skip
FIELDS = tuple(RECORDS[1] | RECORDS[0])
#: What changes are made of, beside single bytes.
WORDS = [
    b'"', b'""', b",", b"\n", b"\r\n", b"\r", b"{", b"}", b"[", b"]", b":", b"\\", b"\\u0000",
    b"\\ud800", b"\x00", b"\xff", b"\xef\xbb\xbf", b"null", b"true", b"-0", b"1e3", b"1.0", b"NaN",
    b"9" * 30, b"[[[[[[[[[[", b'{"a":', b'"records"', b'"provider"', b"/*", b"'", b"=1+1", b"PAR1",
    b"\xb2\xe2", b"2026-02-30T00:00:00Z", b"-00:00", *[name.encode() for name in FIELDS],
]  # fmt: skip


def parquet_seed() -> bytes:
    """Return a small Parquet file."""
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as database:
        path = Path(folder) / "seed.parquet"
        database.execute(
            "COPY (SELECT 'r-' || i AS record_id, 'o-1' AS order_no, 'a100' AS device_model,"
            " 8 AS device_count, TIMESTAMPTZ '2026-10-03 00:00:00+08' AS started_at"
            f" FROM range(3) t(i)) TO '{path}' (FORMAT parquet, COMPRESSION uncompressed)"
        )
        return path.read_bytes()


def seeds(target: str) -> list[bytes]:
    """Return the bodies from which a target begins."""
    form = target.partition("-")[0]
    if form == "parquet":
        return [parquet_seed()]
    lines = [json.dumps(each, ensure_ascii=False).encode() for each in RECORDS]
    spread = json.dumps({"provider": "P", "records": RECORDS}, indent=1).encode()
    envelope = {"specversion": "1.0", "id": "e", "source": "s", "type": "t"}
    quoted = [str(value).replace('"', '""') for value in RECORDS[1].values()]
    head, cells = ",".join(RECORDS[1]), '"' + '","'.join(quoted) + '"'
    table = f"{','.join(RECORDS[0])}\n{','.join(map(str, RECORDS[0].values()))}\n".encode()
    return {
        "json": [b'{"records":[' + b",".join(lines) + b"]}", spread],
        "ndjson": [b"\n".join(lines), b"\r\n\r\n".join([*lines, b""])],
        "csv": [table, f"{head}\r\n{cells}\r\n".encode()],
        "events": [json.dumps([envelope | {"data": each} for each in RECORDS]).encode()],
        "gzip": [gzip.compress(b"\n".join(lines), mtime=0)],
    }[form]


def changed(body: bytes, chance: random.Random) -> bytes:
    """Return the body with up to four changes: bytes, cuts, repeats, words put in."""
    raw = bytearray(body)
    for _ in range(chance.randint(1, 4)):
        at, end = sorted(chance.randint(0, len(raw)) for _ in range(2))
        end = min(end, at + 40)
        kind = chance.randrange(5)
        if kind == 0 and at < len(raw):
            raw[at] = chance.randrange(256)
        elif kind == 1:
            del raw[at:end]
        elif kind == 2:
            raw[at:at] = raw[at:end] * chance.randint(1, 3)
        elif kind == 3:
            raw[at:at] = chance.choice(WORDS)
        else:
            raw[at:end] = chance.choice(WORDS)
    return bytes(raw)

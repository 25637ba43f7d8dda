"""The errors file of every form can be mended and sent back as it is, and says what was meant.

Goal: what is stored in the end has the same content as if it had been right at once.
"""

import csv
import io
import json
from typing import Any

import pytest

from providers.columns import read_pieces
from providers.models import UsageBatch, UsageRecord
from providers.receipts import errors_csv
from providers.wire import CLOUDEVENTS, CSV, JSON, NDJSON, PARQUET
from tests.providers.test_columns import rows_of
from tests.providers.test_parquet import made
from tests.providers.world import World

pytestmark = pytest.mark.django_db
FULL = {
    "share_milli": 500, "basis": "allocated", "job_state": "failed", "job_ref": "-2+3",
    "utilisation_pct": "85.50", "energy_kwh": "1.25", "device_seconds": "1800.000",
    "reason": "=cmd|' /C calc'!A0，\"引号\"",
}  # fmt: skip
#: record id -> what is wrong in it at first.
WRONG = {
    "bad-count": {"device_count": -8},
    "bad-time": {"started_at": "2026-10-03T00:00:00"},
    "bad-order": {"order_no": "PTDD-2026-777777"},
    "bad-place": {"started_at": "2026-09-01T00:00:00+08:00"},
    "bad-text": {"job_ref": "a\u200bb"},
}


def right_ones(there: World) -> list[dict[str, Any]]:
    return [there.record(name) | FULL for name in ("good", *WRONG)]


def in_form(kind: str, records: list[dict[str, Any]], folder) -> bytes:
    """Return a body of any form."""
    if kind == JSON:
        return json.dumps({"records": records}).encode()
    if kind == NDJSON:
        return "\n".join(json.dumps(each) for each in records).encode()
    if kind == CLOUDEVENTS:
        envelope = {"specversion": "1.0", "id": "e", "source": "s", "type": "t"}
        return json.dumps([envelope | {"data": each} for each in records]).encode()
    if kind == CSV:
        out = io.StringIO()
        writer = csv.DictWriter(out, list(records[0]))
        writer.writeheader()
        writer.writerows(records)
        return out.getvalue().encode()
    columns = [
        f"{quoted([each[name] for each in records])}[i + 1] AS {name}" for name in records[0]
    ]
    return made(folder, ", ".join(columns), rows=len(records))


def quoted(values: list[Any]) -> str:
    """Return a list as the engine writes it."""
    cells = [str(v) if isinstance(v, int) else "'" + v.replace("'", "''") + "'" for v in values]
    return f"[{', '.join(cells)}]"


def mended(table: str, right: dict[str, dict[str, Any]]) -> str:
    """Mend each row in the one cell that is wrong, and send the file back otherwise untouched."""
    assert table.startswith("\ufeff")
    lines = list(csv.DictReader(io.StringIO(table.removeprefix("\ufeff"))))
    out = io.StringIO()
    writer = csv.DictWriter(out, list(lines[0]))
    writer.writeheader()
    for line in lines:
        assert line["error_code"]
        assert line["error_detail"]
        assert line["error_hint"]
        for column in WRONG[line["record_id"]]:
            line[column] = right[line["record_id"]][column]
        writer.writerow(line)
    return "\ufeff" + out.getvalue()


@pytest.mark.parametrize("kind", [JSON, NDJSON, CSV, CLOUDEVENTS, PARQUET])
def test_mended_and_sent_back_it_is_as_if_it_had_been_right_at_once(kind, tmp_path):
    there = World()
    right = {each["record_id"]: each for each in right_ones(there)}
    sent = [each | WRONG.get(name, {}) for name, each in right.items()]
    batch = there.send(body=in_form(kind, sent, tmp_path), content_type=kind)
    assert (batch.rows, batch.rejected, batch.accepted) == (6, 5, 1)
    table = mended("".join(errors_csv(batch)), right)
    again = there.send(body=table.encode(), content_type=CSV)
    assert (again.rows, again.accepted) == (5, 5)
    check = there.send(*right.values())
    assert check.duplicate == 6, "the content has changed on the way"


def test_cells_that_a_spreadsheet_would_run_are_marked_and_come_back_unmarked():
    there = World()
    cells = ["=1+1", "+1", "-2+3", "@SUM(A1)", "＝1", "＋1", "－1", "＠x", "'quoted", "''twice",
             "plain", "-x"]  # fmt: skip
    records = [there.record(f"r-{n}", device_count=-1, reason=cell) for n, cell in enumerate(cells)]
    batch = there.send(*records)
    table = "".join(errors_csv(batch))
    shown = [line["reason"] for line in csv.DictReader(io.StringIO(table))]
    assert [cell.removeprefix("'") if cell != "plain" else cell for cell in shown] == cells
    assert not [cell for cell in shown if cell[0] in "=+-@＝＋－＠\t\r"]
    counts = [line["device_count"] for line in csv.DictReader(io.StringIO(table))]
    assert set(counts) == {"-1"}, "a number stays a number"
    again = there.send(body=table.replace(",-1,", ",0,").encode(), content_type=CSV)
    assert again.zero == len(cells)
    stored = UsageRecord.objects.order_by("row_no").values_list("reason", flat=True)
    assert list(stored) == cells


def test_a_large_errors_file_comes_back_by_columns_just_the_same():
    there = World()
    records = [there.record(f"r-{n}", device_count=-1, reason="=1+1") for n in range(30)]
    table = "".join(errors_csv(there.send(*records))).replace(",-1,", ",0,")
    (piece,) = read_pieces(io.BytesIO(table.encode()), CSV, small=0)
    assert piece.one_by_one == []
    assert {row.reason for row in rows_of(piece)} == {"=1+1"}


def test_an_errors_file_sent_back_unmended_tells_the_same_again():
    there = World()
    batch = there.send(there.record(device_count=-1, reason="@x"))
    again = there.send(body="".join(errors_csv(batch)).encode(), content_type=CSV)
    assert UsageBatch.objects.count() == 2
    assert "".join(errors_csv(again)) == "".join(errors_csv(batch))

"""Fetch what belongs beside a pushed file: the receipts, and the rows to mend."""

import json
from pathlib import Path
from typing import Any

import httpx

from slq.client import Answer, MeteringClient
from slq.outcomes import Exit, Stopped
from slq.pushing import Report
from slq.receipts import receipts_in
from slq.sending import Patience, patiently
from slq.words import Speech

_FOUND = 200


def beside(path: Path, ending: str) -> Path:
    """Return a name beside a file: ``usage.csv`` and ``errors.csv`` give ``usage.errors.csv``."""
    plain = path.with_suffix("") if path.suffix == ".gz" else path
    return path.with_name(f"{plain.stem}.{ending}")


def fetch_receipts(
    client: MeteringClient, report: Report, path: Path, patience: Patience, speech: Speech
) -> Path | None:
    """Write the receipt of every batch that was taken, one a line; nothing taken, no file."""
    wanted = [each["batch_id"] for each in report.batches if each["status"] != "rejected"]
    known = _known(path, speech)
    for batch_id in wanted:
        if batch_id and not known.get(batch_id, {}).get("proof"):
            known[batch_id] = fetch_receipt(client, batch_id, patience, speech)
    if not known:
        return None
    lines = (json.dumps(each, ensure_ascii=False) + "\n" for each in known.values())
    path.write_text("".join(lines), encoding="utf-8")
    return path


def _known(path: Path, speech: Speech) -> dict[str, dict[str, Any]]:
    """Return the receipts fetched before; what is no file of receipts is set aside."""
    if not path.exists():
        return {}
    try:
        found = receipts_in(path.read_text(encoding="utf-8"))
        return {each["receipt"]["batch_id"]: each for each in found}
    except (ValueError, KeyError, TypeError, RecursionError):
        kept = path.with_name(path.name + ".broken")
        path.replace(kept)
        speech.tell("receipts_broken", path=path.name, kept=kept.name)
        return {}


def fetch_receipt(
    client: MeteringClient, batch_id: str, patience: Patience, speech: Speech
) -> dict[str, Any]:
    """Return the receipt of one batch.

    Raises:
        Stopped: there is none.
    """
    answer = patiently(lambda: client.receipt(batch_id), patience, speech)
    if answer.status != _FOUND:
        raise Stopped(Exit.LATER, speech("no_receipt", batch=batch_id))
    return answer.body


def fetch_errors(
    client: MeteringClient, report: Report, path: Path, patience: Patience, speech: Speech
) -> Path | None:
    """Write the rows to mend of all batches into one file that can be sent back as it is."""
    bad = [
        each["batch_id"]
        for each in report.batches
        if each["batch_id"]
        and each["counts"].get("rejected", 0) + each["counts"].get("conflict", 0)
    ]
    if not bad:
        return None
    with path.open("wb") as file:
        for number, batch_id in enumerate(bad):
            content = _errors_csv(client, batch_id, patience, speech)
            file.write(content if not number else content.partition(b"\n")[2])
    return path


def _errors_csv(client: MeteringClient, batch_id: str, patience: Patience, speech: Speech) -> bytes:
    got: list[bytes] = []

    def ask() -> Answer:
        try:
            got.append(client.errors_csv(batch_id))
        except httpx.HTTPStatusError as error:
            return Answer(error.response.status_code, {}, dict(error.response.headers))
        return Answer(_FOUND, {}, {})

    patiently(ask, patience, speech)
    return got[-1] if got else b""

"""The commands about receipts: fetch one, check them offline."""

import hashlib
from argparse import Namespace
from pathlib import Path

from slq import cutting, showing
from slq.notes import BadReceipt, LogKey, keys_in
from slq.outcomes import Exit, Stopped
from slq.receipts import INCLUDED, Checked, check_all
from slq.sending import Patience
from slq.settings import connect, load_account, stored_vkeys
from slq.taking_home import fetch_receipt
from slq.words import Speech


def receipt_get(told: Namespace, speech: Speech) -> Exit:
    """Print the receipt of one batch."""
    patience = Patience(tries=told.tries)
    with connect(load_account(told.mode, speech), speech) as client:
        receipt = fetch_receipt(client, told.batch, patience, speech)
    if not receipt.get("proof"):
        speech.tell("not_included", count=1)
    showing.put_json(receipt)
    return Exit.OK


def receipt_verify(told: Namespace, speech: Speech) -> Exit:
    """Check receipts offline, against a key that was got elsewhere."""
    if not Path(told.file).is_file():
        raise Stopped(Exit.USAGE, speech("no_file", path=told.file))
    keys = _trusted(told, speech)
    found = _checked(Path(told.file), keys, _digests(told, speech), speech)
    speech.tell("receipts_good", count=len(found))
    waiting = sum(each.level != INCLUDED for each in found)
    if waiting:
        speech.tell("not_included", count=waiting)
    if told.json:
        showing.put_json([_plain(each) for each in found])
    else:
        for each in found:
            stated = each.stated
            cells = (stated["batch_id"], stated["status"], stated["counts"]["rows"], each.index)
            showing.put("\t".join((*cells[:3], cells[3] or "-", each.level)))
    return Exit.LATER if waiting and told.included else Exit.OK


def _plain(each: Checked) -> dict[str, object]:
    return {
        "receipt": each.stated,
        "level": each.level,
        "log_index": each.index,
        "tree_size": each.tree_size,
    }


def _checked(path: Path, keys: list[LogKey], digests: set[str], speech: Speech) -> list[Checked]:
    """Return what the receipts state; the first that does not hold ends it."""
    try:
        found = check_all(path.read_bytes(), keys)
    except BadReceipt as bad:
        raise _refused(str(bad), bad.number, speech) from bad
    for number, each in enumerate(found, start=1):
        if digests and each.stated["body_sha256"] not in digests:
            raise _refused("receipt_bytes", number, speech)
    return found


def _refused(word: str, number: int, speech: Speech) -> Stopped:
    why = speech(word)
    return Stopped(Exit.REJECTED, speech("receipt_bad", number=number, why=why) if number else why)


def _trusted(told: Namespace, speech: Speech) -> list[LogKey]:
    """Return the keys to trust: as given, else those remembered by login; never the receipt's."""
    try:
        keys = [LogKey.parse(each) for each in told.vkey]
    except BadReceipt as bad:
        raise Stopped(Exit.USAGE, speech("vkey_form")) from bad
    keys = keys or keys_in(stored_vkeys(told.mode))
    if not keys:
        raise Stopped(Exit.USAGE, speech("no_vkey"))
    return keys


def _digests(told: Namespace, speech: Speech) -> set[str]:
    """Return the digests of a file, whole and by chunks, to hold the receipts against."""
    if not told.body:
        return set()
    path = Path(told.body)
    if not path.is_file():
        raise Stopped(Exit.USAGE, speech("no_file", path=told.body))
    with path.open("rb") as file:
        digests = {hashlib.file_digest(file, "sha256").hexdigest()}
    if cutting.kind_of(path):
        digests |= {cutting.digest_of(chunk) for chunk in cutting.cut(path, speech)}
    return digests

"""The verifiable draw: recompute every ticket and the order from public data alone.

This file needs nothing but Python and runs by itself:

    python lots.py draw.json

``draw.json`` is what the page of a draw offers for download. The rule, in words:

1. before the window closes the SHA-256 of ``voucher-draw/1`` + newline + seed (hex) is published;
2. after it closes the seed is laid open, with the public number named beforehand;
3. the ticket of an application is the SHA-256 of ``voucher-lot/1``, seed, public number and
   application number, each on a line of its own; the smallest ticket stands first;
4. money is given in that order until an amount no longer fits; those behind it wait in order.

Pure.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

SEED_DIGITS = 64


def commitment(seed_hex: str) -> str:
    """Return what is published of a seed before the window closes."""
    return hashlib.sha256(f"voucher-draw/1\n{seed_hex}".encode()).hexdigest()


def ticket(seed_hex: str, public_word: str, application_no: str) -> str:
    """Return the lot of one application."""
    said = f"voucher-lot/1\n{seed_hex}\n{public_word}\n{application_no}\n"
    return hashlib.sha256(said.encode()).hexdigest()


def faults_of(draw: dict[str, Any]) -> list[str]:
    """Return everything that is wrong with a published draw; nothing when it is honest.

    Args:
        draw: ``seed``, ``commitment``, ``public_word``, ``free_fen`` and ``lines``, each line with
            ``application``, ``ticket``, ``asked_fen``, ``granted_fen``.
    """
    faults = []
    if commitment(draw["seed"]) != draw["commitment"]:
        faults.append("the seed is not the one committed to")
    tickets = [
        ticket(draw["seed"], draw["public_word"], each["application"]) for each in draw["lines"]
    ]
    if len({each["application"] for each in draw["lines"]}) != len(tickets):
        faults.append("an application stands there twice")
    if tickets != [each["ticket"] for each in draw["lines"]]:
        faults.append("a ticket is not what seed, number and application give")
    if tickets != sorted(tickets):
        faults.append("the order is not that of the tickets")
    left, waiting = int(draw["free_fen"]), False
    for each in draw["lines"]:
        asked, granted = int(each["asked_fen"]), int(each["granted_fen"])
        waiting = waiting or asked > left
        if granted != (0 if waiting else asked):
            faults.append(f"{each['application']} got {granted}")
        left -= granted
    return faults


def main(path: str) -> int:
    """Check a downloaded draw; 0 when it is as it should be."""
    draw = json.loads(Path(path).read_text(encoding="utf-8"))
    faults = faults_of(draw)
    told = "\n".join(faults) or f"all {len(draw['lines'])} lines are as seed and rule give them"
    sys.stdout.write(f"{told}\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

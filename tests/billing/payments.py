"""Sign and send payment lists in tests, each step by another person."""

from datetime import datetime
from typing import Any

from billing import settling
from billing.models import MonthClose, PaymentBatch
from ledger.actors import Actor
from ledger.identifiers import new_id


def signer(name: str, role: str) -> Actor:
    """Return somebody who signs lists, one natural person per name."""
    return Actor(kind="user", id=str(new_id()), name=name, role=role, person=f"person-{name}")


def sign(world: Any, batch: PaymentBatch, at: datetime) -> PaymentBatch:
    """Let every signature be given that is still due."""
    known = {"first": world.approver, "review": world.finance}
    while step := settling.next_step(batch):
        role = "approver" if step in ("first", "second", "head") else "finance"
        actor = known.get(step) or signer(f"签署人-{step}", role)
        batch = settling.sign_batch(batch, step=step, digest=batch.sha256, actor=actor, at=at)
    return batch


def send(world: Any, close: MonthClose, at: datetime) -> PaymentBatch:
    """Draw up the list of a month, sign it and send it."""
    batch = settling.export_payment_list(close, actor=world.cashier, at=at)
    return settling.send_batch(sign(world, batch, at), actor=world.cashier, at=at)

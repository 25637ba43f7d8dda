"""The complete table of moves of every machine of the room; what is not in it does not exist."""

from typing import Any

import pytest

from billing.models import (
    Claim,
    Clawback,
    MonthClose,
    PaymentBatch,
    PaymentLine,
    Report,
    Statement,
)
from billing.models.clawback import RUNNING
from ledger.lifecycle import can, edges, label, step
from ledger.refusals import Refused

MOVES = {
    MonthClose: {
        "start": {"open": "closing"},
        "put_out": {"closing": "review"},
        "close": {"review": "closed"},
        "finish": {"closed": "paid"},
    },
    Statement: {
        "put_out": {"draft": "in_review"},
        "confirm": {"in_review": "confirmed"},
        "dispute": {"in_review": "disputed"},
        "settle_dispute": {"disputed": "in_review"},
        "prepare": {"confirmed": "prepared", "disputed": "prepared"},
        "send_back": {"prepared": "confirmed"},
        "send_back_disputed": {"prepared": "disputed"},
        "approve": {"prepared": "approved"},
        "pay": {"approved": "paid"},
        "bounce": {"paid": "approved"},
    },
    Claim: {
        "submit": {"draft": "submitted", "supplement": "submitted"},
        "ask_supplement": {"submitted": "supplement"},
        "verify": {"submitted": "checked"},
        "send_back": {"checked": "submitted"},
        "review": {"checked": "reviewed"},
        "write_off": {"reviewed": "written_off"},
        "write_off_part": {"reviewed": "partial"},
        "refuse": {"reviewed": "refused"},
        "suspend": {"submitted": "suspended", "checked": "suspended"},
        "resume": {"suspended": "submitted"},
        "lapse": {"draft": "lapsed", "supplement": "lapsed"},
    },
    PaymentBatch: {
        "approve": {"draft": "approved"},
        "review": {"approved": "finance_review"},
        "clear": {"finance_review": "finance_approved"},
        "send": {"finance_approved": "sent"},
        "complete": {"sent": "paid"},
        "fall_short": dict.fromkeys(("sent", "paid", "closed"), "partly_returned"),
        "finish": {"paid": "closed", "partly_returned": "closed"},
        "drop": dict.fromkeys(
            ("draft", "approved", "finance_review", "finance_approved"), "dropped"
        ),
    },
    PaymentLine: {
        "suspend": {"waiting": "suspended"},
        "release": {"suspended": "waiting"},
        "send": {"waiting": "sent"},
        "net": {"waiting": "netted"},
        "pay": {"sent": "paid"},
        "fail": {"sent": "failed"},
        "give_back": {"paid": "returned"},
        "withdraw": {"waiting": "withdrawn", "suspended": "withdrawn"},
    },
    Clawback: {
        "notify": {"opened": "noticed"},
        "drop": dict.fromkeys(("opened", "noticed"), "dropped"),
        "decide": {"noticed": "decided"},
        "serve": {"decided": "recovering"},
        "enforce": {"recovering": "enforcement"},
        "refer": dict.fromkeys(("recovering", "enforcement"), "transferred"),
        "recover": dict.fromkeys(RUNNING, "recovered"),
        "set_off": dict.fromkeys(RUNNING, "offset"),
        "write_off": dict.fromkeys(RUNNING, "written_off"),
        "close": dict.fromkeys(("recovered", "offset", "written_off"), "closed"),
    },
    Report: {
        "become_ready": {"rendering": "ready"},
        "supersede": {"ready": "superseded"},
    },
}
MATRIX = [
    (model, state, event, targets.get(state))
    for model, events in MOVES.items()
    for state in model.State.values
    for event, targets in events.items()
]


@pytest.mark.parametrize(("model", "state", "event", "target"), MATRIX)
def test_a_move_exists_exactly_where_the_table_says(
    model: Any, state: str, event: str, target: str | None
) -> None:
    thing = model(state=state)
    assert can(thing, event) == (target is not None)
    if target is None:
        with pytest.raises(Refused) as refused:
            step(thing, event)
        assert refused.value.code == "wrong_state"
        assert label(thing, event) in refused.value.message
    else:
        assert step(thing, event) == (state, target)
        assert thing.state == target


@pytest.mark.parametrize("model", list(MOVES))
def test_no_move_is_missing_from_the_table(model: Any) -> None:
    told = {
        (source, event, target)
        for event, targets in MOVES[model].items()
        for source, target in targets.items()
    }
    assert set(edges(model)) == told


def test_a_state_is_not_set_by_hand() -> None:
    with pytest.raises(AttributeError):
        Statement(state="draft").state = "paid"


def test_an_unknown_move_has_no_name() -> None:
    with pytest.raises(KeyError):
        label(MonthClose(), "reopen")

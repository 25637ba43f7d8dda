"""Settle a month: close, confirm, approve, pay. The acts of the room that move value.

``trying`` tries a month without posting, ``closing`` cuts it off and puts its statements out,
``confirming`` takes the answers of both sides, ``approving`` makes it owed. ``listing`` draws up
the payment list, ``signing`` signs and sends it, ``suspending`` holds one payment back,
``receiving`` takes the bank's answers and ``paying`` records them. ``recovering`` asks money back,
``collecting`` gets it in. What each step books stands in ``postings``, the only file of the room
that knows the book.
"""

from billing.settling.approving import (
    approve_settlement,
    finish_month,
    prepare_settlement,
    return_settlement,
)
from billing.settling.claim_clock import holds_claimed, lapse_claims, remind_claimants
from billing.settling.claiming import add_paper, drop_paper, open_claim, submit_claim
from billing.settling.closing import (
    CARRIABLE,
    close_month,
    last_objection_day,
    run_close_work,
    standing_in_the_way,
)
from billing.settling.collecting import (
    ask_write_off,
    close_clawback,
    enforce_clawback,
    record_cash_back,
    refer_clawback,
    serve_decision,
    write_off_clawback,
)
from billing.settling.confirming import confirm_statement
from billing.settling.deciding_claims import (
    ask_supplement,
    check_claim,
    resume_claim,
    review_claim,
    send_back_claim,
    suspend_claim,
)
from billing.settling.listing import export_payment_list
from billing.settling.noting import issue_notes
from billing.settling.objecting import object_statement, resolve_objection, withdraw_objection
from billing.settling.paying import record_failure, record_payment, record_return
from billing.settling.receiving import (
    answer_form_of,
    book_results,
    differences_of,
    load_results,
)
from billing.settling.recovering import (
    decide_clawback,
    drop_clawback,
    hear_party,
    net_received_fen,
    notify_facts,
    open_clawback,
    open_refund,
    propose_decision,
    refund_share_fen,
)
from billing.settling.serving import deem_due, record_service
from billing.settling.signing import drop_batch, next_step, send_batch, sign_batch, steps_of
from billing.settling.suspending import release_payment, suspend_payment, withdraw_payment
from billing.settling.trying import ask_trial, changes_between, run_trial_work, trial_job
from billing.settling.year_ending import (
    annual_figures,
    approve_year_end,
    digest_of,
    prepare_year_end,
    standing_in_year_end,
)

__all__ = [
    "CARRIABLE",
    "add_paper",
    "annual_figures",
    "answer_form_of",
    "approve_settlement",
    "approve_year_end",
    "ask_supplement",
    "ask_trial",
    "ask_write_off",
    "book_results",
    "changes_between",
    "check_claim",
    "close_clawback",
    "close_month",
    "confirm_statement",
    "decide_clawback",
    "deem_due",
    "differences_of",
    "digest_of",
    "drop_batch",
    "drop_clawback",
    "drop_paper",
    "enforce_clawback",
    "export_payment_list",
    "finish_month",
    "hear_party",
    "holds_claimed",
    "issue_notes",
    "lapse_claims",
    "last_objection_day",
    "load_results",
    "net_received_fen",
    "next_step",
    "notify_facts",
    "object_statement",
    "open_claim",
    "open_clawback",
    "open_refund",
    "prepare_settlement",
    "prepare_year_end",
    "propose_decision",
    "record_cash_back",
    "record_failure",
    "record_payment",
    "record_return",
    "record_service",
    "refer_clawback",
    "refund_share_fen",
    "release_payment",
    "remind_claimants",
    "resolve_objection",
    "resume_claim",
    "return_settlement",
    "review_claim",
    "run_close_work",
    "run_trial_work",
    "send_back_claim",
    "send_batch",
    "serve_decision",
    "sign_batch",
    "standing_in_the_way",
    "standing_in_year_end",
    "steps_of",
    "submit_claim",
    "suspend_claim",
    "suspend_payment",
    "trial_job",
    "withdraw_objection",
    "withdraw_payment",
    "write_off_clawback",
]

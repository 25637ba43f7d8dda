"""Claims, claw-backs and a what-if run for the house with one of everything."""

from datetime import date, timedelta
from typing import Any

from billing.models import Claim, ClaimPaper, Clawback, WhatIf, WhatIfResult
from billing.models.state_row import write_row
from billing.statement_files import keep_files
from billing.what_if import digest_of, try_changes
from billing.what_if_rules import Changes
from tests.billing.world import CLOSE_AT, quiet
from tests.vouchers import story
from vouchers.banking import file_account
from vouchers.evidence import Upload
from vouchers.models import Enterprise

DECEMBER_AT = CLOSE_AT + timedelta(days=30)


def claimed(statement: Any, final: Any) -> dict[str, Any]:
    """A draft with a paper and a claim handed in, as where an enterprise pays first."""
    common = {"version": 1, "digest": "0" * 64, "expected_fen": 1, "opened_at": DECEMBER_AT}
    draft = Claim.objects.create(claim_no="PTSL-SQ-1", statement=statement, **common)
    handed_in = Claim.objects.create(
        claim_no="PTSL-SQ-2", statement=final, state="submitted", submitted_at=DECEMBER_AT, **common
    )
    (file,) = keep_files(
        statement, "claim", draft.pk, [Upload("发票.pdf", story.a_pdf(), "")],
        actor=story.CLERK, at=DECEMBER_AT,
    )  # fmt: skip
    paper = ClaimPaper.objects.create(
        claim=draft, kind="invoice", number="1" * 20, dated_on=date(2026, 11, 5), amount_fen=1,
        payer_name="甲", payee_name="乙", file=file,
    )  # fmt: skip
    return {"claim": handed_in.pk, "paper": paper.pk}


def claimed_back(statement: Any) -> dict[str, Any]:
    """A case against the provider and one against the enterprise, both told of the facts."""
    made = {}
    for name, party in (
        ("clawback", {"provider": statement.provider}),
        ("clawback_portal", {"enterprise": statement.enterprise}),
    ):
        case = Clawback.objects.create(
            case_no=f"PTSL-ZH-2026-{name}", statement=statement, cause="audit", facts="演示",
            proposed_fen=1, opened_at=CLOSE_AT, opened_name="陈", opened_person="person-x",
            notified_at=CLOSE_AT, hear_until=CLOSE_AT, state="noticed", **party,
        )  # fmt: skip
        write_row(case, "notify", "事实告知", ("opened", "noticed"), actor=story.CHIEF, at=CLOSE_AT)
        made[name] = case.pk
    return made


def account_filed(firm: Enterprise) -> Any:
    """An account that waits for the bureau."""
    told = {"actor": story.CLERK, "at": CLOSE_AT}
    named = {"bank_name": "示例银行普陀支行", "number": "3100 1550 4000 5000 1234"}
    return file_account(firm, holder=firm.name, **named, **told).pk


def tried() -> WhatIf:
    """A what-if run that was carried out."""
    run = WhatIf.objects.create(
        title="比例 50%", first_month="2026-10", last_month="2026-10", changes={"base_bp": 5_000},
        digest="0" * 64, asked_at=CLOSE_AT, asked_name="stage", asked_person="stage",
    )  # fmt: skip
    content = try_changes("", "2026-10", "2026-10", Changes(base_bp=5_000), quiet)
    WhatIfResult.objects.create(
        what_if=run, content=content, digest=digest_of(content), found_at=CLOSE_AT
    )
    return run

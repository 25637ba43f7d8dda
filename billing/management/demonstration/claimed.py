"""The part of the story that pays after use (先用后补): the firm pays first, then claims its share.

September's claim comes late and waits for the bureau; October's is written off and paid.
"""

from datetime import date, datetime

from billing import settling
from billing.claim_rules import INVOICE, RECEIPT, Paper
from billing.management.demonstration import metered, schemes, settled, support
from billing.management.demonstration.cast import CLAIMING, Cast, later, when
from billing.management.demonstration.supply import Supplier
from billing.models import Claim, MonthClose, Statement
from ledger.periods import Month
from providers.models import Order
from vouchers import banking
from vouchers.evidence import Upload
from vouchers.models import Enterprise, Programme, Voucher

SEPTEMBER = Month(2026, 9)
ACCOUNT = "31001550400050002202"  # invented; pages show the last four digits only
#: What this scheme says otherwise than that of the demonstration month.
AFTER_USE = (
    ('slug = "putuo-demo-2026"', 'slug = "putuo-claim-demo-2026"'),
    ("普陀区算力券演示方案（2026—2027）", "普陀区算力券先用后补演示方案（2026—2027）"),
    ('mode = "INSTANT"', 'mode = "CLAIM_AFTER"'),
    ("演示方案第九条（即用即抵）", "演示方案第九条（先用后补）"),
)


def open_programme(cast: Cast) -> Programme:
    """Publish the scheme and take in its budget."""
    at = when("2026-07-02 10:00")
    edition = schemes.written_otherwise("putuo-claim-demo-2026", AFTER_USE)
    programme = schemes.publish(cast, edition, "普数据规演〔2026〕3号（演示）", at)
    support.grant(
        cast, programme, "1000000.00", "普财预演〔2026〕3号（演示）", later(at, minutes=15)
    )
    return programme


def issue(cast: Cast, programme: Programme) -> Voucher:
    """Bring one firm from its application to a voucher of the scheme."""
    application = support.submit(cast, CLAIMING, programme, when("2026-08-27 09:30"))
    application = support.recommend(cast, application, when("2026-08-31 10:00"))
    notice = support.notice(cast, [application], when("2026-09-02 10:00"))
    (voucher,) = support.issue(cast, notice, when("2026-09-10 09:00"))
    _file_account(cast, voucher.enterprise, when("2026-09-10 11:00"))
    return voucher


def _file_account(cast: Cast, firm: Enterprise, at: datetime) -> None:
    """Let the firm file where it is paid, and the bureau compare it with the bank's paper."""
    account = banking.file_account(
        firm,
        holder=firm.name,
        bank_name="演示银行普陀支行",
        number=ACCOUNT,
        actor=cast.actor(CLAIMING.username),
        at=at,
    )
    banking.confirm_account(
        account,
        number=ACCOUNT,
        evidence="基本存款账户信息（演示）",
        actor=cast.actor("reviewer"),
        at=later(at, hours=3),
    )


def september(cast: Cast, taopu: Supplier, order: Order, say: settled.Say) -> metered.Told:
    """Meter, close and approve September, in which nothing is owed before somebody claims."""
    told = metered.september(taopu, order)
    close = settled.close(cast, say, SEPTEMBER, when("2026-10-08 10:00"))
    settled.confirm_both(cast, close.statements.get(), when("2026-10-09 10:00"))
    settled.approve(cast, close, when("2026-10-12 10:00"))
    return told


def write_off(cast: Cast, october: MonthClose, say: settled.Say) -> Claim:
    """File October's claim with its papers; finance checks it, the bureau reviews it."""
    at = when("2026-11-11 11:00")
    claim = file_claim(cast, october.statements.get(payee_kind="enterprise"), at)
    note = "发票已在税务平台查验，回单与对账单一致（演示）。"
    claim = settling.check_claim(
        claim, support=True, note=note, actor=cast.actor("finance"), at=later(at, hours=3)
    )
    claim = settling.review_claim(
        claim, reason="", actor=cast.actor("approver2"), at=later(at, hours=4)
    )
    say(f"{claim.claim_no} {claim.get_state_display()}")
    return claim


def one_waiting(cast: Cast) -> tuple[str, str]:
    """File September's claim at last; return (what it shows, who acts next)."""
    statement = Statement.objects.get(close__month=str(SEPTEMBER))
    claim = file_claim(cast, statement, when("2026-11-18 10:00"))
    return (
        f"核销申请 {claim.claim_no}（先用后补）",
        "等待核验：以 finance 登录核对发票和回单，再由 approver 登录复核",
    )


def file_claim(cast: Cast, statement: Statement, at: datetime) -> Claim:
    """Open a claim, add the invoice of the provider and the receipt of the bank, hand it in."""
    actor, month = cast.actor(CLAIMING.username), statement.close.month
    claim = settling.open_claim(statement, actor=actor, at=at)
    for kind, number, day in (
        (INVOICE, f"2431{month.replace('-', '')}0000000001", 9),
        (RECEIPT, f"DEMO-{month}-0001", 10),
    ):
        said = Paper(
            kind, "", number, date(2026, 11, day), statement.gross_fen,
            statement.enterprise.name, statement.provider.name,
        )  # fmt: skip
        title = "发票" if kind == INVOICE else "银行回单"
        content = support.paper(CLAIMING.name, CLAIMING.uscc, title)
        upload = Upload(f"{title}-演示.pdf", content, "application/pdf")
        settling.add_paper(claim, said, upload, actor=actor, at=later(at, minutes=day))
    return settling.submit_claim(claim, actor=actor, at=later(at, minutes=20))

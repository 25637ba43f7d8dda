"""A programme edition as typed data: every number the scheme turns on, each with its clause.

Pure. How an edition is read from its file stands in ``rulebook_reader``.

Units: ``_fen`` fen, ``_bp`` basis points. Source: vouchers/editions/*.toml.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from ledger.amounts import BASIS_POINTS
from ledger.periods import SHANGHAI

#: The ways in which use is measured, as records name them.
USE_BASES = ("allocated", "reserved", "utilised")


@dataclass(frozen=True)
class Window:
    """One period in which applications are taken, half-open."""

    no: int
    opens_at: datetime
    closes_at: datetime


@dataclass(frozen=True)
class Windows:
    """All application windows of the edition, in order, without overlap."""

    items: tuple[Window, ...]
    clause: str

    def at(self, moment: datetime) -> Window | None:
        """Return the window that is open at a moment."""
        return next((w for w in self.items if w.opens_at <= moment < w.closes_at), None)

    def next_after(self, moment: datetime) -> Window | None:
        """Return the first window that opens later."""
        return next((w for w in self.items if w.opens_at > moment), None)

    def state_at(self, moment: datetime) -> str:
        """Return ``open``, ``before``, ``between`` or ``after``."""
        if self.at(moment):
            return "open"
        if moment < self.items[0].opens_at:
            return "before"
        return "between" if self.next_after(moment) else "after"


@dataclass(frozen=True)
class Bonus:
    """Points added to the base ratio when a fact holds.

    ``ground`` says which: DOMESTIC the accelerator is domestic; YOUNG the enterprise was founded
    less than ``months`` months before it applied; empty (old editions) never holds.
    """

    code: str
    title: str
    add_bp: int
    ground: str
    months: int
    clause: str


@dataclass(frozen=True)
class Ratio:
    """Share of the eligible amount the programme pays."""

    base_bp: int
    max_bp: int
    bonus_rule: str
    bonuses: tuple[Bonus, ...]
    clause: str


@dataclass(frozen=True)
class Caps:
    """Ceilings per enterprise, per group of enterprises and per contract; None is no ceiling.

    The least contract amount is asked of the application's plan (``min_contract_for``
    APPLICATION), or of every order as well (ORDER).
    """

    enterprise_year_fen: int
    group_year_fen: int | None
    contract_fen: int | None
    min_contract_fen: int
    min_contract_for: str
    clause: str


@dataclass(frozen=True)
class Budget:
    """Money of the scheme and when to warn and stop; ``shares_bp`` by voucher kind."""

    total_fen: int
    shares_bp: dict[str, int]
    warn_bp: int
    stop_bp: int
    clause: str


@dataclass(frozen=True)
class Band:
    """Points for a number that reaches ``at_least`` (in the unit of the fact)."""

    at_least: int
    points: int


@dataclass(frozen=True)
class ScoreItem:
    """One line of the scoring sheet: a fact, and what it is worth by bands or by a table.

    ``points`` is the most the item can give; exactly one of ``bands`` (ascending) and ``table``
    (word to points) is filled.
    """

    code: str
    title: str
    fact: str
    bands: tuple[Band, ...]
    table: tuple[tuple[str, int], ...]
    points: int
    clause: str

    def score(self, value: Any) -> int:
        """Return the points a fact earns; what is unknown or below every band earns none."""
        if self.table:
            return dict(self.table).get(_word(value), 0)
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            return 0
        return max((b.points for b in self.bands if value >= b.at_least), default=0)


@dataclass(frozen=True)
class Allocation:
    """How money is divided when more ask than there is.

    ``rule`` is FIRST_COME, SCORED, DRAW or PRO_RATA; ``waitlist`` says whether those left out move
    up when money returns; ``batch_size`` is the most applications one run of the allocator takes;
    ``min_score`` and ``scores`` count for SCORED only.
    """

    rule: str
    waitlist: bool
    batch_size: int
    min_score: int
    scores: tuple[ScoreItem, ...]
    clause: str


@dataclass(frozen=True)
class Validity:
    """How long a voucher lives: ``days`` after issue, at most to the end of ``cut_off``.

    ``form`` FLEX is one voucher drawn in parts; FIXED is a set of vouchers of the
    ``denominations_fen`` (ascending). ``reminder_days`` before the end the holder is reminded.
    """

    days: int
    cut_off: date
    claim_days: int
    form: str
    denominations_fen: tuple[int, ...]
    reminder_days: tuple[int, ...]
    clause: str

    def until(self, issued_at: datetime) -> datetime:
        """Return the first moment at which a voucher issued then is no longer valid (UTC)."""
        last = min(issued_at.astimezone(SHANGHAI).date() + timedelta(days=self.days), self.cut_off)
        midnight = datetime(last.year, last.month, last.day, tzinfo=SHANGHAI) + timedelta(days=1)
        return midnight.astimezone(UTC)


@dataclass(frozen=True)
class Contract:
    """What a service contract must keep to."""

    signed_from: date
    max_months: int
    eligible_skus: tuple[str, ...]
    number_format: str
    clause: str


@dataclass(frozen=True)
class PayableUse:
    """Which metered use public money pays for; the rest is the enterprise's own.

    ``bases`` are the ways of measuring that count (allocated, reserved, utilised); failed and
    cancelled work counts up to ``failed_most_bp`` and ``cancelled_most_bp`` of an order's time in
    the month: 10000 all of it, 0 none.
    """

    bases: tuple[str, ...]
    failed_most_bp: int
    cancelled_most_bp: int
    clause: str

    @property
    def everything(self) -> bool:
        """Tell whether nothing is left out."""
        whole = self.failed_most_bp == self.cancelled_most_bp == BASIS_POINTS
        return whole and set(self.bases) == set(USE_BASES)


@dataclass(frozen=True)
class Settlement:
    """How usage becomes public money."""

    mode: str
    tax_basis: str
    day_count: str
    rounding: str
    objection_working_days: int
    price_cap_rule: str
    price_cap_bp: int
    payable: PayableUse
    clause: str


@dataclass(frozen=True)
class Stacking:
    """What other public money for the same contract does."""

    rule: str
    cap_bp: int
    clause: str


@dataclass(frozen=True)
class Review:
    """Who reviews, in how many working days, and how small requests go faster.

    ``joint_departments`` are asked in the joint check (none: no joint check);
    ``second_approver_from_fen`` is the amount from which two persons approve (None: never);
    ``draft_days`` is how long an untouched draft is kept.
    """

    levels: int
    auto_approve_limit_fen: int
    random_check_bp: int
    accept_working_days: int
    review_working_days: int
    supplement_working_days: int
    supplement_max_rounds: int
    notice_working_days: int
    issue_working_days: int
    joint_departments: tuple[str, ...]
    joint_working_days: int
    objection_working_days: int
    reconsider_working_days: int
    draft_days: int
    second_approver_from_fen: int | None
    fact_months: int
    clawback_years: int
    related_party_bp: int
    credit_years: int
    clause: str


@dataclass(frozen=True)
class Criterion:
    """One condition of eligibility: which fact, which test, how hard."""

    code: str
    title: str
    clause: str
    fact: str
    test: str
    value: Any
    hard: bool
    hint: str


@dataclass(frozen=True)
class Evidence:
    """One slot for a file."""

    code: str
    title: str
    required: bool
    hint: str


@dataclass(frozen=True)
class Declaration:
    """A sentence the enterprise declares when it submits."""

    code: str
    text: str
    clause: str


@dataclass(frozen=True)
class Edition:
    """One edition of a scheme: all rules of domain parameter catalogue, validated."""

    slug: str
    edition_no: int
    title: str
    kind: str
    basis: str
    demonstration: bool
    effective_from: date
    windows: Windows
    ratio: Ratio
    caps: Caps
    budget: Budget
    allocation: Allocation
    validity: Validity
    contract: Contract
    settlement: Settlement
    stacking: Stacking
    review: Review
    criteria: tuple[Criterion, ...]
    evidence: tuple[Evidence, ...]
    declarations: tuple[Declaration, ...]
    purposes: tuple[tuple[str, str], ...]
    digest: str


def _word(value: Any) -> str:
    """Return a fact as a table's left side spells it."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)

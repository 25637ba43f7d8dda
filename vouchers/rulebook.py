"""A programme edition as typed data: every number the scheme turns on, each with its clause.

Pure. How an edition is read from its file stands in ``rulebook_reader``.

Units: ``_fen`` fen, ``_bp`` basis points. Source: vouchers/editions/*.toml.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from ledger.periods import SHANGHAI


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
    """Points added to the base ratio when a fact holds."""

    code: str
    title: str
    add_bp: int
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
    """Ceilings per enterprise and per contract."""

    enterprise_year_fen: int
    contract_fen: int | None
    min_contract_fen: int
    clause: str


@dataclass(frozen=True)
class Budget:
    """Money of the scheme and when to warn and stop; ``shares_bp`` by voucher kind."""

    total_fen: int
    shares_bp: dict[str, int]
    warn_bp: int
    stop_bp: int
    allocation_rule: str
    clause: str


@dataclass(frozen=True)
class Validity:
    """How long a voucher lives: ``days`` after issue, at most to the end of ``cut_off``."""

    days: int
    cut_off: date
    claim_days: int
    form: str
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
class Settlement:
    """How usage becomes public money."""

    mode: str
    tax_basis: str
    day_count: str
    rounding: str
    objection_working_days: int
    price_cap_rule: str
    price_cap_bp: int
    clause: str


@dataclass(frozen=True)
class Stacking:
    """What other public money for the same contract does."""

    rule: str
    cap_bp: int
    clause: str


@dataclass(frozen=True)
class Review:
    """Who reviews, in how many working days, and how small requests go faster."""

    levels: int
    auto_approve_limit_fen: int
    random_check_bp: int
    accept_working_days: int
    review_working_days: int
    supplement_working_days: int
    supplement_max_rounds: int
    notice_working_days: int
    issue_working_days: int
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

"""What a programme says about the public share, and what limits one grant: plain values.

Pure. How an edition is read into a ``ShareRule`` stands in ``redeeming``; how ``Limits`` come
about at the close of a month in ``limits``, for a claim with the claim.

Units: fen, basis points, whole days.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

ALL_BP = 10_000


class SettlementMode(StrEnum):
    """How a programme pays.

    INSTANT (即用即抵): the share is taken off the provider's bill of the month.
    CLAIM_AFTER (先用后补): the enterprise pays the whole bill, then claims with invoice and bank
    receipt; what it did not pay is not supported.
    DIRECT_AFTER_USE (使用后直补): the share is paid after use on the invoice alone; nobody asks for
    a receipt of the whole sum, since the enterprise need not advance the public part.
    """

    INSTANT = "INSTANT"
    CLAIM_AFTER = "CLAIM_AFTER"
    DIRECT_AFTER_USE = "DIRECT_AFTER_USE"

    @property
    def wants_invoice(self) -> bool:
        """Tell whether the amount invoiced limits what is supported."""
        return self is not SettlementMode.INSTANT

    @property
    def wants_bank_receipt(self) -> bool:
        """Tell whether what the enterprise paid limits what is supported."""
        return self is SettlementMode.CLAIM_AFTER


class Stacking(StrEnum):
    """What a programme says about other public money for the same contract."""

    NONE = "NONE"
    HIGHER_ONLY = "HIGHER_ONLY"
    CUMULATIVE_CAP = "CUMULATIVE_CAP"


@dataclass(frozen=True, kw_only=True)
class Bonus:
    """Percentage points on top of the base ratio, when a line deserves them."""

    code: str
    title: str
    bp: int
    clause: str = ""


@dataclass(frozen=True, kw_only=True)
class ShareRule:
    """What a programme edition says about the public share.

    Units: basis points; ``truncate_fen`` is the unit the grant is cut down to (1 fen, 100 = yuan);
    with ``truncate_steps`` every step before is cut down to it as well.
    """

    mode: SettlementMode
    base_bp: int
    max_bp: int
    bonuses: tuple[Bonus, ...] = ()
    highest_bonus_only: bool = False
    stacking: Stacking = Stacking.CUMULATIVE_CAP
    cumulative_cap_bp: int = ALL_BP
    truncate_fen: int = 1
    truncate_steps: bool = False
    min_contract_fen: int = 0
    clauses: Mapping[str, str] = field(default_factory=dict)

    def ratio_bp(self, bonus_codes: frozenset[str]) -> int:
        """Return the ratio for a line: base and bonuses, at most the maximum."""
        earned = sum(bonus.bp for bonus in self.earned(bonus_codes))
        return min(self.base_bp + earned, self.max_bp)

    def earned(self, bonus_codes: frozenset[str]) -> list[Bonus]:
        """Return the bonuses that count: all that apply, or the highest of them."""
        applying = [bonus for bonus in self.bonuses if bonus.code in bonus_codes]
        if self.highest_bonus_only:
            return sorted(applying, key=lambda bonus: (-bonus.bp, bonus.code))[:1]
        return applying


@dataclass(frozen=True, kw_only=True)
class ShareLine:
    """One priced line of a statement as the share formula sees it.

    Units: fen. ``list_fen`` is what the provider really asks for it, discounts and free credit
    taken off; ``metered_fen`` is that or the quantity at the programme's price cap, whichever is
    lower.
    """

    list_fen: int
    metered_fen: int
    bonus_codes: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Refuse a line whose capped price came out above the asked one."""
        if not 0 <= self.metered_fen <= self.list_fen:
            raise ValueError("a price cap never makes a line dearer")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Everything a grant may not exceed, as known at the cut-off or when a claim is decided.

    ``contract_fen`` is the planned contract amount: other public money is given for the whole
    contract, so a first month is not measured against it alone. ``cap_left_group_fen`` and
    ``cap_left_contract_fen`` are None where the edition sets no such cap. ``said`` replaces, by
    code of the limit, the words printed next to its amount.

    Units: fen and whole days. ``paid_fen`` is the sum of paid eligible lines, of which
    ``days_in_period`` of ``days_of_service`` count (``prorating.prorate``); ``invoiced_fen`` the
    sum of genuine invoices; ``bank_paid_fen`` the sum of bank receipts. INSTANT asks for none of
    the five, DIRECT_AFTER_USE for ``invoiced_fen`` alone.
    """

    held_fen: int
    cap_left_enterprise_fen: int
    cap_left_programme_fen: int
    cap_left_group_fen: int | None = None
    cap_left_contract_fen: int | None = None
    other_funding_fen: int = 0
    contract_fen: int = 0
    eligible_before_fen: int = 0
    granted_before_fen: int = 0
    paid_fen: int = 0
    invoiced_fen: int = 0
    bank_paid_fen: int = 0
    days_in_period: int = 1
    days_of_service: int = 1
    said: Mapping[str, str] = field(default_factory=dict)

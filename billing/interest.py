"""What money that has to come back earns meanwhile, and how far back a claim may reach.

Pure. Simple interest on the principal from the day after the payment up to the day of the decision
(end minus start), at a yearly rate in basis points over 365 days, odd parts of a fen dropped.

Source: docs/decisions/0201-claw-back.md; the editions' ``clawback_years``.
"""

from datetime import date

from ledger.amounts import divide_floor

DAYS_OF_A_YEAR = 365
BASIS_POINTS = 10_000
MOST_BP = 2_400


def interest_days(paid_on: date, decided_on: date) -> int:
    """Return the days that earn interest."""
    return max((decided_on - paid_on).days, 0)


def simple_interest(principal_fen: int, rate_bp: int, days: int) -> int:
    """Return the interest in fen, rounded down."""
    return divide_floor(principal_fen * rate_bp * days, BASIS_POINTS * DAYS_OF_A_YEAR)


def last_day_to_claim(paid_on: date, years: int) -> date:
    """Return the last day on which a payment may still be claimed back."""
    try:
        return paid_on.replace(year=paid_on.year + years)
    except ValueError:  # the 29th of February
        return paid_on.replace(year=paid_on.year + years, day=28)

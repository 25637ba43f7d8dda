"""Take in usage: every record counted once, explained, corrected only by new rows."""

from providers.tallies import Blocker, MonthlyUsage, blockers, monthly_usage

__all__ = ["Blocker", "MonthlyUsage", "blockers", "monthly_usage"]

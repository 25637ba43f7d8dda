"""What enterprises and programmes may still be granted while a month is planned."""

from uuid import UUID

from django.db.models import Sum

from billing.models import Statement
from billing.rating import Limits
from ledger.balances import balance
from ledger.chart import treasury
from ledger.periods import Month
from providers.models import Order


class CapsLeft:
    """What enterprises and programmes may still be granted, counted down while planning."""

    def __init__(self, month: Month) -> None:
        self._year = str(month.year)
        self._granted: dict[tuple[str, UUID], int] = {}
        self._programmes: dict[str, int] = {}

    def limits_for(self, order: Order) -> Limits:
        """Return every limit of one order at this point of the plan."""
        voucher, hold = order.voucher, order.hold
        assert voucher is not None
        assert hold is not None
        programme = voucher.programme
        before = order.statements.exclude(state="draft").aggregate(
            eligible=Sum("eligible_fen", default=0), granted=Sum("public_fen", default=0)
        )
        cap = programme.edition.caps.enterprise_year_fen
        spent = self._spent(programme.slug, order.enterprise_id)
        other = voucher.application.answers.get("need", {}).get("other_funding_fen", 0)
        return Limits(
            held_fen=hold.left_fen if hold.state == "open" else 0,
            cap_left_enterprise_fen=max(cap - spent, 0),
            cap_left_programme_fen=max(self._left(programme.slug), 0),
            other_funding_fen=int(other or 0),
            contract_fen=order.estimated_gross_fen,
            eligible_before_fen=before["eligible"],
            granted_before_fen=before["granted"],
        )

    def count(self, order: Order, grant_fen: int) -> None:
        """Take a planned grant off what is left for the orders after it."""
        assert order.voucher is not None
        slug = order.voucher.programme.slug
        self._granted[slug, order.enterprise_id] += grant_fen
        self._programmes[slug] -= grant_fen

    def _spent(self, slug: str, enterprise_id: UUID) -> int:
        if (slug, enterprise_id) not in self._granted:
            found = Statement.objects.filter(
                voucher__programme__slug=slug,
                enterprise_id=enterprise_id,
                month__startswith=self._year,
            ).aggregate(total=Sum("public_fen", default=0))
            self._granted[slug, enterprise_id] = found["total"]
        return self._granted[slug, enterprise_id]

    def _left(self, slug: str) -> int:
        if slug not in self._programmes:
            found = Statement.objects.filter(voucher__programme__slug=slug).aggregate(
                total=Sum("public_fen", default=0)
            )
            self._programmes[slug] = -balance(treasury(slug)).posted - found["total"]
        return self._programmes[slug]

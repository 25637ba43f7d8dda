"""Filed prices by model: median, spread and the programme's cap, and what was charged above it.

Units: fen per card-hour or PFLOPS-hour as filed.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from billing.figuring import twice_median
from billing.pricing import price_cap_fen
from vouchers.models import Programme


@dataclass(frozen=True)
class ModelPrices:
    """The filed prices in force for one model in one unit.

    Args:
        caps: programme title -> price cap, for programmes that set one.
        settled_fen: gross of settled lines at filed prices; ``above_fen`` what of it lies above
            the cap and was not supported.
    """

    model: str
    domestic: bool
    unit: str
    prices: list[int]
    caps: dict[str, int]
    settled_fen: int
    above_fen: int

    @property
    def twice_median(self) -> int:
        """Return twice the median."""
        return twice_median(self.prices)


_PRICES = """
SELECT m.id::text, m.name, m.domestic, n.pricing_unit, array_agg(n.price_fen ORDER BY n.price_fen)
  FROM (SELECT DISTINCT ON (p.offering_id, p.pricing_unit)
               p.offering_id, p.pricing_unit, p.price_fen
          FROM providers_offeringprice p
         WHERE p.valid_from <= %(at)s
         ORDER BY p.offering_id, p.pricing_unit, p.valid_from DESC, p.version DESC) n
  JOIN providers_offering o ON o.id = n.offering_id AND o.state = 'published'
  JOIN providers_acceleratormodel m ON m.id = o.model_id
 GROUP BY 1, 2, 3, 4 ORDER BY 2, 4
"""
_CHARGED = """
SELECT l.model_ref, l.pricing_unit, sum(l.gross_fen)::bigint,
       sum(l.gross_fen - l.metered_fen)::bigint
  FROM billing_statementline l JOIN billing_statement s ON s.id = l.statement_id
  JOIN vouchers_voucher v ON v.id = s.voucher_id
  JOIN vouchers_programme p ON p.id = v.programme_id
 WHERE s.state <> 'draft' AND (%(slug)s = '' OR p.slug = %(slug)s) GROUP BY 1, 2
"""


def model_prices(at: datetime, slug: str = "") -> list[ModelPrices]:
    """Return every model that is offered now, in the order of its name."""
    programmes = Programme.objects.filter(state="published").order_by("slug", "edition_no")
    if slug:
        programmes = programmes.filter(slug=slug)
    editions = {each.slug: each for each in programmes}  # the newest edition of each
    rules = {each.title: each.edition for each in editions.values()}
    with connection.cursor() as cursor:
        cursor.execute(_CHARGED, {"slug": slug})
        charged = {(ref, unit): (gross, above) for ref, unit, gross, above in cursor.fetchall()}
        cursor.execute(_PRICES, {"at": at})
        rows = cursor.fetchall()
    found = []
    for model_id, name, domestic, unit, prices in rows:
        caps = {title: price_cap_fen(edition, prices) for title, edition in rules.items()}
        gross, above = charged.get((model_id, unit), (0, 0))
        known = {title: cap for title, cap in caps.items() if cap is not None}
        found.append(ModelPrices(name, domestic, unit, list(prices), known, gross, above))
    return found

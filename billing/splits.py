"""What was settled, divided by month, provider, enterprise, town, sector, kind or size.

One question to the database for each way of dividing, summed there in whole numbers. Statements
count once they are put out; a line taken back counts with its sign, so sums are those of the books.

Units: fen; ``work`` in GFLOPS-milli-seconds (FP16 dense), exact.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from vouchers.parameters import KINDS
from vouchers.questions import STREETS
from vouchers.sizing import sector_of

UNKNOWN = "未登记"


@dataclass(frozen=True)
class Cell:
    """One part of a division and what lies in it.

    Args:
        key: what the part is known by; ``title`` for people.
        enterprises: how many different ones stand behind it.
        home_work: the part of ``work`` done on domestic accelerators.
    """

    key: str
    title: str
    enterprises: int
    statements: int
    gross_fen: int
    public_fen: int
    work: int
    home_work: int


#: Way of dividing -> the SQL of its key and of its title. Fixed texts, never anything typed.
WAYS = {
    "all": ("''", "''"),
    "month": ("s.month", "s.month"),
    "programme": ("p.slug", "max(p.title)"),
    "kind": ("p.kind", "p.kind"),
    "provider": ("s.provider_id::text", "max(pr.name)"),
    "provider_month": ("s.provider_id::text || '/' || s.month", "max(pr.name)"),
    "enterprise": ("s.enterprise_id::text", "max(e.name)"),
    "town": (
        "coalesce(a.answers #>> '{enterprise,street}', '')",
        "coalesce(a.answers #>> '{enterprise,street}', '')",
    ),
    "industry": (
        "coalesce(a.answers #>> '{enterprise,industry}', '')",
        "coalesce(a.answers #>> '{enterprise,industry}', '')",
    ),
}
_DIVIDED = """
SELECT {key}, {title}, count(DISTINCT s.enterprise_id), count(*),
       coalesce(sum(s.gross_fen), 0)::bigint, coalesce(sum(s.public_fen), 0)::bigint,
       coalesce(sum(l.work), 0), coalesce(sum(l.home), 0)
  FROM billing_statement s
  JOIN vouchers_voucher v ON v.id = s.voucher_id
  JOIN vouchers_programme p ON p.id = v.programme_id
  JOIN vouchers_application a ON a.id = v.application_id
  JOIN providers_provider pr ON pr.id = s.provider_id
  JOIN vouchers_enterprise e ON e.id = s.enterprise_id
  CROSS JOIN LATERAL (
       SELECT sum(x.device_milli_seconds::numeric * x.gflops) AS work,
              sum(x.device_milli_seconds::numeric * x.gflops) FILTER (WHERE m.domestic) AS home
         FROM billing_statementline x
         LEFT JOIN providers_acceleratormodel m ON m.id::text = x.model_ref
        WHERE x.statement_id = s.id) l
 WHERE s.state <> 'draft'
   AND (%(slug)s = '' OR p.slug = %(slug)s)
   AND s.month BETWEEN %(first)s AND %(last)s
 GROUP BY 1{more} ORDER BY 1
"""
_EARLIEST, _LATEST = "0000-00", "9999-99"


def split(way: str, *, slug: str = "", first: str = "", last: str = "") -> list[Cell]:
    """Return what was settled, divided one way, in the order of the keys.

    Args:
        way: one of ``WAYS``, or ``sector`` (of the size standard).
        slug: one programme; empty for all.
        first: first settlement month; ``last`` the last one; empty for no limit.
    """
    if way == "sector":
        return _by_sector(slug, first, last)
    key, title = WAYS[way]
    # A title that is the key itself is grouped with it; others are the newest name of the key.
    more = ", 2" if title == key else ""
    sql = _DIVIDED.format(key=key, title=title, more=more)
    facts = {"slug": slug, "first": first or _EARLIEST, "last": last or _LATEST}
    with connection.cursor() as cursor:
        cursor.execute(sql, facts)
        rows = cursor.fetchall()
    return [
        Cell(key, _title(way, title), firms, count, gross, public, int(work), int(home))
        for key, title, firms, count, gross, public, work, home in rows
    ]


def _title(way: str, text: str) -> str:
    names = {"kind": dict(KINDS), "town": dict(STREETS)}
    return names.get(way, {}).get(text, text) or UNKNOWN


_SECTORS = """
SELECT coalesce(a.answers #>> '{enterprise,industry}', ''), s.enterprise_id
  FROM billing_statement s
  JOIN vouchers_voucher v ON v.id = s.voucher_id
  JOIN vouchers_programme p ON p.id = v.programme_id
  JOIN vouchers_application a ON a.id = v.application_id
 WHERE s.state <> 'draft' AND (%(slug)s = '' OR p.slug = %(slug)s)
   AND s.month BETWEEN %(first)s AND %(last)s
 GROUP BY 1, 2
"""


def _by_sector(slug: str, first: str, last: str) -> list[Cell]:
    """Gather industry classes into the sectors of the size standard."""
    firms: dict[str, set[str]] = {}
    facts = {"slug": slug, "first": first or _EARLIEST, "last": last or _LATEST}
    with connection.cursor() as cursor:
        cursor.execute(_SECTORS, facts)
        for industry, enterprise in cursor.fetchall():
            firms.setdefault(sector_key(industry)[0], set()).add(str(enterprise))
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in split("industry", slug=slug, first=first, last=last):
        groups.setdefault(sector_key(cell.key), []).append(cell)
    return [merged(key, title, cells, len(firms[key])) for (key, title), cells in
            sorted(groups.items())]  # fmt: skip


def sector_key(industry: str) -> tuple[str, str]:
    """Return code and title of the sector of an industry class; empty where it has none."""
    try:
        found = sector_of(industry) if industry else None
    except ValueError:
        found = None
    return (found.code, found.title) if found else ("", UNKNOWN)


def merged(key: str, title: str, cells: Iterable[Cell], enterprises: int) -> Cell:
    """Return several parts as one; how many enterprises stand behind it is counted apart."""
    found = list(cells)
    return Cell(
        key,
        title,
        enterprises,
        sum(each.statements for each in found),
        sum(each.gross_fen for each in found),
        sum(each.public_fen for each in found),
        sum(each.work for each in found),
        sum(each.home_work for each in found),
    )


def work_of_providers(
    *, slug: str = "", first: str = "", last: str = ""
) -> dict[tuple[UUID, str], int]:
    """Return the compute that was settled of each provider and month (GFLOPS-milli-seconds)."""
    cells = split("provider_month", slug=slug, first=first, last=last)
    keys = [each.key.split("/") for each in cells]
    return {
        (UUID(provider), month): each.work
        for (provider, month), each in zip(keys, cells, strict=True)
    }

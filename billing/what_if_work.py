"""Ask for a what-if run and carry it out later, once; question and answer are kept for ever.

Nothing enters the log: a question about what might be decides nothing and moves nothing. The row
itself cannot be changed, and bears the digest of what was asked and of what was found.
"""

from datetime import datetime
from typing import Any

from django.db import transaction

from billing.models import WhatIf, WhatIfResult
from billing.what_if import Step, digest_of, months_between, try_changes
from billing.what_if_rules import Changes
from ledger import work
from ledger.actors import Actor
from ledger.periods import Month
from ledger.refusals import Refused

KIND = "billing.what_if"
MOST_MONTHS = 36


@transaction.atomic
def ask_what_if(
    title: str,
    *,
    slug: str,
    first: Month,
    last: Month,
    changes: Changes,
    actor: Actor,
    at: datetime,
) -> WhatIf:
    """Ask what some months would have come to under other rules.

    Writes: the question, one piece of work.

    Raises:
        Refused: nothing is changed, or there is no month to rate again.
    """
    if changes.nothing:
        raise Refused("nothing_changed", "请至少改变一个参数。")
    if changes.gflops is not None and not changes.model:
        raise Refused("model_needed", "改变折算系数时请选择型号。", field="model")
    if changes.tier is not None and changes.price_bp is None:
        raise Refused("price_needed", "指定档次时请填写备案单价的变化。", field="price_bp")
    if str(first) > str(last):
        raise Refused("months_backward", "截止月份不能早于起始月份。", field="last_month")
    months = months_between(str(first), str(last))
    if not months:
        raise Refused(
            "no_months", "所选月份没有已出具的对账单，不能测算。请另选月份。", field="first_month"
        )
    if len(months) > MOST_MONTHS:
        raise Refused("too_many_months", f"一次最多测算 {MOST_MONTHS} 个月。", field="first_month")
    asked = {
        "slug": slug,
        "first": str(first),
        "last": str(last),
        "changes": {name: str(value) for name, value in changes.as_plain().items()},
    }
    what_if = WhatIf.objects.create(
        title=title.strip()[:100] or "；".join(changes.words())[:100],
        slug=slug,
        first_month=str(first),
        last_month=str(last),
        changes=changes.as_plain(),
        digest=digest_of(asked),
        asked_at=at,
        asked_name=actor.name,
        asked_person=actor.person,
    )
    payload = {"what_if": str(what_if.pk)}
    work.request(KIND, key=str(what_if.pk), payload=payload, actor=actor, at=at)
    return what_if


def run_what_if_work(job: work.Work, progress: Step) -> dict[str, Any]:
    """Carry a run out; the handler of ``billing.what_if``. A second run changes nothing.

    Writes: what was found.
    """
    what_if = WhatIf.objects.get(pk=job.payload["what_if"])
    known = WhatIfResult.objects.filter(what_if=what_if).first()
    if known is None:
        content = try_changes(
            what_if.slug,
            what_if.first_month,
            what_if.last_month,
            Changes.read(what_if.changes),
            progress,
        )
        known, _ = WhatIfResult.objects.get_or_create(
            what_if=what_if,
            defaults={
                "content": content,
                "digest": digest_of(content),
                "found_at": job.requested_at,
            },
        )
    return {"what_if": str(what_if.pk), "digest": known.digest}

"""Many applicants at once, made in sets: firms, applications and places in line."""

from django.utils import timezone

from ledger.identifiers import new_id
from tests.vouchers.story import AT, CHIEF, CLERK
from vouchers.models import Application, Enterprise, Intake, Programme
from vouchers.pools import draw_position


def a_crowd(
    programme: Programme,
    count: int,
    fen: int = 1_000_000,
    state: str = "approved",
    *,
    begin: int = 0,
    window_no: int = 1,
) -> list[Application]:
    """Return applications of as many firms, in line in this order, each asking the same."""
    firms = Enterprise.objects.bulk_create(
        Enterprise(
            name=f"人群 {begin + no}", uscc=f"91310107MACR{begin + no:06d}", state="active",
            registered_at=AT,
        )
        for no in range(count)
    )  # fmt: skip
    made = Application.objects.bulk_create(
        Application(
            pk=new_id(),
            application_no=f"PTSLQ-2026-{900_000 + begin + no:06d}",
            programme=programme,
            enterprise=firm,
            state=state,
            window_no=window_no,
            created_at=AT,
            saved_at=AT,
            submitted_at=AT,
            requested_fen=fen,
            proposed_fen=fen,
            approved_fen=fen if state in ("approved", "waitlisted", "issued") else None,
            first_reviewer_person=CLERK.person,
            second_reviewer_person=CHIEF.person,
            approver_person=CHIEF.person,
        )
        for no, firm in enumerate(firms)
    )
    Intake.objects.bulk_create(
        Intake(
            application=each, slug=programme.slug, window_no=window_no, position=draw_position(),
            taken_at=timezone.now(),
        )
        for each in made
    )  # fmt: skip
    return made

"""Door for the bureau: the letters of every case."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from django.views.decorators.http import require_GET

from ledger import clock
from ledger.rights import actor_of, requires
from vouchers.downloads import file_response
from vouchers.letters import case_row, file_of, write_letter


@requires("vouchers.view_cases")
@require_GET
def letter(request: HttpRequest, pk: UUID, row_pk: UUID) -> HttpResponse:
    """Give out a letter of a case as PDF; one that is owed is written now."""
    row = get_object_or_404(case_row(pk), pk=row_pk)
    written = write_letter(row, actor=actor_of(request, "bureau"), at=clock.now())
    return file_response(request, file_of(written), f"{written.number}.pdf", "application/pdf")


urlpatterns = [
    path("<uuid:pk>/letters/<uuid:row_pk>.pdf", letter, name="office_letter"),
]

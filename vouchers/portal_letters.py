"""Door for enterprises: the letters about their own applications."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from django.views.decorators.http import require_GET

from ledger import clock
from vouchers.downloads import file_response
from vouchers.letters import file_of, rows_of, write_letter
from vouchers.seats import actor_at, enterprise_member, seat_of


@enterprise_member()
@require_GET
def letter(request: HttpRequest, pk: UUID, row_pk: UUID) -> HttpResponse:
    """Give out a letter as PDF; one that is owed and not yet written is written now."""
    application = get_object_or_404(seat_of(request).enterprise.applications, pk=pk)
    row = get_object_or_404(rows_of(application), pk=row_pk)
    written = write_letter(row, actor=actor_at(request), at=clock.now())
    return file_response(request, file_of(written), f"{written.number}.pdf", "application/pdf")


urlpatterns = [
    path("<uuid:pk>/letters/<uuid:row_pk>.pdf", letter, name="application_letter"),
]

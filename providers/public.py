"""Door: the documentation of the upload interface, for everybody to read."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_GET

from ledger import clock
from ledger.rights import public
from providers.pages_guide import guide_of


@public
@require_GET
def guide(request: HttpRequest) -> HttpResponse:
    """Show how usage is reported; trying it needs a provider's key."""
    return render(request, "console/guide.html", guide_of(at=clock.now()))


urlpatterns = [path("metering/", guide, name="api_guide")]

"""Door: what a provider takes home from an upload, for machines: receipt and proof."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse

from ledger import clock
from ledger.refusals import Refused
from providers import described
from providers.api_answers import answer
from providers.api_requests import MeteringView, batch_of
from providers.models import UsageBatch
from providers.problems import CATALOGUE
from providers.receipts import proof_of, receipt_of


class ReceiptView(MeteringView):
    """The signed receipt of a batch."""

    @described.get_receipt
    def get(self, request: Any, batch_id: UUID) -> HttpResponse:
        """Return the receipt as plain data and as a signed note."""
        batch = batch_of(request._request, batch_id)
        if batch.status == UsageBatch.Status.PROCESSING:
            raise Refused("processing", CATALOGUE["processing"].zh)
        return answer(receipt_of(batch, at=clock.now()))


class ProofView(MeteringView):
    """The proof that a batch lies in the public log."""

    @described.get_tlog_proof
    def get(self, request: Any, batch_id: UUID) -> HttpResponse:
        """Return the ``.tlog-proof`` of the batch's entry; ask again while it is not sealed."""
        text = proof_of(batch_of(request._request, batch_id))
        if not text:
            raise Refused("not_sealed", CATALOGUE["not_sealed"].zh)
        response = HttpResponse(text, content_type="text/plain; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{batch_id}.tlog-proof"'
        return response

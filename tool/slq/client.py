"""The provider's side of the upload interface: sign, send, ask. No Django in here.

    client = MeteringClient("https://service.example", token, key_id, private_key)
    answer = client.upload(body, "text/csv", on_error="accept_valid")

Used by the importer, the demonstration, the simulator and the benchmark; a provider may copy it.
"""

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from slq.signatures import sign_request

_NAMESPACE = uuid.UUID("6f5a3a6e-0d5c-5d0e-9f0a-3c1f5d1b7a10")
TIMEOUT_SECONDS = 300.0


@dataclass(frozen=True)
class Answer:
    """What the service said."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]

    @property
    def ok(self) -> bool:
        """Say whether the request did what it asked for (a partial batch included)."""
        return 200 <= self.status < 300

    @property
    def replayed(self) -> bool:
        """Say whether this is the answer to an earlier request with the same key."""
        return self.headers.get("idempotency-replayed") == "true"


class MeteringClient:
    """Speaks to the upload interface as one provider key.

    Args:
        private_key: Ed25519 key that signs each POST; a test key needs none.
        transport: e.g. ``httpx.WSGITransport(app=...)`` to stay inside one process.
        public_origin: the address the service calls itself, if it is reached under another one.
        language: ``zh`` or ``en``, for the sentences of the answers.
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        key_id: str = "",
        private_key: Ed25519PrivateKey | None = None,
        *,
        transport: httpx.BaseTransport | None = None,
        public_origin: str = "",
        language: str = "zh",
    ) -> None:
        """Open a connection pool; close it by ``close`` or as a context manager."""
        self.key_id = key_id or token.partition(".")[0]
        self.private_key = private_key
        self.public_origin = (public_origin or base_url).rstrip("/")
        self._http = httpx.Client(
            base_url=base_url,
            headers={
                "Authorization": f"Bearer {token}",
                "Accept": "application/json",
                "Accept-Language": language,
            },
            transport=transport,
            timeout=TIMEOUT_SECONDS,
        )

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def upload(
        self,
        body: bytes,
        content_type: str,
        *,
        on_error: str = "reject_batch",
        idempotency_key: str = "",
        headers: dict[str, str] | None = None,
        dry_run: bool = False,
    ) -> Answer:
        """Send one batch; without a key of your own, the same bytes always use the same key."""
        path = "/api/v1/metering/validate" if dry_run else "/api/v1/metering/batches"
        key = idempotency_key or idempotency_key_for(body, content_type, on_error)
        return self.post(
            f"{path}?on_error={on_error}", body, content_type, key=key, headers=headers
        )

    def declare_zero(self, day: str) -> Answer:
        """Declare that nothing was used on a day, e.g. ``2026-11-20``."""
        body = f'{{"day": "{day}"}}'.encode()
        return self.post("/api/v1/metering/zero-declarations", body, "application/json")

    def send_manifest(self, body: bytes) -> Answer:
        """Send the day's manifest (JSON)."""
        return self.post("/api/v1/metering/manifests", body, "application/json")

    def status(self, batch_id: str) -> Answer:
        """Ask how far a batch is."""
        return self.get(f"/api/v1/metering/batches/{batch_id}")

    def results(self, batch_id: str, *, status: str = "", cursor: str = "") -> Answer:
        """Ask for one page of rows with their outcomes."""
        query = {"status": status, "cursor": cursor}
        return self.get(
            f"/api/v1/metering/batches/{batch_id}/results",
            {name: value for name, value in query.items() if value},
        )

    def receipt(self, batch_id: str) -> Answer:
        """Fetch the signed receipt."""
        return self.get(f"/api/v1/metering/batches/{batch_id}/receipt")

    def errors_csv(self, batch_id: str) -> bytes:
        """Fetch the rows that were not taken, ready to be mended."""
        answer = self._http.get(f"/api/v1/metering/batches/{batch_id}/errors.csv")
        answer.raise_for_status()
        return answer.content

    def get(self, path: str, query: dict[str, str] | None = None) -> Answer:
        """Send a GET."""
        return _answer(self._http.get(path, params=query or {}))

    def post(
        self,
        path: str,
        body: bytes,
        content_type: str,
        *,
        key: str = "",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send a signed POST."""
        request = self.prepare(path, body, content_type, key=key, headers=headers)
        return self.send(request)

    def prepare(
        self,
        path: str,
        body: bytes,
        content_type: str,
        *,
        key: str = "",
        headers: dict[str, str] | None = None,
        nonce: str = "",
        created: datetime | None = None,
    ) -> httpx.Request:
        """Return a POST, signed when there is a private key, without sending it."""
        request = self._http.build_request(
            "POST",
            path,
            content=body,
            headers={
                "Content-Type": content_type,
                "Idempotency-Key": key or str(uuid.uuid4()),
                **(headers or {}),
            },
        )
        if self.private_key is not None:
            reached = request.url
            request.url = httpx.URL(self.public_origin + reached.raw_path.decode())
            sign_request(
                request,
                body,
                key_id=self.key_id,
                private_key=self.private_key,
                nonce=nonce or secrets.token_urlsafe(18),
                created=created or datetime.now(UTC),
            )
            request.url = reached
        return request

    def send(self, request: httpx.Request) -> Answer:
        """Send a prepared request."""
        return _answer(self._http.send(request))


def idempotency_key_for(body: bytes, *parts: str) -> str:
    """Return a key that follows from what is sent, so that sending again is safe by itself."""
    digest = hashlib.sha256(body).hexdigest()
    return str(uuid.uuid5(_NAMESPACE, "\n".join((digest, *parts))))


def _answer(response: httpx.Response) -> Answer:
    """Read an answer; every answer of the interface is JSON."""
    content_type = response.headers.get("content-type", "")
    body = response.json() if "json" in content_type else {"text": response.text}
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status_code, body, headers)

"""Time stamps of an authority (RFC 3161): asking for one, and checking one years later.

A token says that some bytes existed at a moment, signed by a body that has nothing to do with
us. Over checkpoints such tokens bracket every entry: what lies before a stamped size is older
than its token, what lies behind it was written after the tree was stamped.

Source: RFC 3161 (request, response, token), RFC 5816; the reading and the chain of certificates
are done by ``rfc3161-client``, no ASN.1 of our own.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509

try:
    from rfc3161_client import (
        HashAlgorithm,
        TimestampRequestBuilder,
        TimeStampResponse,
        VerificationError,
        VerifierBuilder,
        decode_timestamp_response,
    )

    TOKENS_READABLE = True
except ImportError:  # the stand-alone verifier runs with cryptography alone
    TOKENS_READABLE = False

MAX_TOKEN_BYTES = 32_768
MAX_ROOTS_BYTES = 262_144
#: Entries are written before they are sealed, and sealed before they are stamped: an entry may be
#: so much older than the token before it, or so much younger than the one behind it.
SLACK = timedelta(minutes=15)
#: 1.2.156.10197.1.501, SM2 with SM3, as it stands in a token.
_SM2_SM3 = bytes.fromhex("06082a811ccf55018375")
_REASON = 200


class TokenError(ValueError):
    """Not a token over these bytes by one of the known authorities."""


class NationalToken(TokenError):  # noqa: N818 - a kind of token, not a fault of it
    """A token signed with SM2, which needs a module that knows it; kept as an opaque file."""


class TokensUnreadable(TokenError):  # noqa: N818 - of this computer, not a fault of the token
    """The package that reads tokens is not installed here."""


@dataclass(frozen=True)
class Request:
    """A request to send, and the number that its answer must repeat."""

    body: bytes
    nonce: int


@dataclass(frozen=True)
class Token:
    """What a checked token says."""

    at: datetime
    digest: bytes
    authority: str
    serial: str
    policy: str


#: Checks tokens that this file cannot: (token, stamped bytes) -> what it says.
NationalVerifier = Callable[[bytes, bytes], Token]


def request_for(stamped: bytes) -> Request:
    """Return a request for a time stamp over some bytes (their SHA-256 is sent)."""
    made = (
        TimestampRequestBuilder()
        .data(stamped)
        .hash_algorithm(HashAlgorithm.SHA256)
        .nonce(nonce=True)
        .cert_request(cert_request=True)
        .build()
    )
    return Request(made.as_bytes(), made.nonce or 0)


def read_roots(pem: bytes) -> list[x509.Certificate]:
    """Read the certificates of the authorities that are trusted.

    Raises:
        TokenError: none, or not certificates.
    """
    if len(pem) > MAX_ROOTS_BYTES:
        raise TokenError("the file of certificates is too large")
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise TokenError("not a file of certificates (PEM)") from error


def verify_token(
    raw: bytes,
    stamped: bytes,
    roots: Sequence[x509.Certificate],
    *,
    nonce: int | None = None,
    national: NationalVerifier | None = None,
) -> Token:
    """Return what a token says, once it is proven to be over these bytes.

    Args:
        raw: the whole response of the authority.
        roots: the certificates that are trusted; valid at the time of the token, not of today.
        nonce: the number of the request; None when an old token is checked again.
        national: a module that checks SM2 tokens.

    Raises:
        NationalToken: signed with SM2, and no module was given.
        TokensUnreadable: ``rfc3161-client`` is not installed here.
        TokenError: not a token, not over these bytes, or not by a trusted authority.
    """
    if len(raw) > MAX_TOKEN_BYTES:
        raise TokenError("the token is too large")
    if _SM2_SM3 in raw:
        if national is None:
            raise NationalToken("the token is signed with SM2 and needs a module that knows it")
        return national(raw, stamped)
    if not TOKENS_READABLE:
        raise TokensUnreadable("the package rfc3161-client is not installed here")
    try:
        response = decode_timestamp_response(raw)
        builder = VerifierBuilder(roots=list(roots), nonce=nonce)
        builder.build().verify_message(response, stamped)
        return _stated(response)
    except (ValueError, VerificationError) as error:
        raise TokenError(f"the token does not hold: {str(error)[:_REASON]}") from error


def _stated(response: "TimeStampResponse") -> Token:
    told = response.tst_info
    if not told.gen_time.tzinfo:
        raise TokenError("the token says no time")
    return Token(
        at=told.gen_time.astimezone(UTC),
        digest=told.message_imprint.message,
        authority=_signer(response).rfc4514_string(),
        serial=str(told.serial_number),
        policy=told.policy.dotted_string,
    )


def _signer(response: "TimeStampResponse") -> x509.Name:
    signers = {(each.issuer, each.serial_number) for each in response.signed_data.signer_infos}
    for each in response.signed_data.certificates:
        found = x509.load_der_x509_certificate(each)
        if (found.issuer, found.serial_number) in signers:
            return found.subject
    raise TokenError("the token does not hold the certificate of its authority")


def digest_of(stamped: bytes) -> bytes:
    """Return the digest that a token over these bytes holds."""
    return hashlib.sha256(stamped).digest()


@dataclass(frozen=True)
class Stamp:
    """A checkpoint's size, and when an authority saw it."""

    size: int
    at: datetime


@dataclass(frozen=True)
class Bracket:
    """Entries from ``first`` up to but not including ``end`` lie between two moments.

    Attributes:
        end: None for what lies behind the last stamp.
        not_before: None for what lies before the first stamp.
    """

    first: int
    end: int | None
    not_before: datetime | None
    not_after: datetime | None

    def holds(self, at: datetime) -> bool:
        """Say whether an entry of this bracket may bear this time."""
        early = self.not_before is not None and at < self.not_before
        late = self.not_after is not None and at > self.not_after
        return not early and not late


def brackets(stamps: Iterable[Stamp], slack: timedelta = SLACK) -> list[Bracket]:
    """Return the brackets that some time stamps put around the entries of a log.

    Where several authorities stamped one size, the earliest word counts. A larger tree that was
    stamped earlier than a smaller one moves the smaller one's word down: a tree is never younger
    than one that contains it.
    """
    earliest: dict[int, datetime] = {}
    limit: datetime | None = None
    for each in sorted(stamps, key=lambda one: (-one.size, one.at)):
        limit = each.at if limit is None else min(limit, each.at)
        earliest[each.size] = limit
    found = []
    first, before = 0, None
    for size, at in sorted(earliest.items()):
        found.append(Bracket(first, size, before, at + slack))
        first, before = size, at - slack
    return [*found, Bracket(first, None, before, None)]


def outside(
    entries: Iterable[tuple[int, datetime]], stamps: Iterable[Stamp], slack: timedelta = SLACK
) -> Iterator[tuple[int, datetime, Bracket]]:
    """Yield the entries whose time lies outside the bracket of the neighbouring time stamps.

    Args:
        entries: index and time of entries, in the order of the log.
    """
    waiting = iter(brackets(stamps, slack))
    here = next(waiting)
    for index, at in entries:
        while here.end is not None and index >= here.end:
            here = next(waiting)
        if not here.holds(at):
            yield index, at, here

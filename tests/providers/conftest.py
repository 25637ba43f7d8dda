"""When the tests of this room take place."""

from collections.abc import Iterator

import pytest

from ledger import clock
from tests.providers.world import LATER


@pytest.fixture
def november() -> Iterator[None]:
    """The records lie in October 2026; the house is told that it is November."""
    with clock.set_to(LATER):
        yield

"""What the tests of the door share."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from ledger import clock


@pytest.fixture
def later() -> Iterator[Callable[..., None]]:
    """Hold the clock at this moment, and return how to let time pass."""
    with clock.set_to(clock.now()):
        yield lambda **step: clock.advance(timedelta(**step))

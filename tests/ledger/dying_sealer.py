"""A real sealer that kills itself at a named place: ``python -m tests.ledger.dying_sealer PLACE``.

It is ``manage.py seal_log`` in all but the one function that is told where a seal has come to.
"""

import os
import signal
import sys

import django


def main(wanted: str) -> None:
    """Seal until the place is reached, and die there without any clearing up."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from ledger.management.commands.seal_log import Command  # noqa: PLC0415 - after setup

    class DyingSealer(Command):
        @staticmethod
        def reached(place: str) -> None:
            if place == wanted:
                os.kill(os.getpid(), signal.SIGKILL)

    DyingSealer().handle(once=False, adopt_mark=False)


main(sys.argv[1])

"""Django's command line for the compute-voucher house.

Where ``make run`` or ``make demo`` made a database of this checkout's own and no DATABASE_URL is
set, a command works on that database; it is started for the command when the house is not open.
Without Django in the calling Python the one of ``.venv`` takes over.
"""

import os
import sys
from contextlib import ExitStack, redirect_stdout
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent
OWN_DATA = ROOT / "var"
OWN_PYTHON = ROOT / ".venv" / "bin" / "python"

if find_spec("django") is None and OWN_PYTHON.exists():
    os.execv(OWN_PYTHON, [str(OWN_PYTHON), *sys.argv])  # noqa: S606 - the same words, our Python

from django.core.management import execute_from_command_line  # noqa: E402 - only now it is there

from deploy.launcher import only_one, servers  # noqa: E402


def main() -> None:
    """Run the command that the words of the command line name."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    with ExitStack() as opened:
        if not os.environ.get("DATABASE_URL") and (OWN_DATA / "secrets.env").exists():
            with redirect_stdout(sys.stderr):  # the command's own output stays its own
                free = opened.enter_context(only_one(OWN_DATA))
                environment = opened.enter_context(servers(OWN_DATA, running=not free))
            os.environ.update(environment)
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()

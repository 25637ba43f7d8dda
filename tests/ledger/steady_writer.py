"""Posts journals without end and says which were acknowledged: ``-m tests.ledger.steady_writer``.

Six threads; each prints the id of a journal after its commit, and begins anew when the database
goes away. Who reads the output knows what must be in the books whatever happens.
"""

import os
import threading
import time

import django


def main() -> None:
    """Set Django up and let six threads post until the process is ended."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from tests.ledger.steady_posting import post_without_end  # noqa: PLC0415 - after setup

    for number in range(6):
        threading.Thread(target=post_without_end, args=(number,), daemon=True).start()
    while True:
        time.sleep(60)


main()

"""Start the program by ``python -m slq``."""

from slq.cli import run

if __name__ == "__main__":
    run()

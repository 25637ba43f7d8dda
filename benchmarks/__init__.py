"""How fast the house is, told as ratios inside one run.

How to write a benchmark: a module ``benchmarks/pN_word.py`` with a docstring that says what is
measured, and these names::

    UNIT = "records"            # what one unit of work is called
    GOAL = ">= 0.5"             # of the ratio printed (see RATIO), from the performance page
    SIZES = (10_000, 100_000)   # sizes run by default, smallest first
    RATIO = "rate"              # "rate": floor's seconds / ours (bigger is better)
                                # "time": ours / floor's seconds (smaller is better)

    RIVALS = ("django-hordak",) # optional: packages of benchmarks/rivals.py to run beside ours

    def prepare(size: int) -> State: ...        # not timed: make load, keys, rows
    def ours(state: State) -> int: ...          # timed: do the work, return units done
    def prepare_floor(size: int) -> State: ...  # optional, else ``prepare`` serves both
    def floor(state: State) -> int: ...         # timed: the best this machine can do

Every timed function runs in a process of its own, on a fresh copy of a migrated database, so
that neither cache nor memory of one helps the other; ``django.setup()`` has run. Peak memory is
that of the timed part alone. ``make bench`` runs all, ``make bench NAME=p4`` one,
``make bench NAME=p4 SIZE=200000`` another size. Results are appended
to ``var/bench/results.jsonl``.
"""

"""A witness for the signed log: a small program that another body runs by itself.

The finance bureau, the audit bureau or a provider runs it on a machine of its own. It remembers
the largest tree it saw of each log, cosigns a newer one only when that begins with the one it
remembers, and keeps what a log signed against itself as evidence. No Django, no PostgreSQL: this
folder, the rule files it imports, ``cryptography`` and a file of SQLite.

    python -m ledger.witness keygen --name audit.example/witness --key witness.key
    python -m ledger.witness --listen 127.0.0.1:8790 --database witness.sqlite \
        --key witness.key --log VKEY
    python -m ledger.witness --evidence --database witness.sqlite

Source: C2SP tlog-witness, tlog-cosignature, tlog-checkpoint.
"""

"""Feeds a witness by aics-witness's own client: ADDRESS VKEY, then notes and proofs as JSON."""

import json
import sys

from aics_tlog import parse_vkey
from aics_witness.feeder import FeederError, WitnessClient

address, vkey = sys.argv[1:3]
client = WitnessClient(address, parse_vkey(vkey))
for each in json.load(sys.stdin):
    proofs = {int(old): [bytes.fromhex(one) for one in found] for old, found in each["proofs"]}
    try:
        client.submit(each["note"], lambda old, _new, known=proofs: known[old])
        said = "cosigned"
    except FeederError as fault:
        said = type(fault).__name__
    sys.stdout.write(said + "\n")

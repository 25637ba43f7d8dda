"""What may come over the wire at all: the kinds of bodies, how large, and how they are refused.

Source: metering specification, section 2 (limits); reliability paper 4.1 to 4.4.
"""

JSON = "application/json"
NDJSON = "application/x-ndjson"
CSV = "text/csv"
CLOUDEVENTS = "application/cloudevents-batch+json"
PARQUET = "application/vnd.apache.parquet"
CONTENT_TYPES = (JSON, NDJSON, CSV, CLOUDEVENTS, PARQUET)

LARGEST_BODY = 256 << 20
HIGHEST_RATIO = 100
LONGEST_LINE = 1 << 20
LONGEST_ELEMENT = 64 << 10  # of a JSON list, where it is no plain record
DEEPEST = 8
MOST_ROWS = 1_000_000
# An event is read one by one: its envelope has no fixed form that columns could be cut from.
MOST_EVENTS = 50_000
MOST_STRANGE = 1_000  # elements of a JSON batch that are no objects, before it is given up
READ_AT_ONCE = 1 << 20


class BadBatch(Exception):  # noqa: N818 - the whole batch cannot be read
    """The body cannot be read at all; carries a catalogue code and where."""

    def __init__(self, code: str, *, row: int = 0, column: str = "", value: str = "") -> None:
        """Keep the code and the place."""
        super().__init__(code)
        self.code = code
        self.row = row
        self.column = column
        self.value = value

"""The statements by which the column decoder checks a piece of an upload, one text each.

Every rule here is narrower than the row reader's (``records``): what passes is certainly a good
record, what does not is doubtful and read by the row reader, which alone names faults.
"""

from collections.abc import Sequence
from typing import NamedTuple

from providers.records import BASES, FIELDS, JOB_STATES, MOST_DEVICES

# Letters that are printable and stay as they are under NFC: ASCII, ideographs, full-width forms.
PLAIN_LETTERS = r"[ -~\x{4e00}-\x{9fa5}\x{ff01}-\x{ff5e}\x{3001}\x{3002}]"
BLANK_CSV = r'(?:"")?(?:,(?:"")?)*\r*'
LONGEST_LINE = 100_000  # below what the csv module takes as one cell

_ID = r"[A-Za-z0-9._:/\-]{1,128}"
_COUNT = r"0|[1-9][0-9]{0,6}"
_SHARE = r"[1-9][0-9]{0,2}|1000"
_DECIMAL = r"(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,9})?"
_PERCENT = r"100(?:\.0{1,9})?|(?:0|[1-9][0-9]?)(?:\.[0-9]{1,9})?"
# This century only: Shanghai kept summer time until 1991, and sums stay within 64 bits.
_TIME = (
    r"20[0-9]{2}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    r"(?:\.[0-9]{1,6})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)

_LINES = """lines AS (
    SELECT generate_subscripts(found, 1)::INT AS place, unnest(found) AS line
      FROM (SELECT string_split(?, chr(10)) AS found))"""


def _text(word: str) -> str:
    return "'" + word.replace("'", "''") + "'"


def _words(words: frozenset[str]) -> str:
    return ", ".join(_text(word) for word in ("", *sorted(words)))


def _cells(given: dict[str, str]) -> str:
    """Name every field; one that is not given is the empty text."""
    return ", ".join(f"{given.get(name, _text(''))} AS {name}" for name in FIELDS)


def csv_rows(header: Sequence[str], mark: str = "") -> str:
    """Return the statement that reads a piece of CSV.

    Args:
        mark: what is taken away from the front of each cell.

    A line with quotes fits only if every cell is quoted as a whole and holds neither quote nor
    comma; then taking the quotes away and cutting at commas is what RFC 4180 says.
    """
    columns = {name: f"c[{place}]" for place, name in enumerate(header, start=1)}
    if mark:
        form = _text(f"^{mark}")
        columns = {name: f"regexp_replace({cell}, {form}, '')" for name, cell in columns.items()}
    quoted = r'(?:[^",]*|"[^",]*")(?:,(?:[^",]*|"[^",]*"))*'
    cells = f"""cut AS (
    SELECT place, rtrim(line, chr(13)) AS line, blank,
           CASE WHEN NOT contains(line, '"') THEN string_split(rtrim(line, chr(13)), ',')
                WHEN regexp_full_match(rtrim(line, chr(13)), {_text(quoted)})
                THEN string_split(replace(rtrim(line, chr(13)), '"', ''), ',') END AS c
      FROM (SELECT *, regexp_full_match(line, {_text(BLANK_CSV)}) AS blank FROM lines)),
cells AS (
    SELECT place, blank, {_cells(columns)},
           coalesce(len(c) = {len(header)}, false) AND length(line) <= {LONGEST_LINE} AS fits
      FROM cut)"""  # noqa: S608 - the header holds known names only
    return _rows(cells)


class Form(NamedTuple):
    """How the objects of some lines look: what stands where, by place between quotes.

    ``fixed`` are keys, colons and commas; at the place of a number its surroundings with a NUL
    in between. ``texts`` and ``numbers`` are the places of the values.
    """

    fixed: tuple[tuple[int, str], ...]
    texts: tuple[tuple[str, int], ...]
    numbers: tuple[tuple[str, int], ...]


def json_rows(forms: Sequence[Form]) -> str:
    """Return the statement that reads a piece of NDJSON whose objects have one of some forms."""
    read = [_read_form(form) for form in forms]
    which = " ".join(f"WHEN {test} THEN {place}" for place, (test, _) in enumerate(read))
    cells = {
        name: "CASE form "
        + " ".join(
            f"WHEN {n} THEN {cells[name]}" for n, (_, cells) in enumerate(read) if name in cells
        )
        + " ELSE '' END"
        for name in FIELDS
        if any(name in cells for _, cells in read)
    }
    rows = f"""pieces AS (
    SELECT place, trim(line, ' ' || chr(9) || chr(11) || chr(12) || chr(13)) = '' AS blank,
           CASE WHEN contains(line, '\\') THEN [''] ELSE string_split(line, '"') END AS p
      FROM lines),
formed AS (SELECT *, CASE {which} ELSE -1 END AS form FROM pieces),
cells AS (SELECT place, blank, {_cells(cells)}, form >= 0 AS fits FROM formed)"""  # noqa: S608 - known names, and texts quoted
    return _rows(rows)


def _read_form(form: Form) -> tuple[str, dict[str, str]]:
    """Return the test whether a line has this form, and where its cells are."""
    fixed = dict(form.fixed)
    tests, cells = [f"len(p) = {max(fixed) + 1}"], {}
    for place, text in fixed.items():
        ahead, number, behind = text.partition("\x00")
        here = f"p[{place + 1}]"
        if number:
            tests += [f"starts_with({here}, {_text(ahead)})", f"ends_with({here}, {_text(behind)})"]
        else:
            tests.append(f"{here} = {_text(text)}")
    for name, place in form.texts:
        cells[name] = f"p[{place + 1}]"
    for name, place in form.numbers:
        ahead, _, behind = fixed[place].partition("\x00")
        here = f"p[{place + 1}]"
        size = f"greatest(length({here}) - {len(ahead) + len(behind)}, 0)"
        cells[name] = f"substring({here}, {len(ahead) + 1}, {size})"
    tests += [f"{cell} <> ''" for cell in cells.values()]
    return " AND ".join(tests), cells


def _time(name: str) -> str:
    """Return the instant of a cell in UTC; nothing if there is no such day."""
    cut = f"CASE WHEN ends_with({name}, 'Z') THEN 1 ELSE 6 END"
    sign = f"CASE left(right({name}, 6), 1) WHEN '-' THEN -1 ELSE 1 END"
    minutes = (
        f"(try_cast(substring({name}, length({name}) - 4, 2) AS INT) * 60"
        f" + try_cast(right({name}, 2) AS INT)) * {sign}"
    )
    # In a CASE, so that the casts see only cells that have the form.
    return f"""CASE WHEN regexp_full_match({name}, {_text(_TIME)})
                     AND NOT ends_with({name}, '-00:00')
         THEN try_cast(left({name}, length({name}) - {cut}) AS TIMESTAMP)
              - to_minutes(CASE WHEN ends_with({name}, 'Z') THEN 0 ELSE {minutes} END) END"""


def _free(name: str, longest: int) -> str:
    letters = f"{PLAIN_LETTERS}{{1,{longest}}}"
    return f"(regexp_full_match({name}, {_text(letters)}) AND trim({name}) <> '')"


def _one_or_none(name: str, test: str) -> str:
    return f"({name} = '' OR {test})"


def _match(name: str, form: str) -> str:
    return f"regexp_full_match({name}, {_text(form)})"


_HONEST = " AND ".join(
    (
        "fits",
        _match("record_id", _ID),
        _match("order_no", _ID),
        _free("device_model", 128),
        f"coalesce(try_cast(device_count AS INT), {MOST_DEVICES + 1}) <= {MOST_DEVICES}",
        _match("device_count", _COUNT),
        _one_or_none("share_milli", _match("share_milli", _SHARE)),
        "coalesce(started >= TIMESTAMP '2000-01-01', false)",
        "(ended_at = '' OR coalesce(ended >= started, false))",
        f"basis IN ({_words(BASES)})",
        f"job_state IN ({_words(JOB_STATES)})",
        _one_or_none("job_ref", _free("job_ref", 64)),
        _one_or_none("utilisation_pct", _match("utilisation_pct", _PERCENT)),
        _one_or_none("energy_kwh", _match("energy_kwh", _DECIMAL)),
        _one_or_none("device_seconds", _match("device_seconds", _DECIMAL)),
        _one_or_none("reason", _free("reason", 200)),
        f"(corrects = '' OR {_match('corrects', _ID)} AND reason <> '' AND corrects <> record_id)",
    )
)


def _iso(name: str) -> str:
    """Write an instant as Python's ``isoformat`` does."""
    return (
        f"replace(left({name}::VARCHAR, 19), ' ', 'T')"
        f" || CASE WHEN epoch_us({name}) % 1000000 = 0 THEN ''"
        f" ELSE strftime({name}, '.%f') END || '+00:00'"
    )


def _escaped(name: str) -> str:
    return rf"replace({name}, '\', '\\')"


def _or_null(name: str) -> str:
    return rf"CASE {name} WHEN '' THEN '\N' ELSE {name} END"


_DIGEST = """sha256(concat_ws(chr(31), order_no, device_model, device_count, share_milli,
    began, finished, basis, job_state, job_ref, utilisation_pct, energy_kwh, device_seconds,
    corrects, reason))"""


def _rows(cells: str) -> str:
    """Return one statement from the text of a piece to what there is to know of it.

    It gives: rows, blank lines, use (as text: it may pass 64 bits), corrections, places of
    doubtful rows, and good rows in the form of COPY in the columns of ``usage_stage``. A record
    over a Shanghai month end has parts; such are few, so they count as doubtful.
    Parameters: the text; how many rows came before it.
    """
    return rf"""
WITH {_LINES},
{cells},
timed AS (SELECT *, {_time("started_at")} AS started, {_time("ended_at")} AS ended FROM cells),
judged AS (
    SELECT * REPLACE (CASE share_milli WHEN '' THEN '1000' ELSE share_milli END AS share_milli,
                      CASE basis WHEN '' THEN 'allocated' ELSE basis END AS basis),
           coalesce({_HONEST}, false) AS honest
      FROM timed),
used AS (
    SELECT *, CASE WHEN honest THEN try_cast(device_count AS BIGINT)
                * try_cast(share_milli AS BIGINT)
                * ((epoch_us(coalesce(ended, started)) - epoch_us(started)) // 1000000)
              END AS use
      FROM judged),
written AS (
    SELECT *, honest AND (use = 0 OR ended + INTERVAL 8 HOUR
                  <= date_trunc('month', started + INTERVAL 8 HOUR) + INTERVAL 1 MONTH) AS good,
           {_iso("started")} AS began,
           CASE WHEN ended IS NULL THEN '' ELSE {_iso("ended")} END AS finished
      FROM used)
SELECT count(*), count(*) FILTER (WHERE blank),
       coalesce(sum(use) FILTER (WHERE good), 0)::VARCHAR,
       count(*) FILTER (WHERE good AND corrects <> ''),
       coalesce(list(place) FILTER (WHERE NOT good), []),
       coalesce(string_agg(CASE WHEN good THEN concat_ws(chr(9), place + ?::INT, record_id,
       order_no, {_escaped("device_model")}, device_count, share_milli, began,
       {_or_null("finished")}, basis, job_state, {_escaped("job_ref")},
       {_or_null("utilisation_pct")}, {_or_null("energy_kwh")}, {_or_null("device_seconds")},
       corrects, {_escaped("reason")}, '\\x' || {_DIGEST},
       strftime(started + INTERVAL 8 HOUR, '%Y-%m'), use) || chr(10) END, ''), '')
  FROM written
"""  # noqa: S608 - no outside text

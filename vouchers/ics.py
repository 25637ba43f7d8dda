"""A day for one's calendar as the text of an iCalendar file (RFC 5545).

Pure.
"""

from datetime import UTC, date, datetime, timedelta

FOLD = 60  # bytes of a line before it is folded; the standard allows 75


def one_day_event(uid: str, title: str, day: date, *, made_at: datetime, note: str = "") -> str:
    """Return a calendar with one event that fills a day, with a reminder the day before."""
    stamp = made_at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//compute-vouchers//case//ZH",
        "BEGIN:VEVENT",
        f"UID:{uid}@compute-vouchers",
        f"DTSTAMP:{stamp}",
        f"DTSTART;VALUE=DATE:{day:%Y%m%d}",
        f"DTEND;VALUE=DATE:{day + timedelta(days=1):%Y%m%d}",
        f"SUMMARY:{_escaped(title)}",
        f"DESCRIPTION:{_escaped(note)}",
        "BEGIN:VALARM",
        "ACTION:DISPLAY",
        f"DESCRIPTION:{_escaped(title)}",
        "TRIGGER:-P1D",
        "END:VALARM",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "\r\n".join(_folded(each) for each in lines) + "\r\n"


def _escaped(text: str) -> str:
    for mark in ("\\", ";", ","):
        text = text.replace(mark, f"\\{mark}")
    return text.replace("\r", "").replace("\n", "\\n")


def _folded(line: str) -> str:
    """Fold a line so that none is too long in bytes; never inside a character."""
    parts, size = [""], 0
    for character in line:
        size += len(character.encode())
        if size > FOLD:
            parts.append("")
            size = len(character.encode())
        parts[-1] += character
    return "\r\n ".join(parts)

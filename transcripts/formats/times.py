"""Times of transcripts: milliseconds from the start of the recording. Pure."""

import math
import re
from datetime import datetime

# What a database integer holds (596 hours); a later time is a fault of the file.
LAST_MS = 2**31 - 1

CLOCK = r"(?:\d{1,4}:)?\d{1,3}:[0-5]?\d(?:[.,]\d{1,9})?"
_CLOCK = re.compile(r"(?:(\d{1,4}):)?(\d{1,3}):([0-5]?\d)(?:[.,](\d{1,9}))?", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d{1,15}(?:[.,]\d{0,25})?|[.,]\d{1,25})(?:[eE][+-]?\d{1,3})?", re.ASCII)


def milliseconds(hours: str | None, minutes: str, seconds: str, fraction: str | None) -> int:
    whole = (int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)
    return whole * 1000 + int((fraction or "").ljust(3, "0")[:3])


def parse_clock(text: str) -> int | None:
    """`h:mm:ss`, `mm:ss`, either with a fraction; None for anything else."""
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        return None
    hours, minutes, seconds, fraction = match.groups()
    if hours is not None and int(minutes) > 59:
        return None
    return milliseconds(hours, minutes, seconds, fraction)


def parse_stamp(stamp: str) -> int:
    """A time that a format's own pattern has already checked: `[h:]m:s[.fraction]`."""
    *hours, minutes, seconds = stamp.replace(",", ".").split(":")
    whole, _, fraction = seconds.partition(".")
    return milliseconds(hours[0][:9] if hours else None, minutes[:9], whole, fraction)


def parse_number(text: str) -> float | None:
    """A finite decimal number, with a point or a comma."""
    text = text.strip()
    if _NUMBER.fullmatch(text) is None:
        return None
    value = float(text.replace(",", "."))
    return value if math.isfinite(value) else None


def seconds_to_ms(value: object) -> int | None:
    """JSON seconds (a number, or a number in a string) as milliseconds; None where that is no time."""
    number = parse_number(value) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, int | float):
        return None
    return round(number * 1000) if abs(number) < 10**12 else None  # NaN is not less either


def format_clock(ms: int, point: str = ".") -> str:
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{point}{ms:03d}"


def parse_instant(text: str) -> datetime | None:
    """An ISO 8601 date or time; without a zone where the text has none."""
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        return None

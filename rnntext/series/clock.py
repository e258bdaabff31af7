"""Times of day as tables write them, after a date: 23:59:59.5, 11:59 PM, T23:59Z, 24:00, 23.59,
23h59, 23:59 +01:00."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone, tzinfo

# Hours that zones are ahead of UTC. Names that several zones have, such as CST and IST, are not among them.
ZONES = {
    "Z": 0,
    "UTC": 0,
    "GMT": 0,
    "WET": 0,
    "WEST": 1,
    "BST": 1,
    "CET": 1,
    "CEST": 2,
    "EET": 2,
    "EEST": 3,
    "MSK": 3,
    "EST": -5,
    "EDT": -4,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
    "SGT": 8,
    "JST": 9,
    "KST": 9,
    "AEST": 10,
    "AEDT": 11,
    "NZST": 12,
    "NZDT": 13,
}
MAX_CACHED = 2**17  # times of day that are read once: a day has 86,400 seconds
_TIME = (
    r"(?:T|,\s*|\s+|[:_])"
    r"(?P<hour>[0-9]{1,2})"
    r"(?:(?P<colon>[:.h]|(?=[0-9]))(?P<minute>[0-9]{2})(?:(?P=colon)(?P<second>[0-9]{2})(?P<fraction>[.,][0-9]{1,9})?)?)?"
    r"(?P<half>\s?[AP]\.?M\.?)?"
    rf"(?P<zone>\s?(?:{'|'.join(sorted(ZONES, key=len, reverse=True))}|[+-][0-9]{{2}}(?::?[0-9]{{2}})?))?"
)
CLOCK = re.compile(_TIME, re.IGNORECASE)
_SPLIT = re.compile(rf"(?P<day>.*?\w)(?={_TIME}$)", re.IGNORECASE)

Clock = tuple[timedelta, tzinfo | None]  # since midnight, and the offset from UTC


def split(cell: str) -> tuple[str, str]:
    """The date and the time of day of a cell, the latter with what stands before it; empty if there is none."""
    match = _SPLIT.match(cell)
    if match is None:
        return cell, ""
    end = match.end("day")
    return cell[:end], cell[end:]


@functools.lru_cache(MAX_CACHED)
def parse_clock(text: str) -> Clock | None:
    """The time of day; None if there is no such time. Without any, it is midnight."""
    if not text:
        return timedelta(0), None
    match = CLOCK.fullmatch(text)
    if match is None:
        return None
    # 1. Read the hour.
    hour = int(match["hour"])
    half = match["half"]
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if "p" in half.lower() else 0)
    # 2. Read the rest. Digits beyond microseconds are left out.
    minute = int(match["minute"] or 0)
    second = int(match["second"] or 0)
    fraction = (match["fraction"] or ".0")[1:7].ljust(6, "0")
    time = timedelta(hours=hour, minutes=minute, seconds=second, microseconds=int(fraction))
    if minute > 59 or second > 59 or time > timedelta(days=1):
        return None
    return time, _parse_zone(match["zone"])


def _parse_zone(text: str | None) -> tzinfo | None:
    """The offset from UTC that a zone such as Z, CET or +01:00 means."""
    if text is None:
        return None
    hours = ZONES.get(text.strip().upper())
    if hours is not None:
        return timezone(timedelta(hours=hours))
    digits = re.sub("[^0-9]", "", text).ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if offset >= timedelta(days=1):
        return None
    return timezone(-offset if "-" in text else offset)


def clock_writer(texts: Sequence[str]) -> Callable[[datetime], str]:
    """The function that writes a time of day as in some examples, of which the first one decides."""
    # 1. Find the way of writing.
    matches = [match for text in texts if (match := CLOCK.fullmatch(text))]
    if not matches:
        return lambda date: ""
    first = matches[0]
    gap = first.string[: first.start("hour")]
    colon = first["colon"] or ""
    half = first["half"] or ""
    zone = first["zone"] or ""
    zones = {_parse_zone(match["zone"]): match["zone"] for match in matches}  # how each offset is written
    hour_width = min(len(match["hour"]) for match in matches)
    digits = max(len(match["fraction"] or ".") for match in matches) - 1

    # 2. Write in this way.
    def write(date: datetime) -> str:
        hour = date.hour
        if half:
            hour = (hour - 1) % 12 + 1
        text = f"{gap}{hour:0{hour_width}d}"
        if first["minute"]:
            text += f"{colon}{date.minute:02d}"
        if first["second"]:
            text += f"{colon}{date.second:02d}"
        if digits:
            sign = (first["fraction"] or ".")[0]
            text += sign + f"{date.microsecond:06d}".ljust(digits, "0")[:digits]
        return text + _write_half(half, date.hour) + (zones.get(date.tzinfo) or _write_zone(zone, date))

    return write


def _write_half(example: str, hour: int) -> str:
    """AM or PM as in an example."""
    letter = "A" if hour < 12 else "P"
    if example.islower():
        letter = letter.lower()
    return re.sub("[AaPp]", letter, example, count=1)


def _write_zone(example: str, date: datetime) -> str:
    """The offset of a date from UTC as in an example."""
    if not example or (example.strip().isalpha() and not date.utcoffset()):
        return example
    blank = " " if example[0] == " " else ""
    text = f"{date:%z}"  # +0100
    if ":" in example:
        return f"{blank}{text[:3]}:{text[3:]}"
    return blank + (text[:3] if len(example.strip()) == 3 else text)

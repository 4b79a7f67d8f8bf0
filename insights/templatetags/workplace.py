"""How times, tones and waits are written on the screens."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils import timezone

register = template.Library()

NOT_ASSESSED = "not assessed"


@register.filter
def clock(milliseconds: int | None) -> str:
    """Position in a recording: 03:47, or 1:03:47 from an hour on. Empty where the file gives no times."""
    if milliseconds is None:
        return ""
    minutes, seconds = divmod(milliseconds // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"


@register.filter
def tone(value: float | None) -> str:
    """-1..1 with its sign; U+2212 is as wide as the plus."""
    if value is None:
        return NOT_ASSESSED
    return "0.00" if abs(value) < 0.005 else f"{value:+.2f}".replace("-", "\u2212")


@register.filter
def percent(share: float | None) -> str:
    return NOT_ASSESSED if share is None else f"{share:.0%}"


@register.filter
def waited(since: datetime | None) -> str:
    """How long ago, in its two largest units: 3 d 4 h, 38 min."""
    if since is None:
        return ""
    minutes = max(0, int((timezone.now() - since).total_seconds() // 60))
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    return f"{hours} h" if hours else f"{minutes} min"


@register.filter
def seconds(milliseconds: int) -> int:
    return milliseconds // 1000


@register.filter
def words(value: str | None) -> str:
    """A stored choice as words: follow_up is follow up. None is "not assessed"."""
    return NOT_ASSESSED if value is None else value.replace("_", " ")


@register.filter
def initials(code: str) -> str:
    """Two characters that tell codes apart: of C-1040 the last two, of VOSS the first."""
    plain = "".join(character for character in code if character.isalnum()).upper()
    return plain[-2:] if code[-1:].isdigit() else plain[:2]

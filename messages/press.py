"""Rendering for a whole municipality at once: each wording is composed once, and what is one reader's own is put in afterwards.

A run of sends has thousands of readers and a few dozen wordings. Only the links differ within a group, so they are set as blanks.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from html import escape
from typing import Any

from messages.alert import Alert, Variant
from messages.form import Copy, Medium
from messages.frames import Facts
from messages.render import remind, render

#: stand where a reader's own links will be; private-use characters, which no text may hold
_LINK, _LEAVE = "https:\ue000", "https:\ue001"
#: wordings kept; beyond that the oldest goes
_ROOM = 4096


class Press:
    """Renders as `messages.render` does, remembering its wordings. Not for several threads."""

    def __init__(self) -> None:
        self._set: dict[tuple[object, ...], tuple[Copy, ...]] = {}

    def render(self, alert: Alert, variant: Variant, facts: Facts, medium: Medium) -> tuple[Copy, ...]:
        """Return what `messages.render.render` returns for the same values."""
        return tuple(_own(copy, facts) for copy in self._wording(alert, variant, _blank(facts), medium))

    def remind(self, alert: Alert, variant: Variant, facts: Facts, medium: Medium) -> Copy:
        """Return what `messages.render.remind` returns for the same values."""
        return _own(self._wording(alert, variant, _blank(facts), medium, again=True)[0], facts)

    def _wording(self, alert: Alert, variant: Variant, facts: Facts, medium: Medium, *, again: bool = False) -> tuple[Copy, ...]:
        key = (alert, _hashable(variant), _hashable(facts), medium, again)
        if key not in self._set:
            if len(self._set) >= _ROOM:
                self._set.pop(next(iter(self._set)))
            self._set[key] = (remind(alert, variant, facts, medium),) if again else render(alert, variant, facts, medium)
        return self._set[key]


def _hashable(value: Any) -> tuple[object, ...]:
    parts = (getattr(value, each.name) for each in fields(value))
    return tuple(tuple(sorted(part.items())) if isinstance(part, Mapping) else part for part in parts)


def _blank(facts: Facts) -> Facts:
    if not facts.link and not facts.unsubscribe_url:
        return facts
    return replace(facts, link=_LINK if facts.link else "", unsubscribe_url=_LEAVE if facts.unsubscribe_url else "")


def _own(copy: Copy, facts: Facts) -> Copy:
    if _LINK not in copy.text and _LEAVE not in copy.text:
        return copy
    text = copy.text.replace(_LINK, facts.link).replace(_LEAVE, facts.unsubscribe_url)
    html = copy.html.replace(_LINK, escape(facts.link)).replace(_LEAVE, escape(facts.unsubscribe_url))
    return replace(copy, text=text, html=html)

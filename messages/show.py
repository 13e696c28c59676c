"""Look at a template in every language: `python -m messages.show boil_water --html /tmp/boil_water.html`.

Prints each forward and ask with its units and SMS parts, and writes a page on which right-to-left texts can be looked at.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from messages.alert import Act, Alert, Kind
from messages.form import Copy, Medium, Part
from messages.frames import Facts, frame_languages
from messages.languages import direction, get, name
from messages.library import LibraryTemplate, TemplateError, template
from messages.render import render
from messages.segments import count

#: a night in Sørvik: what stands in for the alert's own values
_VALUES = {
    "place": "Sentrum, Strand",
    "authority": "Folkehelseinstituttet",
    "advice": "(sitat settes inn av kommunen)",
    "advice_date": "23.11.2026",
    "meeting_point": "Sørvik skole",
    "water_point": "Sørvik torg",
    "disease": "meslinger",
    "health_phone": "116117",
}
_FACTS = Facts(language="nb", municipality="Sørvik", contact_name="Kari Nordmann", contact_phone="91234567")
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>
  body {{ font: 16px/1.5 system-ui, sans-serif; margin: 24px; background: #f4f5f6; color: #1a1a1a }}
  article {{ background: #fff; border: 1px solid #d0d4d8; border-radius: 8px; padding: 12px 16px; margin: 0 0 16px; max-width: 60rem }}
  .bodies {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)); gap: 16px }}
  .sms {{ white-space: pre-line; background: #e7f0fa; border-radius: 12px; padding: 10px 14px; margin: 0; unicode-bidi: plaintext }}
  .sms:lang(ur) {{ line-height: 2.2 }} .ask {{ background: #fff3dc }} small {{ color: #555 }} h2 {{ font-size: 18px; margin: 0 0 8px }}
</style><h1>{title}</h1>{articles}</html>"""


@dataclass(frozen=True, slots=True)
class Shown:
    """One language's two SMS bodies."""

    language: str
    copies: tuple[Copy, ...]


def shown(item: LibraryTemplate, kind: Kind) -> Iterator[Shown]:
    """Render a template for every language that has a frame and a text."""
    for tag in frame_languages():
        if tag in item.texts:
            values = {key: value for key, value in _VALUES.items() if key in item.parameters}
            facts = replace(_FACTS, language=tag)
            yield Shown(tag, render(sample_alert(item, kind), item.fill(tag, values), facts, Medium.SMS))


def sample_alert(item: LibraryTemplate, kind: Kind) -> Alert:
    """Return no. 12, sent on a Monday evening, as the template proposes it."""
    sent = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
    return Alert(
        number=12,
        kind=kind,
        act=item.act,
        severity=item.severity,
        urgency=item.urgency,
        certainty=item.certainty,
        sent_at=sent,
        onset_at=sent,
        next_news_at=sent.replace(hour=21),
        act_by_at=sent.replace(day=24, hour=6),
        replaces=None if item.act is Act.ISSUE else 11,
    )


def cost(copy: Copy) -> str:
    """Say in a few words what an SMS costs and what was left out of it."""
    counted = count(copy.text)
    parts = f"{counted.units} units, {counted.segments} {'part' if counted.segments == 1 else 'parts'}, {counted.alphabet}"
    return f"{parts}; left out: {', '.join(copy.dropped)}" if copy.dropped else parts


def as_text(each: Shown) -> str:
    """Return one language for the terminal."""
    bodies = (f"-- {copy.part} ({cost(copy)})\n{copy.text}" for copy in each.copies)
    return "\n".join((f"== {each.language} {name(each.language, 'en')} / {get(each.language).own_name}", *bodies, ""))


def as_html(each: Shown) -> str:
    """Return one language for the page, with `lang` and `dir`."""
    font = f"font-family: '{get(each.language).font}', system-ui, sans-serif"
    bodies = "".join(
        f'<div><small>{copy.part}: {cost(copy)}</small><p class="sms{" ask" if copy.part is Part.ASK else ""}" '
        f'lang="{each.language}" dir="{direction(each.language)}" style="{font}">{escape(copy.text)}</p></div>'
        for copy in each.copies
    )
    title = f'{escape(name(each.language, "en"))} · <span lang="{each.language}">{escape(get(each.language).own_name)}</span>'
    return f'<article id="{each.language}"><h2>{title} <small>{each.language}</small></h2><div class="bodies">{bodies}</div></article>'


def _missing(item: LibraryTemplate) -> list[str]:
    """Say which languages have no text of their own; their readers get one of the others, and the line that says why."""
    without = [tag for tag in frame_languages() if tag not in item.texts]
    return [f"no text yet: {', '.join(without)}\n"] if without else []


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one template in every language; with --html write the page as well. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m messages.show", description="Show a template in every language, with its SMS parts.")
    parser.add_argument("template", help="its id: boil_water")
    parser.add_argument("--html", type=Path, help="write a page to look at in a browser")
    parser.add_argument("--exercise", action="store_true", help="as an exercise")
    given = parser.parse_args(arguments)
    try:
        item = template(given.template)
    except TemplateError as why:
        parser.error(str(why))
    real = Kind.ACTUAL in item.alert_kinds and not given.exercise
    found = list(shown(item, Kind.ACTUAL if real else Kind.EXERCISE))
    sys.stdout.write("\n".join((*map(as_text, found), *_missing(item))))
    if given.html:
        given.html.write_text(_PAGE.format(title=escape(item.id), articles="".join(map(as_html, found))), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

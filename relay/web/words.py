"""The staff pages' words: locales/<language>/LC_MESSAGES/ui.po. What is asked for is the English sentence; nb and nn are translations.

The catalogues are read at start, as the frame's are: a translator sees a change at the next start.
"""

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from markupsafe import Markup

from channels.told import Told
from relay.model import BudstikkeError

#: of the staff pages, in the order in which they are offered
LANGUAGES: Mapping[str, str] = {"nb": "Bokmål", "nn": "Nynorsk", "en": "English"}
#: for a browser that asks for none of them
DEFAULT = "nb"


@cache
def translations(language: str) -> NullTranslations:
    """Return a language's catalogue; English needs none."""
    if language == "en":
        return NullTranslations()
    source = files("locales").joinpath(language, "LC_MESSAGES", "ui.po")
    compiled = BytesIO()
    with source.open("rb") as text:
        write_mo(compiled, read_po(text, locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)


def say(language: str, sentence: str, /, **values: object) -> str:
    """Return an English sentence in `language`, its %(placeholders)s filled."""
    told = translations(language).gettext(sentence)
    return told % values if values else told


def marked(language: str, sentence: str, /, **values: object) -> Markup:
    """Return a sentence of a template in `language`, with its placeholders filled by values that are escaped first."""
    return _marked(language, sentence) % values if values else _plain(language, sentence)


@lru_cache(4096)
def _marked(language: str, sentence: str) -> Markup:
    return Markup(translations(language).gettext(sentence))  # noqa: S704 - sentences of templates and catalogues are ours


@lru_cache(4096)
def _plain(language: str, sentence: str) -> Markup:
    return _marked(language, sentence) % {}


def told(language: str, sentence: str, /) -> str:
    """Return in `language` a sentence that knows what it was made of, or one without places; "" is what a catalogue tells about itself."""
    if not isinstance(sentence, Told) or not sentence.values:
        return say(language, sentence) if sentence else ""
    values = {name: told(language, value) if isinstance(value, Told) else value for name, value in sentence.values.items()}
    return say(language, sentence.sentence, **values)


def refused(language: str, error: BudstikkeError, /) -> str:
    """Return in `language` why something was refused; in English where the catalogue has no such sentence."""
    return say(language, error.sentence, **error.values)


def count(language: str, one: str, many: str, n: int, /, **values: object) -> str:
    """Return the form of a sentence that fits `n`, which also fills %(n)s."""
    return translations(language).ngettext(one, many, n) % {"n": n, **values}


def wanted(accept_language: str) -> str:
    """Return the first of our languages that a browser asks for; `no` means Bokmål."""
    asked = [part.split(";")[0].strip().lower().split("-")[0] for part in accept_language.split(",")]
    known: Sequence[str] = ["nb" if tag == "no" else tag for tag in asked]
    return next((tag for tag in known if tag in LANGUAGES), DEFAULT)

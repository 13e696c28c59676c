"""A leaf: a page that is whole in one answer, for people without an account. No script, no cookie, nothing fetched; its own style inside.

The words are those of the reader's language; a word that is missing there is said in another and marked as that.
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from multidict import MultiDict, MultiDictProxy

from messages import languages
from messages.alert import Kind, Review
from messages.frames import frame_language, say, say_plural
from messages.languages import NORWEGIAN, isolate
from messages.page_words import page_review, say_on_page

MARKS = {Kind.EXERCISE: ("mark.exercise", "page.exercise"), Kind.TEST: ("mark.test", "page.test")}
#: words of ours that staff can read and correct themselves: nobody needs the Norwegian beside them
SOURCES = frozenset({*NORWEGIAN, "en"})

Form = MultiDictProxy[str]


@dataclass(frozen=True, slots=True)
class Tongue:
    """The house speaking to one reader of a leaf: languages that they accept, the first is the page's."""

    accepted: tuple[str, ...]

    @property
    def language(self) -> str:
        """The page's language."""
        return next((tag for tag in map(languages.normalise, self.accepted) if tag), "nb")

    @property
    def direction(self) -> str:
        """The page's direction."""
        return languages.direction(self.language)

    def say(self, msgid: str, **values: str) -> Markup:
        """Return one of the pages' words."""
        found = say_on_page(self.accepted, msgid, **self._values(values))
        return self.mark(found.text, found.language)

    def plain(self, msgid: str, **values: str) -> str:
        """Return one of the pages' words for a place that takes no markup."""
        return say_on_page(self.accepted, msgid, **values).text

    def in_language(self, language: str, msgid: str, **values: str) -> str:
        """Return one of the pages' words in one language, for an element that names it."""
        return say_on_page((language,), msgid, **values).text

    def frame(self, msgid: str, **values: str) -> Markup:
        """Return one of the words around a message."""
        return self.mark(say(self.language, msgid, **self._values(values)), frame_language(self.language))

    def counted(self, msgid: str, count: int) -> Markup:
        """Return one of the words around a message, for a number of people."""
        return self.mark(say_plural(self.language, msgid, count), frame_language(self.language))

    def beside(self, msgid: str) -> Markup:
        """Return the Norwegian of a word that no translator has stood for, to stand beside it; nothing where that is needless."""
        if say_on_page(self.accepted, msgid).language in SOURCES or page_review(self.language) is Review.REVIEWED:
            return Markup()
        return Markup('<small lang="nb" dir="ltr">{}</small>').format(say_on_page(("nb",), msgid).text)

    def mark(self, text: str, language: str) -> Markup:
        """Return a text with its language and direction where they are not the page's."""
        if language == self.language:
            return Markup("{}").format(text)
        return Markup('<span lang="{}" dir="{}">{}</span>').format(language, languages.direction(language), text)

    def attributes(self, language: str) -> Markup:
        """Return lang and dir for an element in another language than the page's; nothing for the page's own."""
        if language == self.language:
            return Markup()
        return Markup(' lang="{}" dir="{}"').format(language, languages.direction(language))

    def own_name(self, language: str) -> str:
        """Return what a language is called by those who speak it."""
        return languages.get(language).own_name

    def _values(self, values: dict[str, str]) -> dict[str, str]:
        return {name: isolate(value) for name, value in values.items()} if self.direction == "rtl" else values


@dataclass(frozen=True, slots=True)
class Band:
    """What stands over and under everything that is not real."""

    mark: str
    words: Markup


def band(tongue: Tongue, kind: Kind) -> Band | None:
    """Return the exercise's band; None for what is real."""
    if kind is Kind.ACTUAL:
        return None
    mark, words = MARKS[kind]
    return Band(say(tongue.language, mark), tongue.say(words))


def leaf(template: str, tongue: Tongue, *, status: int = 200, style: str = "leaf", **page: Any) -> web.Response:
    """Return a page; `page` is what its template names."""
    css = _css(style)
    html = _environment().get_template(f"leaf/{template}").render(t=tongue, style=Markup(css), **page)  # noqa: S704 - our own file
    answer = web.Response(text=_thin(html), content_type="text/html", status=status, headers=_headers(css))
    answer.enable_compression()
    return answer


async def form_of(request: web.Request) -> Form:
    """Return the text fields of a form; none, where it is written in an alphabet that is not what it says."""
    try:
        form = [(name, value) for name, value in (await request.post()).items() if isinstance(value, str)]
        # some of Python's alphabets, which anybody may name, bring half characters, and those no page can show
        for name, value in form:
            f"{name}{value}".encode()
    except (LookupError, ValueError):
        return MultiDictProxy(MultiDict())
    return MultiDictProxy(MultiDict(form))


def stranger(request: web.Request, accepted: Sequence[str] = ()) -> web.Response:
    """Return the page of a link that opens nothing: the same for a wrong, a late and a revoked one."""
    asked = [tag.split(";")[0].strip() for tag in request.headers.get("Accept-Language", "").split(",")]
    read = tuple(tag for tag in map(languages.normalise, (*accepted, *asked)) if tag)
    return leaf("stranger.html", Tongue((*read, "nb")), status=404)


def _headers(css: str) -> dict[str, str]:
    digest = b64encode(sha256(css.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    return {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex, nofollow",
    }


@cache
def _css(name: str) -> str:
    text = files("relay.web").joinpath(f"templates/leaf/{name}.css").read_text(encoding="utf-8")
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    text = re.sub(r"\s*([{};,>])\s*", r"\1", " ".join(text.split())).replace(";}", "}")
    return re.sub(r"(?<=[\w-]): ", ":", text)


def _thin(html: str) -> str:
    """Leave out the blanks between lines; what is in a text field keeps its own, which are written as entities."""
    return "\n".join(line for line in map(str.strip, html.splitlines()) if line)


@cache
def _environment() -> Environment:
    made = Environment(loader=PackageLoader("relay.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters["whole"] = lambda text: Markup(str(Markup("{}").format(text)).replace("\n", "&#10;"))  # noqa: S704 - escaped just before
    return made

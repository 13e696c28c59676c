"""What was refused, as a page in words: what went wrong, and the way back."""

from dataclasses import dataclass

from aiohttp import web

from relay.web import words
from relay.web.page import language_of, render


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What the page says."""

    title: str
    text: str


TITLES = {
    400: "That cannot be used as it is",
    403: "That is not allowed",
    404: "There is nothing here",
    413: "That is too large",
    503: "We are not ready",
}


async def problem(request: web.Request, status: int, text: str) -> web.Response:
    """Return the page of a refusal. Sentences that the catalogue knows are in the reader's language."""
    language = language_of(request)
    page = Problem(title=words.say(language, TITLES[status]), text=words.say(language, text))
    return await render(request, "access/problem.html", page, status=status)

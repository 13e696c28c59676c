"""What people answer, in 26 languages and every script. Anything it does not know for certain is for a person to read."""

from messages.reply.answer import Meaning, Reply
from messages.reply.danger import danger_words
from messages.reply.grammar import GUESSES, own_words, understand
from messages.reply.mail import is_automatic, text_of_html, unquoted

__all__ = ["GUESSES", "Meaning", "Reply", "is_automatic", "own_words", "reads_as", "text_of_html", "understand", "unquoted"]


def reads_as(text: str, *, mail: bool = False) -> tuple[str, ...]:
    """Return the danger words in what the person wrote, of a `mail` without quoted letters; () if there is none."""
    return danger_words(own_words(text, mail=mail))

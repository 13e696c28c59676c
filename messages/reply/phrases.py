"""Answers in words: a line that is a phrase we know, with courtesy around it, or several such phrases between commas."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from messages.reply.answer import Meaning, Reply
from messages.reply.fold import Kind, Token
from messages.reply.words import meaning_of, vocabulary

#: answers that are understood only when nothing else is written
WHOLE_BODY = frozenset((Meaning.STOP, Meaning.START, Meaning.PAUSE, Meaning.MENU))

#: answers that go together, and the one that says more
TOGETHER = {
    frozenset((Meaning.RECEIVED, Meaning.WILL_PASS)): Meaning.WILL_PASS,
    frozenset((Meaning.RECEIVED, Meaning.PASSED_ON)): Meaning.PASSED_ON,
    frozenset((Meaning.WILL_PASS, Meaning.PASSED_ON)): Meaning.PASSED_ON,
    frozenset((Meaning.RECEIVED, Meaning.CANNOT)): Meaning.CANNOT,
    frozenset((Meaning.RECEIVED, Meaning.RING_ME)): Meaning.RING_ME,
    frozenset((Meaning.WILL_PASS, Meaning.RING_ME)): Meaning.RING_ME,
    frozenset((Meaning.CANNOT, Meaning.RING_ME)): Meaning.RING_ME,
}
#: guesses that weigh less than any other answer beside them
WEAK = frozenset(("thanks", "sign"))
#: the longest courtesy in the word lists ("s'il vous plaît": an apostrophe parts words)
COURTESY_WORDS = 4


def guess(reply: Reply, *names: str) -> Reply:
    """Return `reply` with more assumptions to its name."""
    return replace(reply, guessed=tuple(dict.fromkeys((*reply.guessed, *names))))


def together(answers: Sequence[Reply]) -> Reply:
    """Make one answer of several; those that contradict each other, or speak of two alerts, are for a person to read."""
    strong = [answer for answer in answers if not WEAK.intersection(answer.guessed)] or answers
    meanings = frozenset(answer.meaning for answer in strong)
    legends = {answer.legend for answer in strong if answer.legend is not None}
    chosen = strong[0].meaning if len(meanings) == 1 else TOGETHER.get(meanings)
    if chosen is None or len(legends) > 1:
        return Reply(meaning=Meaning.MESSAGE, guessed=("several-answers",))
    said = [answer for answer in strong if answer.meaning is chosen]
    best = max(said, key=lambda answer: (answer.count is not None, answer.legend is not None))
    return best if len(meanings) == 1 else guess(best, "two-answers")


def bare(said: Sequence[Token]) -> list[Token]:
    """Take courtesy, signs and punctuation off both ends."""
    rest = list(said)
    while size := _courtesy_at(rest):
        rest = rest[size:]
    while size := _courtesy_at(rest, at_end=True):
        rest = rest[:-size]
    return rest


def _courtesy_at(said: Sequence[Token], *, at_end: bool = False) -> int:
    """Return how many tokens at one end are courtesy."""
    if said and said[-1 if at_end else 0].kind in (Kind.SIGN, Kind.DASH, Kind.BREAK):
        return 1
    words = vocabulary()
    ends = {size: joined(said[-size:] if at_end else said[:size]) for size in range(min(COURTESY_WORDS, len(said)), 0, -1)}
    return next((size for size, end in ends.items() if end in words.polite or end in words.thanks), 0)


def courtesy(said: Sequence[Token]) -> Reply | None:
    """Read a line that is all courtesy: signs, "ok" and thanks say "received", a greeting says nothing."""
    found = [meaning_of(text, ()) for text in (joined(said), *(token.text for token in said))]
    if any(answer and answer[0] is Meaning.RECEIVED for answer in found):
        return Reply(meaning=Meaning.RECEIVED, guessed=("language-word",))
    if any(token.kind is Kind.SIGN for token in said):
        return Reply(meaning=Meaning.RECEIVED, guessed=("sign",))
    thanked = any(piece in vocabulary().thanks for piece in _courtesies(said))
    return Reply(meaning=Meaning.RECEIVED, guessed=("thanks",)) if thanked else None


def _courtesies(said: Sequence[Token]) -> Iterator[str]:
    """Yield the courtesies that a line begins with, the longest there are."""
    while size := _courtesy_at(said):
        yield joined(said[:size])
        said = said[size:]


def phrase(said: Sequence[Token], languages: Sequence[str]) -> Reply | None:
    """Read words that are, taken as a whole, an answer."""
    found = meaning_of(joined(said), languages)
    if found is None:
        return None
    meaning, elsewhere = found
    return Reply(meaning=meaning, guessed=("language-word", "word-elsewhere") if elsewhere else ("language-word",))


def joined(said: Sequence[Token]) -> str:
    """Return words and numbers as one folded phrase."""
    return "".join(token.text for token in said if token.kind in (Kind.WORD, Kind.NUMBER))


def spoken(said: Sequence[Token], languages: Sequence[str]) -> Reply | None:
    """Read a line in words: as a whole, without courtesy, by clauses, or word by word (some scripts have a space for a comma)."""
    words = [[token] for token in said]
    return _plain(said, languages) or _clauses(_split(said), languages) or _clauses(words, languages)


def _plain(said: Sequence[Token], languages: Sequence[str]) -> Reply | None:
    return phrase(said, languages) or phrase(bare(said), languages)


def _clauses(clauses: Sequence[Sequence[Token]], languages: Sequence[str]) -> Reply | None:
    """Every clause must be understood: "Received. I will pass it on." is an answer, "Received. And the school?" is not."""
    answers = [_plain(clause, languages) for clause in clauses if bare(clause)]
    known = [answer for answer in answers if answer and answer.meaning not in WHOLE_BODY]
    return together(known) if known and len(known) == len(answers) else None


def _split(said: Sequence[Token]) -> list[list[Token]]:
    clauses: list[list[Token]] = [[]]
    for token in said:
        if token.kind in (Kind.BREAK, Kind.DASH):
            clauses.append([])
        else:
            clauses[-1].append(token)
    return clauses

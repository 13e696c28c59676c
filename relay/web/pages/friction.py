"""How hard it is to send: the more people, the more must be written by hand. Real and exercise are never confirmed by the same words."""

from dataclasses import dataclass

from messages.alert import Kind

#: up to so many people the button alone is enough; up to so many more their number; above, the word too
BUTTON, NUMBER = 10, 100
#: an audience so much larger than usual needs one more tick
UNUSUAL = 1.2
#: in the languages of the pages; what is written is compared without capitals
WORDS = {
    Kind.ACTUAL: {"nb": "EKTE", "nn": "EKTE", "en": "REAL"},
    Kind.EXERCISE: {"nb": "ØVELSE", "nn": "ØVING", "en": "EXERCISE"},
    Kind.TEST: {"nb": "TEST", "nn": "TEST", "en": "TEST"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Friction:
    """What must be written before an alert is sent."""

    #: "" = nothing; "42"; "EKTE 159"
    words: str
    #: how many people the last alerts went to, when this one goes to unusually many; 0 = it does not
    unusual: int = 0

    def confirmed(self, written: str) -> bool:
        """Whether what was written is what must be."""
        return " ".join(written.split()).casefold() == self.words.casefold()


def friction(kind: Kind, planned: int, usual: int, language: str) -> Friction:
    """Say what must be written to send to `planned` people; `usual`: how many alerts go to, 0 for none yet."""
    word = WORDS[kind].get(language, WORDS[kind]["nb"])
    words = "" if planned <= BUTTON else str(planned) if planned <= NUMBER else f"{word} {planned}"
    return Friction(words=words, unusual=usual if usual and planned > usual * UNUSUAL else 0)

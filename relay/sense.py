"""What no alert may say, whoever wrote it: a real one that it is an exercise."""

from collections.abc import Iterable

from messages.alert import Kind, Variant
from messages.library import unfit
from relay.model import BadInput

# in these words the pages' catalogues find them
ONLY_PLAYED = "This text is made for testing the alerts, and cannot go out as a real alert. Choose “Exercise”, or another text."


def only_played(texts: Iterable[Variant], kind: Kind) -> tuple[str, ...]:
    """Return the languages whose text is of a template that is not for alerts of this kind."""
    return tuple(text.language for text in texts if unfit(text, kind))


def fits(texts: Iterable[Variant], kind: Kind) -> None:
    """Raise BadInput when one of the texts may not be used for an alert of this kind."""
    if only_played(texts, kind):
        raise BadInput(ONLY_PLAYED)

"""How a reader types our commands. Every sentence names them as `budstikke COMMAND`; where it is shown they become what was typed."""

import os
import re

#: `./run` says here how it was called; not set: the program is called by its own name
TYPED = "BUDSTIKKE_TYPED"
NAME = "budstikke"

#: a command, not the word: in small letters, at the beginning of a sentence, a quotation or a line, or after "or", and followed by its name
_COMMAND = re.compile(rf"(?:(?<=`)|(?<=: )|(?<=or )|^){NAME}(?= (?:--)?[a-z])", re.MULTILINE)


def program() -> str:
    """Return what starts this program where its reader sits."""
    return os.environ.get(TYPED, NAME)


def as_typed(words: str) -> str:
    """Return a sentence with every command in it as its reader types it."""
    return _COMMAND.sub(lambda _: program(), words)

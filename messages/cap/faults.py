"""The one error of this package: a document that is not taken, and why."""

from messages.cap.terms import CapFault


class CapRefused(ValueError):
    """A document was refused; `words` is the sentence for the person who handed it in."""

    def __init__(self, why: CapFault, detail: str) -> None:
        """`detail` is a short phrase with the figures or the place: "line 7, element sent: …"."""
        self.why = why
        self.detail = detail
        super().__init__(self.words)

    @property
    def words(self) -> str:
        """What happened and what to do, in one English sentence."""
        return self.why.value.replace("{detail}", self.detail)


class CapUnwritable(ValueError):
    """An alert of ours cannot become valid CAP; the text says what is missing."""

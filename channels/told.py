"""A sentence that knows what it was made of, so that whoever shows it can say it in another language."""

from collections.abc import Mapping
from typing import Self


class Told(str):
    """An English sentence with its %(places)s filled, which keeps both apart, as an error does. A place may hold another such sentence."""

    __slots__ = ("sentence", "values")
    sentence: str
    values: Mapping[str, object]

    def __new__(cls, sentence: str = "", /, **values: object) -> Self:
        told = super().__new__(cls, sentence % values if values else sentence)
        told.sentence, told.values = sentence, values
        return told


NOTHING = Told()

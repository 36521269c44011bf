"""What a reader may have meant, and shapes as readers write them."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Set
from itertools import chain, count

from gradcalc.graph import Shape, extent


def free_name(taken: Container[object], *wanted: str) -> str:
    """The first wanted name that is not taken, the last one numbered if all are."""
    numbered = (f"{wanted[-1]}{k}" for k in count(1))
    return next(name for name in chain(wanted, numbered) if name not in taken)


SYNONYMS = {
    "ln": "log", "asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2", "asinh": "arcsinh",
    "acosh": "arccosh", "atanh": "arctanh", "tg": "tan", "sgn": "sign", "logistic": "sigmoid", "swish": "silu",
    "heaviside": "step", "average": "mean", "variance": "var", "stdev": "std", "stddev": "std", "product": "prod",
    "magnitude": "norm", "identity": "eye",
}  # fmt: skip
"""Functions under names that other systems use."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The known word that is nearest, or ""."""
    from difflib import get_close_matches

    candidates = sorted(set(known) - {word})
    if len(word) < 4:
        same_letters = (k for k in candidates if sorted(k) == sorted(word) and len(word) == 3)
        return next(same_letters, "")
    return next(iter(get_close_matches(word, candidates, 1, 0.75)), "")


MOST_COMPARED = 20_000
"""Pairs of names that are compared for one text."""


class Speller:
    """Tells for one text what its unknown words may mean.

    Each look goes through all known words: of a text with very many of them, only the first unknown words are told.
    """

    def __init__(self) -> None:
        self.compared = 0
        self.told: dict[str, tuple[str, str]] = {}

    def meant(self, word: str, known: Collection[str], pieces: Collection[str] | None = None) -> tuple[str, str]:
        """The known word that is nearest, and the pieces, known words too, that it is made of; "" for none."""
        if word not in self.told:
            many = self.compared >= MOST_COMPARED
            self.compared += len(known)
            self.told[word] = ("", "") if many else (
                did_you_mean(word, known), split_names(word, known if pieces is None else pieces))  # fmt: skip
        return self.told[word]


def split_names(word: str, known: Iterable[str]) -> str:
    """`W x` for `Wx` if both are known names; any number of pieces, shortest first piece first; or ""."""
    names = known if isinstance(known, Set) else set(known)
    best: list[list[str] | None] = [[]] + [None] * len(word)
    for end in range(1, len(word) + 1):
        for start in range(end):
            before = best[start]
            if before is not None and end - start < len(word) and word[start:end] in names:
                found = [*before, word[start:end]]
                shorter = best[end]
                if shorter is None or len(found) < len(shorter):
                    best[end] = found
    pieces = best[len(word)]
    return " ".join(pieces or ())


def shown_shape(shape: Shape) -> str:
    """`3×4`, `5×1`, `a scalar`."""
    if not shape:
        return "a scalar"
    rows, columns = extent(shape)
    return f"{rows}×{columns}"


def shown_size(number: float) -> str:
    """About how large a number is: `4.0e10`."""
    mantissa, exponent = f"{number:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}"

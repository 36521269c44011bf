"""What a batch does with every input, as one text: it goes to the workers, and into the hash of every record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from gradcalc.data import Datum, datum
from gradcalc.errors import Limits
from gradcalc.run import shaped


@dataclass(frozen=True)
class Options:
    """The options of a run: `only` are the fields of the document that are kept.

    Values are as JSON has them. Those of `settings` go before what rows have, and that goes before `data`.
    """

    of: str | None = None
    wrt: list[str] | None = None
    layout: str | None = None
    local_values: bool = False
    only: list[str] | None = None
    limits: dict[str, int] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        """As JSON; the same for the same options."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def read(cls, text: str) -> Options:
        """Options from their text."""
        return cls(**json.loads(text))

    def limited(self) -> Limits:
        """The limits."""
        return Limits(**self.limits)


def read_data(values: Mapping[str, Any]) -> dict[str, Datum]:
    """Values as JSON has them as data."""
    return {name: datum(name, value) for name, value in values.items()}


def plain(data: Mapping[str, Datum]) -> dict[str, Any]:
    """Data as JSON has them."""
    return {name: _plain(d) for name, d in data.items()}


def _plain(given: Datum) -> Any:
    number = shaped(given.array, given.shape)
    if given.labels:
        return dict(zip(given.labels, given.array.reshape(-1).tolist(), strict=True))
    return number if isinstance(number, float) else number.tolist()

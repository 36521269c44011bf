"""How large the work of each row is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """The sizes of all rows; `neuron` belongs to the rows neuron-10, neuron-200 and neuron-2000, in this order."""

    statements: int = 10_000
    fewer_statements: int = 1_000
    neuron: tuple[int, int, int] = (10, 200, 2_000)
    chain: int = 1_000
    matrix: int = 300
    weights: int = 200
    examples: int = 2_000
    rows: int = 1_000_000
    files: int = 10_000


FULL = Sizes()
QUICK = Sizes(
    statements=40, fewer_statements=10, neuron=(3, 5, 7), chain=10, matrix=4, weights=3, examples=8, rows=50, files=6
)

"""The declarations of all operations. Importing this package fills the two closed tables."""

from gradcalc.ops import (
    activations,
    adjugate,
    arithmetic,
    elementwise,
    inverses,
    kronecker,
    losses,
    multiplication,
    named,
    norms,
    powers,
    prod,
    reduction,
    sinc,
    slopes,
    softmax,
    statistics,
    structural,
    two_numbers,
)
from gradcalc.ops.table import FUNCTIONS, Function

__all__ = ["FUNCTIONS", "Function", "activations", "adjugate", "arithmetic", "elementwise", "inverses", "kronecker",
           "losses", "multiplication", "named", "norms", "powers", "prod", "reduction", "sinc", "slopes", "softmax",
           "statistics", "structural", "two_numbers"]  # fmt: skip

"""The declarations of all operations. Importing this package fills the two closed tables."""

from gradcalc.ops import (
    adjugate,
    arithmetic,
    elementwise,
    inverses,
    kronecker,
    multiplication,
    named,
    reduction,
    structural,
)
from gradcalc.ops.table import FUNCTIONS, Function

__all__ = ["FUNCTIONS", "Function", "adjugate", "arithmetic", "elementwise", "inverses", "kronecker",
           "multiplication", "named", "reduction", "structural"]  # fmt: skip

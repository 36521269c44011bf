"""The table of rewrites: what each is called, the operation it looks at, and its rule.

Each is an identity for real numbers wherever the left side is defined. It makes an expression shorter, or
moves transposes, signs and numbers to where a mathematician writes them, and none undoes another, so that the
process ends. The names are read as reasons, one beside each line of a derivation.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from gradcalc.graph import Node
from gradcalc.simplify import entries, inverses, products, reductions, sums, transposes

Rule = Callable[[Node], Node | None]


class Rewrite(Struct, frozen=True):
    """A named identity for nodes of one operation: a new node, or None where it does not apply."""

    name: str
    op: str
    rule: Rule


def _for(name: str, rule: Rule, *ops: str) -> tuple[Rewrite, ...]:
    return tuple(Rewrite(name, op, rule) for op in ops)


REWRITES: tuple[Rewrite, ...] = (
    *_for("the transpose of a constant", transposes.transpose_of_constant, "transpose"),
    *_for("a transpose of a transpose", transposes.twice_transposed, "transpose"),
    *_for("a symmetric matrix is its transpose", transposes.transpose_of_symmetric, "transpose"),
    *_for("a transpose goes inside", transposes.transpose_inside, "transpose"),
    *_for("a factor 0 gives 0", products.zero_matrix, "matmul"),
    *_for("a factor I drops out", products.identity_factor, "matmul"),
    *_for("a product takes a transpose as it lies", products.transposes_as_they_lie, "matmul"),
    *_for("a symmetric matrix is its transpose", transposes.symmetric_factor, "matmul"),
    *_for("a transpose goes inside", transposes.transposed_factors_inside, "matmul"),
    *_for("a matrix beside its inverse", inverses.inverse_beside, "matmul"),
    *_for("a matrix beside its adjugate", inverses.adjugate_beside, "matmul"),
    *_for("an inner product with a quotient by the same is a sum", entries.inner_of_quotient, "matmul"),
    *_for("numbers before a product", products.numbers_before_product, "matmul"),
    *_for("scalars before a product", products.scalars_before_product, "matmul"),
    *_for("a product with ones is a sum", products.ones_sum, "matmul"),
    *_for("an inner product is a number", products.inner_product_out, "matmul"),
    *_for("a product of diagonal matrices is entry by entry", products.two_diagonals, "matmul"),
    *_for("a diagonal matrix times a column is entry by entry", products.column_by_entries, "matmul"),
    *_for("a row times a diagonal matrix is entry by entry", products.row_by_entries, "matmul"),
    *_for("an inverse of an inverse", inverses.inverse_of_inverse, "inv"),
    *_for("the inverse of I is I", inverses.inverse_of_identity, "inv"),
    *_for("the inverse of a transpose", inverses.inverse_of_transpose, "inv", "adj"),
    *_for("the inverse of a multiple", inverses.inverse_of_multiple, "inv"),
    *_for("the adjugate over the determinant is the inverse", inverses.adjugate_over_determinant, "divide"),
    *_for("a factor 0 gives 0", entries.zero_factor, "multiply", "scale"),
    *_for("a factor 1 drops out", entries.factor_one, "multiply", "scale"),
    *_for("a stretched scalar scales", entries.stretched_factor, "multiply"),
    *_for("a quotient times its divisor", entries.times_divisor, "multiply", "scale"),
    *_for("numbers first", entries.numbers_first, "multiply", "scale"),
    *_for("scalars before a product", entries.scalars_before_entries, "multiply"),
    *_for("divisors after a product", entries.divisor_after_entries, "multiply"),
    *_for("a stretch of a multiple", entries.stretch_inside, "stretch"),
    *_for("scalars together", entries.scalars_together, "scale"),
    *_for("a product with a reciprocal is a quotient", entries.times_reciprocal, "multiply", "scale"),
    *_for("|x| sign(x) = x", entries.absolute_with_sign, "multiply"),
    *_for("equal factors are a power", entries.equal_factors, "multiply"),
    *_for("a power of a power", entries.power_of_power, "power", "square"),
    *_for("signs before a quotient", entries.signs_before_quotient, "divide", "ratio"),
    *_for("divided by 1", entries.divided_by_one, "divide", "ratio"),
    *_for("like terms", sums.like_terms, "add"),
    *_for("a common number", sums.common_number, "add"),
    *_for("a common factor", sums.common_factor, "add"),
    *_for("minus a difference", sums.minus_difference, "negative"),
    *_for("the sum of a constant", reductions.sum_of_constant, "sum"),
    *_for("scalars before a sum", reductions.numbers_before_sum, "sum"),
    *_for("the sum of products is an inner product", reductions.sum_is_inner, "sum"),
    *_for("a transpose has the same sum", reductions.sum_of_transpose, "sum"),
    *_for("a transpose has the same trace", reductions.of_transpose, "trace"),
    *_for("a transpose has the same determinant", reductions.of_transpose, "det", "logdet"),
    *_for("scalars before a trace", reductions.scalars_before_trace, "trace"),
    *_for("the trace of an outer product is an inner product", reductions.trace_of_outer, "trace"),
    *_for("the trace of a diagonal matrix", reductions.of_identity, "trace"),
    *_for("the determinant of I", reductions.of_identity, "det", "logdet"),
    *_for("the determinant of an inverse", reductions.determinant_of_inverse, "logdet"),
    *_for("the diagonal of a product or a transpose", reductions.diagonal_of, "diag"),
)
"""What is applied until nothing changes."""

BRACKETS: tuple[Rewrite, ...] = (
    *_for("a product needs no brackets", products.from_the_left, "matmul"),
    *_for("a product needs no brackets", products.entries_from_the_left, "multiply"),
    *_for("a product needs no brackets", products.scalar_on_first, "scale"),
    *_for("a product needs no brackets", products.number_on_first, "scale"),
)
"""What is applied last, for the eye: products are read from the left."""

"""Which values of a program must be looked at, so that none that is not finite goes unseen.

A value that is not finite makes what is computed from it other than finite too, or is swallowed: tanh(∞) is 1. Only
what is swallowed everywhere, and what is a result, must be looked at itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gradcalc.graph import Node

KEEPS = frozenset({"add", "negative", "multiply", "scale", "matmul", "copy", "as", "stretch", "transpose", "vec",
                   "unvec", "sum", "mean", "concat", "table"})  # fmt: skip
"""Operations whose result is not finite where an operand has an entry that is not."""
BOUNDED = frozenset({"tanh", "sigmoid", "sin", "cos", "arctan", "relu", "leaky_relu", "abs", "sign", "step", "floor",
                     "ceil", "softsign", "erf", "max", "min", "clip", "where", "compare", "share", "negative", "copy",
                     "as", "stretch", "transpose", "vec", "unvec", "index", "constant", "ones", "zeros", "eye",
                     "onehot", "diag", "concat", "table", "elu", "softplus"})  # fmt: skip
"""Operations whose result is finite where all operands are."""


def unseen(forward: Sequence[Node], results: Iterable[Node]) -> list[Node]:
    """The nodes of a forward sweep to be looked at, so that each that can be other than finite is seen.

    `results` are looked at anyway.
    """
    seen = set(results)
    users: dict[Node, list[Node]] = {}
    for node in forward:
        for operand in node.inputs:
            users.setdefault(operand, []).append(node)
    covered: set[Node] = set()
    found = []
    for node in reversed(forward):
        passed_on = any(user in covered and user.op in KEEPS for user in users.get(node, ()))
        if node in seen or passed_on:
            covered.add(node)
        elif node.op not in BOUNDED:
            covered.add(node)
            found.append(node)
    return found[::-1]

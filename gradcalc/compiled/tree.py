"""The nodes of syntax trees that code is made of, each with a place, which the compiler asks for."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING


class _Placed:
    if not TYPE_CHECKING:  # there the nodes themselves say so
        lineno = end_lineno = 1
        col_offset = end_col_offset = 0


class Name(_Placed, ast.Name):
    """A name."""


class Constant(_Placed, ast.Constant):
    """A number, None or an ellipsis."""


class Call(_Placed, ast.Call):
    """A call."""


class Attribute(_Placed, ast.Attribute):
    """An attribute of an array."""


class Subscript(_Placed, ast.Subscript):
    """An index into an array."""


class Slice(_Placed, ast.Slice):
    """A range of an index."""


class Tuple(_Placed, ast.Tuple):
    """Several at once."""


class BinOp(_Placed, ast.BinOp):
    """An operator between two."""


class UnaryOp(_Placed, ast.UnaryOp):
    """An operator before one."""


class BoolOp(_Placed, ast.BoolOp):
    """`and` and `or`."""


class Compare(_Placed, ast.Compare):
    """A comparison."""


class IfExp(_Placed, ast.IfExp):
    """A choice."""


class Assign(_Placed, ast.Assign):
    """An assignment."""


class Expr(_Placed, ast.Expr):
    """A call for what it does."""


class If(_Placed, ast.If):
    """A statement that a condition guards."""


class Return(_Placed, ast.Return):
    """The end of the function."""


class FunctionDef(_Placed, ast.FunctionDef):
    """The function."""


class arg(_Placed, ast.arg):
    """A parameter."""


class keyword(_Placed, ast.keyword):
    """An argument by name."""

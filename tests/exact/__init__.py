"""The oracle: what every operation gives exactly, in value and derivative, from mpmath.

`core` has the arithmetic (arrays of `mpf`, derivatives by differences at hundreds of digits, errors in units of the
last place); `elementwise`, `reductions`, `matrices` and `structure` say what each operation computes, in definitions
that share nothing with the kernels. `EXACT` has them all by the operation's name.
"""

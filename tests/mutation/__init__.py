"""Mutation testing: small faults put into the code one at a time, and whether a test notices each.

`python -m tests.mutation differentials` makes every mutant of a group of modules, runs the tests that reach its line,
quickest first, and writes what survived. `mutants` makes the faults, `reach` finds which tests run which lines, `trial`
runs one mutant in a process of its own, `equivalents.toml` lists the survivors that no test can tell from the
original, with the reason for each.
"""

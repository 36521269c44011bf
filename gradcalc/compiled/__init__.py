"""From nodes to a function of arrays: straight-line code that is NumPy's calls and nothing else.

`recording` takes a kernel apart into the calls of NumPy that it makes, `lowering` turns the nodes of a plan into
instructions over scalars, vectors and matrices, `code` writes these as a function, and `program` runs it in buffers
that are used again. A program computes what `evaluator` computes, and says nothing of faults: where a value is not
finite it gives up, and the evaluator, which knows what was taken and what to say, does the work.
"""

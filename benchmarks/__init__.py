"""gradcalc beside other ways to get the same gradients: time, memory, and whether the numbers agree.

    python -m benchmarks                        every row, beside every peer that is installed
    python -m benchmarks neuron hessian         the rows whose names begin so
    python -m benchmarks --quick                tiny sizes and few rounds: does it all run, do the numbers agree
    python -m benchmarks growth                 time and memory against statements, width, rows and files
    python -m benchmarks plot                   the curves of the last growth, as SVG files in docs

A row is one piece of work. gradcalc and its peers do it on the same inputs, in 64-bit floats, on equally many threads,
in the fastest way that each peer has for it, up to results that NumPy can read. They are timed in turn (A B C A B C),
and the median of each counts, so that a busy moment of the machine meets all of them alike. What a peer compiles is
compiled before. Before any is timed their numbers are compared, to 1e-10 of the largest entry: a difference ends
the run with status 1. Goals are ratios of times, and one that is missed does not change the status.

Nothing is installed: peers that are missing are named. PyTorch, JAX, autograd, CasADi, SymPy and micrograd take part.
"""

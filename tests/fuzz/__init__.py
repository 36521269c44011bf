"""Coverage-guided fuzzing of everything that reads what a person wrote.

Every input must end in a result or in a `GradcalcError` with a code of the registry, within `outcome.SECONDS` of
processor time and `outcome.MEBIBYTES` of memory, and no number that is not finite may be shown without a flag.

    targets.py    what is fuzzed: `text`, `program`, `mutation`, `setting`, `data`; each a function of bytes
    author.py     bytes to programs of the language, mostly well formed
    outcome.py    what must hold of an outcome
    worker.py     one target under atheris, counting what it really executed
    __main__.py   `python -m tests.fuzz [TARGET...] --seconds N`: runs, counted in `runs.json`
    corpus.py     the inputs that are kept in `corpus/`; `tests/test_fuzz_corpus.py` replays them without atheris

A run needs the extra `fuzz` (atheris). What a run found is minimised and kept as a test in
`tests/test_fuzz_finds.py`.
"""

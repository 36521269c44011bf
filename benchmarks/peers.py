"""The peers: which are installed, in which version, and how they are set up for a fair comparison."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import import_module, metadata
from importlib.util import find_spec
from typing import Any

# The library behind each name of the table; what is not here needs nothing but Python.
LIBRARIES = {
    "NumPy by hand": "numpy",
    "PyTorch": "torch",
    "JAX jit": "jax",
    "JAX": "jax",
    "autograd": "autograd",
    "CasADi": "casadi",
    "CasADi buffers": "casadi",
    "SymPy": "sympy",
    "micrograd": "micrograd",
}


@dataclass
class Peers:
    """The libraries that take part, with their versions, and those that do not, with the reason."""

    versions: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Whether a peer of the table takes part."""
        return name not in LIBRARIES or LIBRARIES[name] in self.versions


def assemble(chosen: Iterable[str] | None, threads: int) -> Peers:
    """Import and set up the chosen libraries, all if None; one that is absent or broken is named as missing."""
    found = Peers()
    for library in dict.fromkeys(LIBRARIES.values()):
        if chosen is not None and library not in chosen:
            found.missing[library] = "not chosen"
        elif find_spec(library) is None:
            found.missing[library] = "not installed"
        else:
            try:
                _set_up(library, threads)
            except Exception as error:
                found.missing[library] = f"broken: {error}"
            else:
                found.versions[library] = metadata.version(library)
    return found


def _set_up(library: str, threads: int) -> None:
    module = import_module(library)
    if library == "torch":
        module.set_num_threads(threads)
    elif library == "jax":
        module.config.update("jax_enable_x64", True)
        # Handing a computation to another thread costs time, and where there is one thread it gains none.
        module.config.update("jax_cpu_enable_async_dispatch", threads > 1)


def micrograd_function(function: Callable[[float], float], slope: Callable[[float], float]) -> Callable[[Any], Any]:
    """A function of micrograd's `Value`, which has arithmetic and relu alone, written as its own operations are."""
    from micrograd.engine import Value

    def applied(argument: Any) -> Any:
        out = Value(function(argument.data), (argument,), function.__name__)

        def backward() -> None:
            argument.grad += slope(argument.data) * out.grad

        out._backward = backward
        return out

    return applied


def tanh_slope(x: float) -> float:
    """The derivative of tanh."""
    return 1 - math.tanh(x) ** 2

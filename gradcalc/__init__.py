"""gradcalc: a gradient calculator.

`load` and `loads` read equations, `run` and `compile` on the model that they return do the work:

    import gradcalc
    model = gradcalc.loads("f(x, y, z) = (x + y) max(y, z); x = 1, y = 2, z = 0")
    model.run().gradients["y"].value        # 5.0

Names are imported when first used, so that `import gradcalc` alone costs nothing.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Diagnostic", "GradcalcError", "Model", "load", "loads"]

if TYPE_CHECKING:
    from gradcalc.errors import Diagnostic, GradcalcError
    from gradcalc.model import Model, load, loads

_HOMES = {
    "Diagnostic": "gradcalc.errors",
    "GradcalcError": "gradcalc.errors",
    "Model": "gradcalc.model",
    "load": "gradcalc.model",
    "loads": "gradcalc.model",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'gradcalc' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)

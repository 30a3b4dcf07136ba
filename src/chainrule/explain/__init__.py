"""Floor 4: the work shown. Reads recordings; knows no public API.

Importing this package makes Python bind the name `chainrule.explain` to it, in the place of the
public function of that name. So the package can be called, and is that function.
"""

import sys
from types import ModuleType
from typing import Any

from .derivation import Derivation, explain
from .drawing import Drawing, draw

__all__ = ["Derivation", "Drawing", "draw", "explain"]


class _Callable(ModuleType):
    __wrapped__ = staticmethod(explain)  # where `inspect` finds the signature

    def __call__(self, *args: Any, **kwargs: Any) -> Derivation:
        """Explain a function: see `explain`."""
        return explain(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable

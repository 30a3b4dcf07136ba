"""The classes `ode` and `complex_ode` of `scipy.integrate`: refused where anything is traced.

Their compiled integrators (SciPy 1.18) go on calling a function that has raised. So what it raises,
or returns, is kept until they come back.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import integrate

from ..core.registry import composite
from ..ops.scipy.common import flows, refusal


def _refuse(name: str, own: Callable[..., Any]) -> None:
    @composite(own, name=f"scipy.integrate.{name}", always=True)
    def body(self: Any, t: Any, step: bool = False, relax: bool = False) -> Any:
        """Run SciPy's integrator; then raise what the right-hand side raised."""
        plain, failed = self.f, []

        def kept(t: Any, y: Any, *params: Any) -> Any:
            if not failed:
                try:
                    slope = plain(t, y, *params)
                    if not flows(slope):
                        return slope
                    raise _no_rule(name)
                except Exception as error:
                    failed.append(error)
            return np.zeros_like(y)

        if flows(t):
            raise _no_rule(name)
        self.f = kept
        try:
            result = own(self, t, step, relax)
        finally:
            self.f = plain
        if failed:
            raise failed[0]
        return result


def _no_rule(name: str) -> Exception:
    return refusal(f"scipy.integrate.{name}", "it has no rule", "use scipy.integrate.solve_ivp")


_refuse("ode.integrate", integrate.ode.integrate)
_refuse("complex_ode.integrate", integrate.complex_ode.integrate)

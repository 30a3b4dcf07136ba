"""The weather along a path, by substitution and by Df(g(t))·Dg(t); and a directional derivative."""

import numpy as np

import chainrule


def weather(p):
    x, y, z = p
    return x**2 + 5 * y + 10 * z + x * y * z


def path(t):
    return np.stack([t, t**2, t**3])


def main(t=1.5):
    substituted = chainrule.derivative(lambda t: weather(path(t)))(t)
    Df, Dg = chainrule.jacobian(weather)(path(t)), chainrule.jacobian(path)(t)
    value, along = chainrule.jvp(weather, (path(t),), (Dg,))
    print(f"by substitution          {substituted:.10g}")
    print(f"Df (1×3) times Dg (3×1)  {Df @ Dg:.10g}")
    print(f"directional derivative   {along:.10g}, of the weather {value:.6g} there")
    print(f"12t + 30t² + 6t⁵         {12 * t + 30 * t**2 + 6 * t**5:.10g}")
    return substituted, Df @ Dg, along


if __name__ == "__main__":
    main()

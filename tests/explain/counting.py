"""Counts the operations of a plain program: numbers that count what is done to them."""

import numpy as np

ARITHMETIC = """add radd sub rsub mul rmul truediv rtruediv neg abs lt le gt ge eq ne mod floordiv
""".split()


class Counter:
    def __init__(self):
        self.total = 0

    def of(self, x):
        a = np.asarray(x, float)
        out = np.frompyfunc(lambda v: Counted(float(v), self), 1, 1)(a)
        return out


class Counted:
    """A number: each operation on it is one, an elementary function and a power too."""

    def __init__(self, value, counter):
        self.value, self.counter = value, counter

    def __pow__(self, n):
        return self.done(self.value ** getattr(n, "value", n))

    def __rpow__(self, base):
        return self.done(base**self.value)

    def done(self, value):
        self.counter.total += 1
        return value if isinstance(value, bool | np.bool_) else Counted(value, self.counter)

    def conjugate(self):
        return self

    def __float__(self):
        return float(self.value)

    def __hash__(self):
        return id(self)

    def __getattr__(self, name):
        if not isinstance(getattr(np, name, None), np.ufunc):
            raise AttributeError(name)
        return lambda *a: self.done(getattr(np, name)(self.value, *(float(v) for v in a)))


def _operation(name):
    def do(self, other=None):
        if other is None:
            return self.done(getattr(self.value, f"__{name}__")())
        if isinstance(other, np.ndarray):
            return NotImplemented
        return self.done(getattr(float(self.value), f"__{name}__")(float(other)))

    return do


for _name in ARITHMETIC:
    setattr(Counted, f"__{_name}__", _operation(_name))


def operations(f, *args):
    """Return how many operations a plain run takes."""
    counter = Counter()
    f(*(counter.of(a) for a in args))
    return counter.total

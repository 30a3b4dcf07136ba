"""Random programs that branch, loop, convert and store by the values that they are given.

A program is a function of an array of four numbers, written as text: statements over numbers
`s0, s1, …` and arrays `a0, a1, …`, nested in branches and loops whose conditions and counts hang on
values, with helper functions, globals, cells and attributes that a test can change.
"""

import random
from typing import Any

import numpy as np

HEAD = """
import math
import numpy as np
K = 1.25
TABLE = np.array([0.5, -1.0, 2.0, 0.25])
NAMES = {"scale": 0.75, "shift": [0.1, 0.2]}
class Box:
    def __init__(self):
        self.gain, self.rows = 1.5, np.linspace(-1.0, 1.0, 4)
    def apply(self, v):
        return self.gain * v + self.rows[1]
box = Box()
def helper(v, k=0.5):
    return np.tanh(k * v) + K
def cell():
    held = 0.9
    def inner(v):
        return held * v
    return inner
closed = cell()
"""


class Maker:
    """Writes one program."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lines: list[str] = []
        self.numbers, self.arrays = ["s0", "s1"], ["x"]
        self.count = 2

    def pick(self, *options: Any) -> Any:
        return self.random.choice(options)

    def number(self, depth: int = 2) -> str:
        r, s = self.random, lambda: self.number(depth - 1)
        if depth == 0 or r.random() < 0.3:
            return self.pick(
                r.choice(self.numbers), f"{r.choice(self.arrays)}[{r.randrange(4)}]", "K",
                f"{r.uniform(-2, 2):.2f}", "NAMES['scale']", "box.gain", f"TABLE[{r.randrange(4)}]",
            )
        return self.pick(
            f"({s()} + {s()})", f"({s()} - {s()})", f"({s()} * {s()})", f"({s()} / (2 + {s()}**2))",
            f"np.sin({s()})", f"math.cos({s()})", f"math.exp(-({s()}) ** 2)", f"abs({s()})",
            f"np.sum({self.array(depth - 1)})", f"float({s()})", f"max({s()}, {s()})",
            f"np.maximum({s()}, {s()})", f"helper({s()})", f"closed({s()})", f"box.apply({s()})",
            f"np.sqrt(1 + ({s()}) ** 2)", f"math.log(1 + ({s()}) ** 2)", f"({s()}) ** 2",
            f"({s()} if {self.condition(depth - 1)} else {s()})",
            f"np.dot({self.array(depth - 1)}, {self.array(depth - 1)})",
        )  # fmt: skip

    def array(self, depth: int = 2) -> str:
        a = lambda: self.array(depth - 1)  # noqa: E731
        if depth <= 0 or self.random.random() < 0.3:
            return self.pick(self.random.choice(self.arrays), "TABLE", "box.rows")
        return self.pick(
            f"({a()} + {a()})", f"({a()} * {self.number(depth - 1)})", f"({a()} * {a()})",
            f"np.sin({a()})", f"np.tanh({a()})", f"{a()}[::-1]", f"np.roll({a()}, 1)",
            f"np.where({a()} > {self.number(depth - 1)}, {a()}, {a()})", f"(np.cumsum({a()}) / 4)",
            f"np.array([{', '.join(self.number(0) for _ in range(4))}])", f"helper({a()})",
            f"np.sort({a()})", f"(np.outer({a()}, {a()}) @ {a()} / 4)", f"np.exp(-({a()}) ** 2)",
        )  # fmt: skip

    def condition(self, depth: int = 1) -> str:
        test = f"{self.number(depth)} {self.pick('<', '>', '<=', '>=')} {self.number(depth)}"
        return self.pick(test, test, test, f"np.any({self.array(depth)} > {self.number(0)})",
                         f"not ({test})", f"({test}) and {self.number(0)} > 0")  # fmt: skip

    def statement(self, room: str, depth: int) -> None:
        kind, add = self.random.random(), lambda line: self.lines.append(room + line)
        if kind < 0.25:
            name = self.pick(*self.numbers, f"s{self.count}")
            add(f"{name} = {self.number()}")
            self.know(name, self.numbers, room)
        elif kind < 0.4:
            name = f"a{self.count}"
            add(f"{name} = {self.array()}")
            self.know(name, self.arrays, room)
        elif kind < 0.5:
            name = f"a{self.count}"
            add(f"{name} = {self.pick('np.zeros(4)', 'np.array(x)', 'np.copy(TABLE)', 'x * 1.0')}")
            self.know(name, self.arrays, room)
            add(f"{name}[{self.random.randrange(4)}] {self.pick('=', '+=', '*=')} {self.number()}")
            if self.random.random() < 0.5:
                add(f"{name}[1:3] = {self.array(1)}[:2]")
        elif kind < 0.62 and depth:
            add(f"if {self.condition()}:")
            self.block(room + "    ", depth - 1)
            if self.random.random() < 0.6:
                add("else:")
                self.block(room + "    ", depth - 1)
        elif kind < 0.74 and depth:
            low, count = self.random.randint(1, 3), f"int(2 * abs({self.number(0)})) % 4"
            add(f"for i in range({self.pick(str(low), str(low), count)}):")
            self.block(room + "    ", depth - 1)
        elif kind < 0.8 and depth:
            name = f"s{self.count}"
            add(f"{name} = {self.number(1)}")
            self.know(name, self.numbers, room)
            add(f"while abs({name}) > 0.5:")
            add(f"    {name} = {name} * 0.5 + 0.01 * np.tanh({self.number(0)})")
        elif kind < 0.85:
            add("try:")
            add(f"    s1 = math.sqrt({self.number(1)})")
            add("except ValueError:")
            add(f"    s1 = {self.number(1)}")
        else:
            add(f"s0 {self.pick('+=', '-=', '+=')} {self.number()}")

    def know(self, name: str, names: list[str], room: str) -> None:
        self.count += 1
        if len(room) == 4 and name not in names:
            names.append(name)

    def block(self, room: str, depth: int) -> None:
        for _ in range(self.random.randint(1, 3)):
            self.statement(room, depth)

    def text(self) -> str:
        """Return the program: a function `f` of `x`."""
        for _ in range(self.random.randint(2, 6)):
            self.statement("    ", 2)
        body = "\n".join(self.lines)
        result = f"s0 + 0.5 * s1 + np.sum({self.random.choice(self.arrays)})"
        return f"{HEAD}\ndef f(x):\n    s0, s1 = x[0] * 0.5, x[1]\n{body}\n    return {result}\n"


def program(seed: int) -> tuple[Any, dict[str, Any], str]:
    """Return the function, its namespace and its text."""
    text = Maker(seed).text()
    space: dict[str, Any] = {"__name__": "program", "__file__": f"/program{seed}.py"}
    exec(compile(text, f"/program{seed}.py", "exec"), space)
    return space["f"], space, text


def points(seed: int, count: int) -> list[np.ndarray]:
    """Return points near and far, at which the program may branch otherwise."""
    rng = np.random.default_rng(seed)
    first = rng.uniform(-1.5, 1.5, 4)
    away = [first + rng.normal(0, s, 4) for s in (0.01, 0.1, 1.0, 1.0)]
    return [first, first + 1e-3, first * 1.01, *away][:count]


CHANGES = (
    "K = K + 0.5", "TABLE[2] += 1.0", "NAMES['scale'] = 1.5", "box.gain = 2.5",
    "box.rows[1] = 3.0", "helper.__defaults__ = (0.8,)", "TABLE = TABLE * 2",
    "closed.__closure__[0].cell_contents = 1.7", "NAMES['shift'].append(1.0)",
    "helper = lambda v, k=1.0: v * k", "box = Box()", "Box.apply = lambda self, v: 3.0 * v",
    "np_sin = np.sin",
)  # fmt: skip

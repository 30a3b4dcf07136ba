"""Random NumPy programs, as source text: branches, broadcasting, reductions, products, loops."""

import linecache

import numpy as np

UNARY = (
    "np.sin({a})", "np.cos({a})", "np.tanh({a})", "np.exp(0.3 * {a})", "np.log(1.5 + {a} ** 2)",
    "np.sqrt(2.0 + {a} * {a})", "{a} ** 2", "{a} ** 3", "-{a}", "1 / (2 + {a} ** 2)", "0.5 * {a}",
    "np.abs({a})", "{a} - 1.25", "3 - {a}", "np.square({a})", "np.arctan({a})",
    "np.maximum({a}, 0.1)", "np.where({a} > 0, {a}, 0.2 * {a})",
)  # fmt: skip
BINARY = (
    "{a} + {b}", "{a} - {b}", "{a} * {b}", "{a} / (1 + {b} ** 2)", "np.maximum({a}, {b})",
    "np.where({a} > {b}, {a}, {b})", "{a} * {a} - {b}", "np.minimum({b}, {a})",
)  # fmt: skip
SHAPED = (
    ("np.sum({a})", ()), ("np.mean({a})", ()), ("np.sum({a}, axis=0)", 0),
    ("np.sum({a}, axis=-1, keepdims=True)", "keep"), ("{a}.T", "T"), ("{a}[0]", 0),
    ("{a}[:, None] * 2", "wide"), ("{a}[::2]", "half"), ("{a}.reshape(-1)", "flat"),
    ("np.max({a})", ()), ("np.cumsum({a}, axis=0)", "same"),
)  # fmt: skip


class Program:
    """A function of one to three parameters, its source, and a point."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.seed = seed
        self.lines = []
        self.values = {}
        shapes = [(), (3,), (2, 3), (3, 2), (4, 3), (1, 3), (3, 1)]
        scalar = seed % 3 == 0
        for name in ("x", "y", "w")[: 1 + int(self.rng.integers(3))]:
            shape = () if scalar else shapes[int(self.rng.integers(len(shapes)))]
            self.values[name] = np.round(self.rng.uniform(-2, 2, shape), 3)
        self.inputs = dict(self.values)
        self.known = dict(self.values)
        for _ in range(2 + int(self.rng.integers(6))):
            self.step()
        self.finish()
        self.build()

    def pick(self):
        names = list(self.known)
        weights = np.arange(1, len(names) + 1, dtype=float)
        return names[int(self.rng.choice(len(names), p=weights / weights.sum()))]

    def step(self):
        a, b = self.pick(), self.pick()
        kind = int(self.rng.integers(10))
        if kind < 4:
            text = str(self.rng.choice(UNARY)).format(a=a)
        elif kind < 7:
            text = str(self.rng.choice(BINARY)).format(a=a, b=b)
        elif kind < 8 and np.ndim(self.known[a]) and np.ndim(self.known[b]):
            text = f"{a} @ {b}"
        elif np.ndim(self.known[a]):
            text = SHAPED[int(self.rng.integers(len(SHAPED)))][0].format(a=a)
        else:
            return
        name = str(self.rng.choice(["h", "z", f"t{len(self.lines)}", f"u_{len(self.lines)}"]))
        try:
            with np.errstate(all="raise"):
                value = eval(text, {"np": np}, self.known)
        except Exception:
            return
        if np.ndim(value) > 3 or np.size(value) > 40 or np.max(np.abs(value)) > 1e3:
            return
        if self.rng.integers(4) == 0 and np.shape(value) == np.shape(self.known[a]):
            self.lines.append(f"for _ in range(2):\n        {a} = np.tanh({text})")
            for _ in range(2):
                self.known[a] = np.tanh(eval(text, {"np": np}, self.known))
            return
        self.lines.append(f"{name} = {text}")
        self.known[name] = value

    def finish(self):
        terms = [f"np.sum({n})" if np.ndim(v) else n for n, v in self.known.items()]
        last = " + ".join(terms[-3:])
        self.lines.append(f"return {last}")

    def build(self):
        head = f"def f({', '.join(self.inputs)}):"
        self.source = head + "\n    " + "\n    ".join(self.lines) + "\n"
        file = f"program_{self.seed}.py"
        linecache.cache[file] = (len(self.source), None, self.source.splitlines(True), file)
        space = {"np": np}
        exec(compile(self.source, file, "exec"), space)
        self.function = space["f"]
        self.args = tuple(self.inputs.values())

"""Random programs of stores into buffers and views, as source text.

A program is made statement by statement while it runs in plain NumPy, so its shapes fit; what NumPy
refuses is kept as a statement that must be refused.
"""

from typing import Any

import numpy as np

PLAIN = np.array([[0.5, -1.5, 2.0], [1.0, 0.25, -0.75], [-0.5, 1.25, 0.75]])
SHAPES = ((3,), (4,), (2, 3), (3, 3), (2, 2, 2))
UNARY = ("np.sin({})", "np.tanh({})", "np.cos({})", "np.square({}) * 0.3", "-{}", "{} * {}")
SLICES = ("1:", ":-1", "::-1", "::2", ":", "0", "-1", "...", "None", "1", "0:2")


class Maker:
    """Makes one program. `rng` decides; `lines` hold the statements, `names` the arrays alive."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.shape = self.pick(SHAPES)
        self.x = self.rng.uniform(-1, 1, self.shape)
        self.space: dict[str, Any] = {"np": np, "x": self.x.copy(), "PLAIN": PLAIN}
        self.lines: list[tuple[str, bool]] = []  # the statement, and whether NumPy refuses it
        self.names = ["x"]
        self.add("C = PLAIN.copy()")
        for make in (self.created, self.created):
            make()

    def pick(self, options: Any) -> Any:
        return options[self.rng.integers(len(options))]

    def chance(self, p: float) -> bool:
        return bool(self.rng.random() < p)

    def add(self, line: str, name: str = "") -> None:
        """Run a statement; keep it, also as one that is refused."""
        known = set(self.space)
        before = {k: v.copy() for k, v in self.space.items() if type(v) is np.ndarray}
        try:
            with np.errstate(all="ignore"):
                exec(line, self.space)
        except (ValueError, IndexError, TypeError):
            changed = any(not np.array_equal(v, self.space[k]) for k, v in before.items())
            for new in set(self.space) - known:
                del self.space[new]
            if not changed:
                self.lines.append((line, True))
            return
        arrays = [v for v in self.space.values() if isinstance(v, np.ndarray)]
        if any(not np.all(np.abs(a) < 1e3) or a.size > 64 for a in arrays):
            self.lines.append((line, False))
            self.lines.append(("raise OverflowError", False))
            raise OverflowError
        self.lines.append((line, False))
        if name and isinstance(self.space[name], np.ndarray):
            self.names.append(name)

    def fresh(self) -> str:
        return f"a{len(self.lines)}"

    def array(self) -> str:
        filled = [w for w in self.names if self.of(w).size]
        return str(self.pick(filled if self.chance(0.9) else self.names))

    def of(self, name: str) -> Any:
        return self.space[name]

    def number(self) -> str:
        return str(self.pick(("0.5", "-0.7", "1.3", "2.0", "0.0")))

    def scalar(self) -> str:
        w = self.array()
        return str(self.pick((
            self.number(), f"np.sum({w}) * 0.2", f"{w}.sum() * 0.3", f"np.sin(np.max({w}))",
            f"{w}[{self.element(w)}]", f"{w}[{self.element(w)}] * {self.number()}",
        )))  # fmt: skip

    def element(self, w: str) -> str:
        shape = self.of(w).shape
        return ", ".join(str(self.rng.integers(-n, n)) for n in shape if n) or "()"

    def value(self, shape: tuple[int, ...]) -> str:
        """An expression to be stored into an array of this shape; now and then it does not fit."""
        fits = [w for w in self.names if self.of(w).shape == shape]
        sized = [w for w in self.names if self.of(w).size == int(np.prod(shape))]
        kind = self.rng.integers(9)
        if kind < 4 and fits:
            w = self.pick(fits)  # one axis: NumPy's copy of strides that overlap is no copy
            bare = w if len(shape) > 1 else f"{w} * 1"
            return str(self.pick((bare, *UNARY))).replace("{}", w)
        if kind == 4 and sized:
            return f"np.reshape({self.pick(sized)} * 1, {shape})"
        if kind == 5 and len(shape) == 1:
            return "[" + ", ".join(self.scalar() for _ in range(shape[0])) + "]"
        if kind == 6 and shape[-1:] == (3,):
            return f"C[{self.rng.integers(3)}]"
        if kind == 7:
            return f"{self.array()} * 1"
        return self.scalar()

    def index(self, v: str) -> str:
        """An index of `v`: slices, numbers, masks, arrays of numbers with repeats."""
        shape = self.of(v).shape
        kind = self.rng.integers(10)
        if not shape:
            return str(self.pick(("...", "()")))
        if kind < 4:
            return str(self.pick(SLICES))
        if kind < 6:
            count = int(self.rng.integers(1, len(shape) + 1))
            return ", ".join(str(self.pick(SLICES[:-3])) for _ in range(count))
        if kind == 6:
            return f"{v} > {self.pick(('0', '0.3', '-5'))}"
        if kind == 7:
            picks = self.rng.integers(-shape[0], max(shape[0], 1), 3).tolist()
            made = f"np.array({picks}, dtype=int)"
            return str(self.pick((str(picks), made, f"{picks[:2]}, ...")))
        if kind == 8 and len(shape) > 1:
            rows, columns = (self.rng.integers(0, max(n, 1), 2).tolist() for n in shape[:2])
            made = f"np.array({rows}, dtype=int), :1"
            return str(self.pick((f"{rows}, {columns}", made, f":1, {columns}")))
        return self.element(v)

    # --- the statements ----------------------------------------------------------------------
    def created(self) -> None:
        name, w = self.fresh(), self.array()
        shape = self.pick((*SHAPES, self.shape, self.shape))
        flat = ", ".join(self.scalar() for _ in range(3))
        self.add(f"{name} = " + self.pick((
            f"np.zeros({shape})", f"np.ones({shape})", f"np.full({shape}, {self.scalar()})",
            f"np.array([{flat}])", f"np.array([[{flat}], [{flat}]])", f"np.zeros_like({w})",
            f"{w}.copy()", f"np.copy({w})", f"np.array({w})", f"np.sin({w})", f"{w} * 1.0",
            f"{w} * {w}", "np.array(PLAIN)", "np.array(C[0])", "np.eye(3)",
            f"np.zeros({shape}, dtype=int)", f"np.linspace(0, 1, {self.rng.integers(2, 5)})",
            f"np.ones_like({w})", f"np.stack([{w}, {w}])", f"np.where({w} > 0, {w}, 0.5)",
            f"np.concatenate([{w}, {w}])", f"np.empty({shape}); {name}[...] = {self.value(shape)}",
        )), name)  # fmt: skip

    def viewed(self) -> None:
        name, v = self.fresh(), self.array()
        n = self.of(v).size
        self.add(f"{name} = " + self.pick((
            f"{v}[{self.pick(SLICES)}]", f"{v}[{self.pick(SLICES)}, {self.pick(SLICES[:-3])}]",
            f"{v}.T", f"{v}.reshape(-1)", f"{v}.ravel()", f"np.swapaxes({v}, 0, -1)",
            f"np.transpose({v})", f"{v}.diagonal()", f"np.broadcast_to({v}, (2,) + {v}.shape)",
            f"np.expand_dims({v}, 0)", f"np.squeeze({v})", f"np.atleast_2d({v})",
            f"np.split({v}, 2)[1]", f"np.asarray({v})", f"np.moveaxis({v}, 0, -1)",
            f"np.flip({v})", f"np.rot90({v})", f"{v}.reshape({n // 2}, 2)", f"{v}[...]",
            f"{v}[{self.index(v)}]", f"np.ravel({v}[::-1])", v, f"list({v})[0]",
            f"{v}.reshape(2, -1, order='F')", f"{v}.swapaxes(0, 1)[1:]",
            f"np.hsplit({v}, 1)[0]", f"np.ravel({v}, order='F')",
        )), name)  # fmt: skip

    def stored(self) -> None:
        v = self.array()
        index = self.index(v)
        try:
            shape = np.shape(eval(f"{v}[{index}]", self.space))
        except (IndexError, ValueError, TypeError):
            shape = ()
        sign = self.pick(("=", "=", "=", "+=", "*=", "-="))
        self.add(f"{v}[{index}] {sign} {self.value(shape)}")

    def augmented(self) -> None:
        v = self.array()
        if v != "x" or self.chance(0.3):
            self.add(f"{v} {self.pick(('+=', '-=', '*='))} {self.value(self.of(v).shape)}")

    def overlapping(self) -> None:
        v = self.array()
        self.add(self.pick((
            f"{v}[1:] = {v}[:-1]", f"{v}[:-1] = {v}[1:]", f"{v}[:] = {v}[::-1]",
            f"{v}[[0, 1]] = {v}[[1, 0]]", f"{v}[0], {v}[1] = {v}[1], {v}[0]", f"{v} += {v}.T",
            f"{v}[...] = {v}.T", f"{v}[1:] += {v}[:-1]", f"{v}[::-1] *= {v}",
            f"{v}[0], {v}[-1] = {v}[-1] * 1, {v}[0] * 1", f"np.multiply({v}, {v}[::-1], out={v})",
            f"np.add({v}[1:], {v}[:-1], out={v}[1:])",
        )))  # fmt: skip

    def written_out(self) -> None:
        v = self.array()
        shape = self.of(v).shape
        a, b = self.value(shape), self.value(shape)
        w = self.array()
        same = self.pick([w for w in self.names if self.of(w).shape == shape])
        packed = self.pick([w for w in self.names if self.of(w).flags.c_contiguous])
        mask = f", where={v} > 0" if self.chance(0.4) else ""
        self.add(self.pick((
            f"np.add({a}, {b}, out={v}{mask})", f"np.multiply({a}, {b}, out={v}{mask})",
            f"np.subtract({a}, {v}, out={v}{mask})", f"np.sin({a}, out={v})",
            f"np.maximum({v}, {self.scalar()}, out={v})", f"np.sum({w}, axis=0, out={v})",
            f"np.cumsum({same}, axis=-1, out={v})", f"np.tanh({v}[::-1], out={v})",
            f"np.clip({w}, -0.5, 0.5, out={v})",
            f"np.concatenate([{w}[1:] * 1, {w}[:1] * 1], out={v})",
            f"np.negative({w}, out={v}[...])", f"np.take({w} * 1, [0, 1, 1], axis=0, out={v})",
            f"np.dot({w} * 1, {w} * 1, out={packed})", f"np.square({v}, {v})",
            f"np.add.reduce({w}, 0, None, {v})",
        )))  # fmt: skip

    def function(self) -> None:
        v = self.array()
        shape = self.of(v).shape
        n = self.of(v).size
        picks = self.rng.integers(-n, n, 3).tolist() if n else []
        rows = self.rng.integers(0, max(shape[0] if shape else 1, 1), 3).tolist()
        value, s, w = self.value(shape), self.scalar(), self.array()
        self.add(self.pick((
            f"np.copyto({v}, {value})", f"np.copyto({v}, {value}, where={v} > 0)",
            f"np.put({v}, {picks}, {w})", f"np.place({v}, {v} > 0, [{s}, {self.scalar()}])",
            f"np.putmask({v}, {v} > 0, {value})",
            f"{v}.put({picks if shape else 0}, [{s}, {s}, 0.5])",
            f"np.put_along_axis({v}, np.argmax({v}, axis=-1, keepdims=True), {s}, axis=-1)",
            f"np.fill_diagonal({v}, {s})", f"{v}.fill({s})", f"{v}.sort()", f"{v}.sort(axis=0)",
            f"np.add.at({v}, {rows}, {s})",
            f"np.add.at({v}, {rows}, {self.value((3, *shape[1:]))})",
            f"np.multiply.at({v}, {rows}, {s})", f"np.subtract.at({v}, {rows}, {s})",
            f"{v}.flat[{self.pick(('0', '1:', '::2', '-1'))}] = {s}", f"{v}.flat = {w} * 1.0",
            f"{v}.flat[{picks}] = [{s}, {s}, 0.1]", f"np.fill_diagonal({v}, [{s}, 0.5])",
            f"setattr({v}, 'real', {value})", f"{v}.partition(1)",
            f"{v}[np.triu_indices(2)] = {s}", f"{v}[np.ix_([0, 1], [1, 0])] = {s}",
            f"{v}[np.argsort({v}.ravel())[:1]] = {s}", f"{v}[tuple(np.argwhere({v} > 0).T)] *= 0.5",
            f"np.copyto({v}[1:], {w}[:-1] * 1)", f"np.add.at({v}, ({rows}, ...), {s})",
        )))  # fmt: skip

    def looped(self) -> None:
        v, w = self.array(), self.array()
        n = self.of(v).shape[0] if self.of(v).ndim else 0
        m = self.of(w).shape[0] if self.of(w).ndim else 0
        k = min(n, m)
        self.add(self.pick((
            f"for i in range({n}): {v}[i] = {self.scalar()} * (i + 1)",
            f"for i in range({k}): {v}[i] = {w}[i] * 1",
            f"for i in range(1, {n}): {v}[i] = {v}[i - 1] * 0.5 + {v}[i]",
            f"for i in range({n}): {v}[i] += {v}[i] * 0.1",
            f"for row in {v}: row *= 0.5", f"for row in {v}: row[...] = row[::-1]",
            f"for i, row in enumerate({v}): row += i * {self.scalar()}",
            f"for i in range({k}): {v}[-1 - i] -= {w}[i] * 0.3",
        )))  # fmt: skip

    def computed(self) -> None:
        name, w = self.fresh(), self.array()
        self.add(f"{name} = " + str(self.pick(UNARY)).replace("{}", w), name)

    def constant(self) -> None:
        self.add(self.pick((
            f"C[{self.rng.integers(3)}] = {self.number()}", "C *= 0.5", "C[...] = C.T",
            f"np.copyto(C, {self.number()})", "C = C + 1.0",
        )))  # fmt: skip

    def make(self, length: int) -> None:
        kinds = (
            self.created, self.viewed, self.viewed, self.stored, self.stored, self.stored,
            self.augmented, self.overlapping, self.written_out, self.function, self.looped,
            self.computed, self.constant,
        )  # fmt: skip
        for _ in range(length):
            try:
                self.pick(kinds)()
            except OverflowError:
                while self.lines.pop()[0] != "raise OverflowError":
                    pass
                self.lines.pop()
                return


def text(lines: list[tuple[str, bool]], refused: bool = True) -> str:
    """The source of a program: a function of x that returns a number, with its arrays in `seen`."""
    body = []
    for number, (line, fails) in enumerate(lines):
        if not fails:
            body.append(line)
        elif refused:
            body += ["try:", f"    {line}", f"    passed.append({number})",
                     "except (ValueError, IndexError, TypeError): pass"]  # fmt: skip
    targets = [line.split(" = ")[0] for line, fails in lines if not fails]
    made = [a for a in targets if a[0] == "a" and a[1:].isdigit()]
    names = list(dict.fromkeys(["x", *made]))
    body.append(f"arrays = [{', '.join(names)}]")
    body.append("seen[:] = arrays")
    terms = "sum(np.sum(np.sin(a * (0.5 + n))) for n, a in enumerate(arrays))"
    body.append(f"return {terms}")
    if refused:  # a function is run again beside a kink, and there another line may pass
        body.insert(0, "passed.clear()")
    return "def f(x):\n    x = x * 1.0\n" + "".join(f"    {line}\n" for line in body)

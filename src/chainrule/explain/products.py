"""How products of matrices and vectors are written: x A x as xᵀ A x, A⁻ᵀ, einsum by its letters."""


from .expr import App, Expr

TIMES, JUXTAPOSE, POWER, TRANSPOSE, ATOM = 20, 25, 30, 40, 100


class MatrixWriter:
    """The part of a writer that knows matrices; the other part writes what stands in them."""

    minus_top = "⁻ᵀ"

    def braced(self, text: str) -> str:
        """Return what may take an exponent."""
        return text

    def expr(self, e: Expr, need: int = 0) -> str:
        """Write a tree, in parentheses where its surroundings bind more strongly than `need`."""
        raise NotImplementedError

    def paren(self, text: str) -> str:
        """Put parentheses around a text."""
        raise NotImplementedError

    def word(self, name: str) -> str:
        """Write the name of a function that is no operation's own."""
        raise NotImplementedError

    def _matmul(self, e: App) -> tuple[str, int]:
        a, b = e.args
        if len(a.shape) == 1 and len(b.shape) == 1:
            return self.beside(self.row(a), self.expr(b, JUXTAPOSE + 1)), JUXTAPOSE
        if len(a.shape) == 1 and len(b.shape) == 2:  # vectors are columns
            return self.beside(self.turned(b), self.expr(a, JUXTAPOSE + 1)), JUXTAPOSE
        return self.beside(self.expr(a, JUXTAPOSE), self.expr(b, JUXTAPOSE + 1)), JUXTAPOSE

    def _inner(self, e: App) -> tuple[str, int] | None:
        """Write a product over the last axes as that of matrices which it is."""
        a, b = e.args
        ranks = len(a.shape), len(b.shape)
        if ranks == (2, 2):
            return self.beside(self.expr(a, JUXTAPOSE), self.turned(b)), JUXTAPOSE
        if ranks in ((2, 1), (1, 2)):
            a, b = (a, b) if ranks == (2, 1) else (b, a)
            return self.beside(self.expr(a, JUXTAPOSE), self.expr(b, JUXTAPOSE + 1)), JUXTAPOSE
        return None if ranks == (1, 1) else (self.call(e), ATOM)

    def _vecdot(self, e: App) -> tuple[str, int] | None:
        return None if {len(a.shape) for a in e.args} == {1} else (self.call(e), ATOM)

    def turned(self, e: Expr) -> str:
        """Write the transpose of a matrix, that of a transpose as itself."""
        if isinstance(e, App) and e.op == "transpose" and e.params.get("axes") == (1, 0):
            return self.expr(e.args[0], JUXTAPOSE + 1)
        return self.top(e)

    def call(self, e: App) -> str:
        """Write a tree as a call of a function."""
        raise NotImplementedError

    def row(self, e: Expr) -> str:
        """Write a vector as a row: that of x A is xᵀ A."""
        if isinstance(e, App) and e.op == "matmul" and len(e.args[0].shape) == 1 < len(
                e.args[1].shape):  # fmt: skip
            return self.beside(self.row(e.args[0]), self.expr(e.args[1], JUXTAPOSE + 1))
        return self.top(e)

    def _einsum(self, e: App) -> tuple[str, int]:
        """Write an index equation with its operands, as NumPy is called."""
        parts = [self.quoted(e.params["subscripts"]), *map(self.expr, e.args)]
        return f"{self.word('einsum')}{self.paren(', '.join(parts))}", ATOM

    def quoted(self, text: str) -> str:
        """Write a text between quotes."""
        return f'"{text}"'

    def _eye(self, e: App) -> tuple[str, int]:
        return f"{self.word('eye')}({e.shape[0]})", ATOM

    def _outer(self, e: App) -> tuple[str, int]:
        return f"{self.expr(e.args[0], JUXTAPOSE)} {self.top(e.args[1])}", JUXTAPOSE

    def top(self, e: Expr) -> str:
        """Write a transpose."""
        return self.expr(e, TRANSPOSE + 1) + "ᵀ"

    def _transpose(self, e: App) -> tuple[str, int] | None:
        axes = e.params.get("axes")
        return (self.top(e.args[0]), TRANSPOSE) if axes == (1, 0) else None

    def _inv(self, e: App) -> tuple[str, int] | None:
        return self.inverse(e.args[0])

    def _solve(self, e: App) -> tuple[str, int] | None:
        found = self.inverse(e.args[0])
        right = self.expr(e.args[1], TIMES + 1)
        return None if found is None else (self.beside(found[0], right), TIMES)

    _solve_again = _solve  # by the factors that are there

    def beside(self, left: str, right: str) -> str:
        """Write a product of matrices."""
        return f"{left} {right}"

    def inverse(self, a: Expr) -> tuple[str, int] | None:
        """Write the inverse of a transpose as A⁻ᵀ; others are as their records say."""
        if not isinstance(a, App) or a.op != "transpose" or a.params.get("axes") != (1, 0):
            return None
        return self.braced(self.expr(a.args[0], POWER + 1)) + self.minus_top, POWER

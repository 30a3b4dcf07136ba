"""Random programs of stores, against plain NumPy and against jets on object arrays.

Each program is run in plain NumPy, under every mode, and by the reference of `jets`: all its arrays
must be NumPy's, and its gradient, its slope and its products with the Hessian the reference's. What
NumPy refuses must be refused.
"""

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.tracing.tracer import concrete

from . import jets, storing

LENGTH = (4, 8, 14, 20)
COUNT = 20  # programs in a block


def made(source: str, **names: Any) -> tuple[Any, dict[str, Any]]:
    space = {"PLAIN": storing.PLAIN.copy(), "seen": [], "passed": [], **names}
    exec(source, space)
    return space["f"], space


def program(seed: int) -> tuple[storing.Maker, np.ndarray]:
    maker = storing.Maker(seed)
    maker.make(LENGTH[seed % len(LENGTH)])
    return maker, np.random.default_rng(seed).uniform(-1, 1, maker.shape)


def close(got: Any, want: Any, where: str) -> None:
    got, want = np.asarray(got, float), np.asarray(want, float)
    assert got.shape == want.shape, where
    scale = max(1.0, float(np.max(np.abs(want), initial=0.0)))
    error = float(np.max(np.abs(got - want), initial=0.0))
    assert error <= 1e-9 * scale, f"{where}: {got} instead of {want}"


def set_real(a: np.ndarray, _: str, value: Any) -> None:
    """Write the real part of an array of jets: of all of each jet, which NumPy 2.5 refuses."""
    a[...] = value


def examine(maker: storing.Maker, v: Any) -> bool:
    x, source = maker.x, "import numpy as np\n" + storing.text(maker.lines)
    plain, there = made(source)
    plain(x)
    want = [np.array(a) for a in there["seen"]]

    bare = storing.text(maker.lines, refused=False)
    reference, _ = made(
        bare, np=jets.Namespace(), PLAIN=storing.PLAIN.astype(object), setattr=set_real
    )  # fmt: skip
    whole = any(a.dtype.kind in "iu" for a in maker.space.values() if type(a) is np.ndarray)
    try:
        jet = reference(jets.inputs(x, v))
    except TypeError as error:  # jets cannot be cast to numbers by every loop of NumPy's
        if not whole and "not 'Jet'" not in str(error):
            raise
        return False
    if not isinstance(jet, jets.Jet):
        jet = jets.Jet(float(jet), np.zeros(x.size), 0.0, np.zeros(x.size))
    gradient, product = jet.g.reshape(x.shape), jet.h.reshape(x.shape)

    f, space = made(source)

    lenient = whole or any(0 in a.shape for a in want)  # nothing is cast, nothing is written

    def arrays_agree(mode: str) -> None:
        passed = [maker.lines[i] for i in space["passed"]]
        assert lenient or not passed, f"{mode}: {passed}"
        for number, (mine, its) in enumerate(zip(space["seen"], want, strict=True)):
            mine = concrete(mine)
            assert np.shape(mine) == its.shape, (mode, number)
            assert np.asarray(mine).dtype == its.dtype, (mode, number)
            assert np.allclose(mine, its, rtol=1e-13, atol=1e-13), (mode, number, mine, its)

    try:
        mine = cr.grad(f)(x)
    except cr.errors.ReadOnlyError:  # `add.at` writes anywhere
        return False
    except cr.ChainRuleError:  # a buffer of whole numbers takes no traced values
        if not whole:
            raise
        return False
    if lenient and space["passed"]:
        return False
    arrays_agree("grad")
    close(mine, gradient, "grad")
    value, slope = cr.jvp(f, (x,), (v,))
    arrays_agree("jvp")
    close(slope, jet.t, "jvp")
    close(value, jet.v, "value")
    close(cr.grad(lambda x: cr.jvp(f, (x,), (v,))[1])(x), product, "grad of jvp")
    arrays_agree("grad of jvp")
    close(cr.jvp(cr.grad(f), (x,), (v,))[1], product, "jvp of grad")
    close(cr.grad(lambda x: np.sum(cr.grad(f)(x) * v))(x), product, "grad of grad")
    close(cr.jvp(lambda x: cr.jvp(f, (x,), (v,))[1], (x,), (v,))[1], np.sum(product * v), "jvp²")
    _, pull = cr.vjp(f, x)
    for scale in (1.0, -2.0):  # a pullback may be called again
        close(pull(scale)[0], scale * gradient, "vjp")
    _, push = cr.linearize(f, x)
    close(push(v), jet.t, "linearize")
    close(push(v * 2), 2 * jet.t, "linearize again")
    close(plain(x), jet.v, "the reference")
    return True


def run(seed: int) -> bool:
    """Say whether the program could be differentiated; what may be refused is refused loudly."""
    maker, v = program(seed)
    try:
        with np.errstate(all="ignore"):
            return examine(maker, v)
    except Exception as error:
        shown = storing.text(maker.lines)
        raise AssertionError(f"seed {seed}, x = {maker.x.tolist()}\n{shown}") from error


@pytest.mark.seeds(15, 1000)
def test_random_programs_of_stores(block: int) -> None:
    done = [run(seed) for seed in range(block * COUNT, (block + 1) * COUNT)]
    assert sum(done) >= 0.85 * COUNT

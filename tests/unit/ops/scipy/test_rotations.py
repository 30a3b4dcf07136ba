"""scipy.spatial.transform against differences, through every representation and at the identity."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation, Slerp

import chainrule as cr
from chainrule.errors import ChainRuleError
from chainrule.numeric import differences

R = Rotation
V = np.array([[1.0, 0.5, -0.2], [0.3, -0.7, 1.1]])
FIXED = R.from_euler("xyz", [0.3, -0.4, 0.9])
STACK = R.from_rotvec(V)


def axes(p):
    return R.from_davenport(np.eye(3), "extrinsic", p)


PROGRAMS = {
    "rotvec": lambda p: R.from_rotvec(p).as_matrix(),
    "rotvec in degrees": lambda p: R.from_rotvec(60 * p, degrees=True).as_quat(),
    "quat": lambda p: R.from_quat(np.append(p, 0.3)).as_matrix(),
    "quat, scalar first": lambda p: R.from_quat([0.4, *p], scalar_first=True).as_rotvec(),
    "euler": lambda p: R.from_euler("zyx", p).as_matrix(),
    "one angle": lambda p: R.from_euler("z", p[0]).as_matrix() * p[1],
    "stacked angles": lambda p: R.from_euler("ZX", [[30, 40], p[:2] * 20], degrees=True).as_quat(),
    "matrix": lambda p: R.from_matrix(R.from_rotvec(p).as_matrix()).as_rotvec(),
    "mrp": lambda p: R.from_mrp(p).as_mrp() + R.from_mrp(p).as_rotvec(),
    "davenport": lambda p: axes(p).as_matrix(),
    "as davenport": lambda p: R.from_rotvec(p).as_davenport(np.eye(3), "extrinsic"),
    "as euler": lambda p: R.from_rotvec(p).as_euler("xyz", degrees=True),
    "as proper euler": lambda p: R.from_rotvec(p).as_euler("ZXZ"),
    "as rotvec": lambda p: R.from_quat(np.append(p, -0.8)).as_rotvec(degrees=True),
    "magnitude": lambda p: R.from_rotvec(p).magnitude(),
    "apply": lambda p: R.from_rotvec(p).apply(V),
    "apply to traced": lambda p: FIXED.apply(p) + R.from_rotvec(p).apply(p * 2, inverse=True),
    "apply many": lambda p: STACK.apply(p),
    "product": lambda p: (R.from_rotvec(p) * FIXED * R.from_euler("y", p[1])).as_quat(),
    "stack times one": lambda p: (STACK * R.from_rotvec(p)).as_rotvec(),
    "inverse": lambda p: R.from_rotvec(p).inv().as_quat(),
    "power": lambda p: (R.from_rotvec(p) ** 1.7).as_matrix() + (FIXED ** p[0]).as_matrix(),
    "whole powers": lambda p: (R.from_rotvec(p) ** -1).as_quat() * (R.from_mrp(p) ** 1).as_quat(),
    "items": lambda p: R.from_rotvec(np.stack([p, 2 * p]))[1].as_quat(),
    "slices": lambda p: sum(r.magnitude() for r in R.from_rotvec(np.stack([p, 2 * p, p]))[1:]),
    "concatenate": lambda p: R.concatenate([R.from_rotvec(p), FIXED]).as_matrix(),
    "mean": lambda p: R.from_rotvec(np.stack([p, 0.5 * p, V[0]])).mean().as_matrix(),
    "slerp": lambda p: Slerp([0, 1, 2], R.from_rotvec(np.stack([p, V[0], V[1]])))(
        [0.3, 1.6]
    ).as_matrix(),
    "slerp in time": lambda p: Slerp([0.0, 3.0], STACK)(p[0] + 1).as_rotvec(),
    "relative angle": lambda p: (R.from_rotvec(p).inv() * FIXED).magnitude() ** 2,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_against_differences(name):
    f, p = PROGRAMS[name], np.array([0.4, -0.3, 0.7])
    jacobian = cr.jacrev(f)(p)
    assert np.allclose(cr.vjp(f, p)[0], f(p), rtol=1e-12, atol=1e-14)
    for i, v in enumerate(np.eye(3)):
        want, error = differences(lambda h, v=v: f(p + h * v), step=0.02, rounds=7)
        assert np.all(abs(jacobian[..., i] - want) <= 1e-7 * abs(want) + 10 * error + 1e-9)
        assert np.allclose(cr.jvp(f, (p,), (v,))[1], jacobian[..., i], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("p", [np.zeros(3), np.array([1e-5, 0, 2e-5]), np.array([0.4, -0.3, 0.7])])
@pytest.mark.parametrize("name", ["rotvec", "apply", "matrix", "apply to traced", "product"])
def test_second_derivatives_also_at_the_identity(name, p):
    f, v = PROGRAMS[name], np.array([0.6, -0.8, 0.3])
    want, error = differences(lambda h: cr.jacrev(f)(p + h * v) @ v, step=0.05, rounds=6)
    found = cr.jacfwd(cr.jacrev(f))(p) @ v @ v
    assert np.all(abs(found - want) <= 1e-6 * abs(want) + 10 * error + 1e-7)


def test_derivatives_at_the_identity():
    found = cr.hessian(lambda v: R.from_rotvec(v).as_quat()[3])(np.zeros(3))
    assert np.allclose(found, -0.25 * np.eye(3), rtol=0, atol=1e-15)
    assert np.allclose(cr.jacobian(lambda v: R.from_rotvec(v).as_rotvec())(np.zeros(3)), np.eye(3))


def test_what_is_no_derivative():
    def f(t):
        return t * np.sum(R.from_rotvec([t, 0, 0]).approx_equal(FIXED, atol=9.0))

    assert cr.grad(f)(0.3) == 1.0
    with pytest.raises(ChainRuleError):
        cr.grad(lambda t: R.align_vectors(V * t, V)[0].magnitude())(1.1)
    assert type(FIXED.apply(V)) is np.ndarray

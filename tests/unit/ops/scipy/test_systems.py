"""Linear systems of `scipy.signal`: their classes, responses and conversions."""

import numpy as np
import pytest
import scipy.signal as ss

import chainrule as cr
from chainrule.numeric import directional

X = np.array([0.5, 1.2, 2.0])
T = np.linspace(0, 3, 16)
U = np.sin(T)


def tf(x):
    return [x[0]], [1.0, x[1], x[2]]


def space(x, scale=1.0):
    a = scale * np.array([[-x[0], 1.0], [0.0, -x[1]]])
    return a, np.array([[0.0], [1.0]]), np.array([[1.0, x[2]]]), np.array([[0.0]])


def poles(x):
    return np.array([-x[0]]), np.array([-x[1], -x[2]]), x[0]


def discrete(x):
    return *space(x, 0.1), 0.1


RIGHT = {
    "lti, freqresp": lambda x: ss.lti(*tf(x)).freqresp(w=[1.0, 2.0])[1].real,
    "lti, step": lambda x: ss.lti(*tf(x)).step(T=T)[1],
    "lti, impulse": lambda x: ss.lti(*tf(x)).impulse(T=T)[1],
    "lti, bode": lambda x: ss.lti(*tf(x)).bode(w=[1.0, 2.0])[1],
    "lti, output": lambda x: ss.lti(*tf(x)).output(U, T)[1],
    "tf, to_ss": lambda x: ss.TransferFunction(*tf(x)).to_ss().A,
    "tf, poles": lambda x: ss.TransferFunction(*tf(x)).poles.real,
    "ss, output": lambda x: ss.StateSpace(*space(x)).output(U, T)[1],
    "ss, to_tf": lambda x: ss.StateSpace(*space(x)).to_tf().num,
    "ss, to_discrete": lambda x: ss.StateSpace(*space(x)).to_discrete(0.1).A,
    "zpk, bode": lambda x: ss.ZerosPolesGain(*poles(x)).bode(w=[1.0, 2.0])[2],
    "zpk, to_tf": lambda x: ss.ZerosPolesGain(*poles(x)).to_tf().den,
    "lsim": lambda x: ss.lsim(space(x), U, T)[1],
    "lsim, steps": lambda x: ss.lsim(space(x), U, T, interp=False)[1],
    "lsim, input": lambda x: ss.lsim(space(np.ones(3)), U * x[0], T)[1],
    "lsim, state": lambda x: ss.lsim(space(x), U, T, X0=x[:2])[1],
    "lsim, no input": lambda x: ss.lsim(space(x), None, T, X0=[1.0, 2.0])[1],
    "step": lambda x: ss.step(tf(x), T=T)[1],
    "step, own times": lambda x: ss.step(space(x), N=20)[1],
    "impulse": lambda x: ss.impulse(space(x), T=T)[1],
    "freqresp": lambda x: np.abs(ss.freqresp(tf(x), w=[1.0, 2.0])[1]),
    "bode": lambda x: ss.bode(space(x), w=[1.0, 2.0])[1],
    "cont2discrete": lambda x: ss.cont2discrete(space(x), 0.1)[0],
    "cont2discrete, bilinear": lambda x: ss.cont2discrete(tf(x), 0.1, method="bilinear")[0],
    "dlti, step": lambda x: ss.dlti(*space(x, 0.1), dt=0.1).step(n=5)[1][0],
    "dlsim": lambda x: ss.dlsim(discrete(x), U)[1],
    "dlsim, times": lambda x: ss.dlsim(discrete(x), U * x[1], t=np.linspace(0, 1.05, 16))[1],
    "dimpulse": lambda x: ss.dimpulse(discrete(x), n=6)[1][0],
    "dfreqresp": lambda x: np.abs(
        ss.dfreqresp((np.array([x[0]]), np.array([1.0, x[1] / 9]), 0.1), w=[0.5, 1.0])[1]
    ),
    "ss2tf": lambda x: ss.ss2tf(*space(x))[1],
    "tf2ss": lambda x: ss.tf2ss(*tf(x))[0],
    "zpk2ss": lambda x: ss.zpk2ss(*poles(x))[0],
    "ss2zpk": lambda x: ss.ss2zpk(*space(x))[1].real,
    "a constant system": lambda x: ss.lti([1.0], [1.0, 2.0]).step(T=T)[1] * x[0],
}


@pytest.mark.filterwarnings("ignore:Badly conditioned")
@pytest.mark.parametrize("name", RIGHT)
def test_systems(name):
    f, v = RIGHT[name], np.array([0.3, -0.7, 0.5])
    value, tangent = cr.jvp(f, (X,), (v,))
    np.testing.assert_array_equal(value, f(X))
    found, error = directional(lambda x: (np.asarray(f(x)),), (X,), (v,))
    assert np.all(np.abs(np.ravel(tangent) - found) <= 20 * error + 1e-9 * (1 + np.abs(found)))
    w = np.cos(np.arange(np.size(value))).reshape(np.shape(value))
    (back,) = cr.vjp(f, X)[1](w)
    np.testing.assert_allclose(back @ v, np.sum(w * tangent), rtol=1e-9, atol=1e-12)

"""Random programs in which values pass through conversions of every kind, as source text.

A program keeps scalars (`s0`, `s1`, …) and arrays of four elements (`a0`, `a1`, …); every statement
makes one more of them out of earlier ones. Text (`str`, `repr`, `format`, `%`) gives constants by
policy (docs/policy/limits.md) and is read for its length only.
"""

import warnings
from typing import Any

import numpy as np

PRELUDE = '''
import array as arrays, bisect, cmath, collections, copy, ctypes, dataclasses, decimal, fractions
import functools, heapq, io, itertools, json, math, operator, pickle, random, statistics, struct
import tempfile
import numpy as np
from math import exp, sin as msin
from numpy import zeros, array, asarray
OUTSIDE = np.array([0.5, -1.0, 2.0, 0.25])
INTS = np.arange(4)
class Box:
    total = 0.0
    def __init__(self, v): self.v = v
    def __float__(self): return float(self.v)
    def __call__(self, u): return self.v * u
@dataclasses.dataclass
class Pair:
    first: float
    second: float = 0.5
def steps(v, n=3):
    for k in range(n):
        v = v * 0.9 + k
        yield v
def mapped():
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, float, "w+", shape=4)
def counter(v):
    def inner(u): return u * v
    return inner
'''

# scalars: {s} {t} are scalars, {a} {b} arrays, {i} an index, {c} a number
SCALARS = """
float({s})
float({a}[{i}]) * {t}
complex({s}).real
complex({s}, {t}).imag
abs(complex({s}, {t}))
abs({s} * 1j + {t})
np.float64({s})
np.float64({s}) * np.float64({t})
np.double({s})
np.float64({a}).sum()
np.complex128({s}).real
int({s}) * {t}
int({a}[{i}] * 10) * 0.1 * {t}
round({s}) * {t}
round({s}, 1) + {t}
math.floor({s}) * {t}
math.ceil({s}) + {s}
math.trunc({s} * 3) * {t}
bool({s} > {t}) * {s}
{s} if {s} > {t} else {t} * 2
{s} // 0.3 * {t}
{s} % 0.7
divmod({s}, 0.6)[1]
divmod({s}, 0.6)[0] * {t}
pow({s}, 2)
pow(2.0, {s})
pow(abs({s}) + 0.1, {t})
abs({s})
-{s}
+{s}
max({s}, {t})
min({s}, {t}, 0.5)
max({a})
min({a}) * {s}
max({a}, key=lambda v: -v)
sum({a})
sum({a}, {s})
sum(v * v for v in {a})
sum([{s}, {t}, 1.0])
sum({a}.tolist())
sorted({a})[{i}]
sorted([{s}, {t}, {c}])[1]
sorted({a}.tolist(), reverse=True)[0] * {s}
sorted({a}, key=lambda v: -float(v))[{i}]
list(reversed({a}))[{i}]
{a}.item({i})
{a}.tolist()[{i}]
{a}[{i}].item() * {s}
{a}.flat[{i}]
{a}.max() - {a}.min()
{a}.mean() * {s}
{a}.dot({b})
{a} @ {b}
{a}[np.argmax({b})]
{a}[int(np.argmin({b}))]
{a}[{b} > {s}].sum()
{a}.astype(float)[{i}]
{a}.astype(np.float64, copy=True).sum()
{a}.astype(int).sum() * {s}
{a}.astype(complex)[{i}].real
{a}.astype(object).sum()
{a}.astype(object)[{i}]
{a}.astype(str).size * {s}
np.array({s}).item()
np.array([{s}, {t}])[0]
np.array([{s}, {t}]).max()
np.array([[{s}, 1.0], [{t}, {c}]]).sum()
np.array([{s}, {t}], dtype=float).prod()
np.array([{s}, {t}], dtype=object)[0]
np.array([{s}, {t}], dtype=object).sum()
np.array([{s}, {t}], dtype=int).sum() * {s}
np.array(({s}, [1.0]), dtype=object)[0]
np.array([({s}, 1)], dtype=[("u", float), ("k", int)])["u"][0]
np.asarray({s}, dtype=float)[()]
np.asarray([{s}, {c}]).sum()
np.asarray({a}, dtype=float).sum()
np.asarray({a}, dtype=np.float32).sum() * 0 + {s}
asarray({a}.tolist())[{i}]
np.fromiter((v * 2 for v in {a}), float).sum()
np.fromiter({a}, dtype=float, count=2).sum()
np.fromiter([{s}, {t}], float)[1]
arrays.array("d", [{s}, {t}])[0]
arrays.array("d", {a})[{i}]
struct.unpack("d", struct.pack("d", {s}))[0]
struct.unpack("<2d", struct.pack("<2d", {s}, {t}))[1]
ctypes.c_double({s}).value
(ctypes.c_double * 2)({s}, {t})[0]
math.sin({s})
msin({s}) * exp({t})
math.exp(-{s} * {s})
math.sqrt({s} * {s} + 1.0)
math.atan2({s}, {t})
math.hypot({s}, {t})
math.hypot(*{a})
math.dist({a}, {b})
math.fsum({a})
math.fsum([{s}, {t}])
math.prod({a})
math.prod([{s}, {t}], start={s})
math.pow(abs({s}) + 1, {t})
math.log1p(abs({s}))
math.log(abs({s}) + 1.0, 3.0)
math.fmod({s}, 0.7)
math.modf({s})[0]
math.copysign({s}, {t})
math.fabs({s})
math.erf({s})
math.gamma(abs({s}) + 1)
math.degrees({s}) * 0.01
math.radians({s})
math.ldexp({s}, 2)
math.frexp({s})[0]
math.remainder({s}, 0.9)
math.isclose({s}, {t}) + {s}
math.isfinite({s}) * {t}
math.nextafter({s}, 10.0)
math.ulp({s}) + {t}
math.sumprod({a}.tolist(), {b}.tolist())
abs(cmath.exp({s} * 1j + {t}))
cmath.sqrt(abs({s}) + 0.1).real
cmath.polar({s} + 1j * {t})[0]
cmath.rect({s}, {t}).real
cmath.phase({s} + 1j)
statistics.mean({a})
statistics.fmean({a})
statistics.fmean([{s}, {t}])
statistics.median({a})
statistics.stdev({a})
statistics.pvariance({a})
statistics.variance([{s}, {t}, {c}])
statistics.geometric_mean([abs({s}) + 0.1, 2.0])
statistics.harmonic_mean([abs({s}) + 0.1, 2.0])
statistics.linear_regression(list({a}), list({b})).slope
statistics.correlation(list({a}), list({b}))
statistics.quantiles({a})[1]
statistics.NormalDist({s}, 1.0).pdf({t})
statistics.NormalDist(0.0, 1.0).cdf({s})
len(str({s})) * 0.0 + {t}
len(f"{{{s}:.3f}}") * {t}
len("%.2f" % {s}) * {t}
len(repr({a})) * 0.0 + {s}
len("{{}}".format({s})) * 0.0 + {t}
fractions.Fraction({s}) * 1.0
float(fractions.Fraction(float({s})))
fractions.Fraction(1, 3) * {s}
float(decimal.Decimal({s}))
float(decimal.Decimal(2) * decimal.Decimal(float({s})))
json.loads(json.dumps({s}))
json.loads(json.dumps([float({s}), {c}]))[0]
json.loads(json.dumps({{"v": {a}.tolist()}}))["v"][{i}]
json.loads(json.dumps({s}, default=float))
json.loads(json.dumps({{"v": {a}}}, default=lambda v: v.tolist()))["v"][{i}]
pickle.loads(pickle.dumps({s}))
pickle.loads(pickle.dumps({a})).sum()
pickle.loads(pickle.dumps([{s}, {t}]))[0]
copy.deepcopy({s})
copy.deepcopy([{s}, {{"k": {a}}}])[1]["k"].sum()
copy.copy({a}).sum()
memoryview({a})[{i}]
memoryview({a}).tolist()[{i}]
np.frombuffer({a}.tobytes())[{i}]
np.frombuffer({a})[{i}]
np.frombuffer(bytes({a}))[{i}]
np.frombuffer({a}.data).sum()
np.frombuffer(bytearray({a})).sum()
np.fromstring(" ".join(str(v) for v in OUTSIDE), sep=" ").sum() * {s}
{a}.view(np.int64).view(float)[{i}]
{a}.view().sum()
{a}.view(float).sum()
float.fromhex(float({s}).hex())
{s}.hex().__len__() * {t}
float({s}).as_integer_ratio()[0] * 0.0 + {t}
{s}.as_integer_ratio()[1] * 0.0 + {t}
{s}.is_integer() + {t}
{s}.conjugate()
{s}.real + {s}.imag
operator.mul({s}, {t})
operator.itemgetter({i})({a})
operator.attrgetter("v")(Box({s}))
operator.index({i}) * {s}
functools.reduce(operator.add, {a})
functools.reduce(lambda u, v: u * 0.5 + v, {a}.tolist(), {s})
functools.partial(operator.mul, {s})({t})
functools.partial(math.atan2, {s})({t})
functools.lru_cache(lambda v: v * v)({s})
functools.cache(lambda v, u: v * u)(float({s}), {t})
list(itertools.accumulate({a}, operator.mul))[-1]
sum(itertools.starmap(operator.mul, zip({a}, {b})))
sum(itertools.islice(steps({s}), 2))
sum(steps({s})) * {t}
next(steps({t})) * {s}
sum(itertools.chain({a}, [{s}]))
sum(map(math.sin, {a}))
sum(map(float, {a}))
sum(filter(lambda v: v > 0, {a}))
sum(u * v for u, v in zip({a}, {b}))
sum(u * k for k, u in enumerate({a}))
counter({s})({t})
Box({s})({t})
float(Box({s}))
Pair({s}, {t}).first
dataclasses.asdict(Pair({s}, {t}))["second"]
dataclasses.replace(Pair({s}), second={t}).second
dict(u={s}, v={t})["u"]
{{"u": {s}}}.get("u", 0.0) + {t}
collections.defaultdict(float, u={s})["u"]
collections.Counter({{"u": {s}}})["u"]
collections.deque([{s}, {t}], 1).pop()
collections.namedtuple("P", "u v")({s}, {t}).v
({s}, {t})[{s} > {t}]
[{s}, {t}][int({s} > {t})]
{{True: {s}, False: {t}}}[bool({s} > {t})]
{{{s}: 1.0}}[{s}] * {t}
{{float({s}): 2.0}}.popitem()[0]
next(iter({{{s}}}))
sum({{{s}, {t}}})
sum(set({a}.tolist()))
sum(frozenset(map(float, {a})))
hash({s}) * 0.0 + {t}
[{s}, {t}].index({t}) * {s}
({s} in {a}) + {t}
heapq.nsmallest(2, {a})[1]
heapq.nlargest(1, {a}.tolist())[0]
list(heapq.merge(sorted({a}), [{s}]))[0]
bisect.bisect(sorted({a}), {s}) * {t}
bisect.bisect([0.2, 0.8, 1.4], {s}) * {t}
random.Random(0).uniform(0.0, {s})
random.Random(1).gauss({s}, 1.0)
random.Random(2).choice({a}.tolist())
random.Random(3).sample({a}.tolist(), 2)[0]
random.Random(4).random() * {s}
np.random.default_rng(0).normal({s}, 1.0)
np.random.default_rng(0).normal(0.0, abs({s}) + 0.1)
np.random.default_rng(1).uniform({s}, {s} + 2.0)
np.random.default_rng(2).choice({a})
np.random.default_rng(3).permutation({a})[0]
np.random.default_rng(4).poisson(abs({s})) * 1.0
np.random.RandomState(0).normal({s}, 2.0)
np.vectorize(lambda v: v * v)({a}).sum()
np.vectorize(lambda v: math.sin(v), otypes=[float])({a})[{i}]
np.vectorize(lambda v, u: v if v > u else u)({a}, {s}).sum()
np.frompyfunc(lambda v: v * v, 1, 1)({a}).sum()
np.frompyfunc(lambda u, v: u * v, 2, 1)({a}, {b})[{i}]
np.apply_along_axis(lambda v: float(v.sum()), 0, {a})[()]
np.apply_along_axis(lambda v: v.max(), 0, np.outer({a}, {b}))[{i}]
np.apply_over_axes(np.sum, {a}, [0])[0]
np.add.reduce({a})
np.multiply.reduce({a}, initial={s})
np.maximum.reduce({a})
np.add.accumulate({a})[{i}]
np.multiply.accumulate({a})[-1]
np.multiply.outer({a}, {b}).sum()
np.add.reduceat({a}, [0, 2])[1]
np.hypot.reduce({a})
np.subtract.accumulate({a})[-1]
np.sum({a}, where={b} > {s}, initial={t})
np.where({a} > {s}, {a}, {b}).sum()
np.select([{a} > {s}, {a} > 0.1], [{a}, {b}], {t}).sum()
np.choose([0, 1, 0, 1], [{a}, {b}]).sum()
np.piecewise({a}, [{a} > {s}], [lambda v: v * v, 0.5]).sum()
np.piecewise({a}, [{a} > 0.5], [{s}, {t}]).sum()
np.clip({a}, {s}, {s} + 1.0).sum()
np.interp({s}, [0.0, 1.0, 2.0], [{s}, {t}, 1.0])
np.interp({s}, INTS, {a})
np.polyval({a}, {s})
np.poly1d({a})({s})
np.polynomial.Polynomial({a})({s})
({s} * np.polynomial.Polynomial([1.0, 2.0]))(0.5)
np.trapezoid({a}, dx={s})
np.dot({a}, OUTSIDE)
np.nditer({a}).__next__().sum()
sum(float(v) for v in np.nditer({a}))
sum(v * k[0] for k, v in np.ndenumerate({a}))
sum({a}[k] for k in np.ndindex(4))
sum({a}.flat)
{a}.flat[1:3].sum()
np.lib.stride_tricks.sliding_window_view({a}, 2).sum()
np.lib.stride_tricks.as_strided({a}, (2,), (16,)).sum()
np.ma.array({a}, mask=[0, 1, 0, 0]).sum()
np.ma.masked_less({a}, {s}).sum()
np.ma.masked_array({a}).filled(0.0)[{i}]
np.matrix([[{s}, {t}]]).sum()
np.asmatrix({a}).sum()
np.asmatrix(OUTSIDE)[0, 1] * {s}
np.histogram({a}, weights={b}, bins=2, range=(-100, 100))[0].sum()
np.bincount([0, 1, 1, 0], weights={a})[1]
np.digitize({s}, [0.2, 0.8]) * {t}
np.searchsorted(np.sort({a}), {s}) * {t}
np.unique({a}).sum()
np.count_nonzero({a} > {s}) * {t}
np.median({a})
np.percentile({a}, 30.0)
np.isclose({s}, {t}) * {s}
np.array_equal({a}, {b}) * {s}
np.nan_to_num({a}).sum()
np.real({s} + 1j * {t})
np.angle({s} + 1j * {t})
np.linalg.norm({a})
np.linalg.solve(np.diag({a} + 3.0), {b}).sum()
np.einsum("i,i->", {a}, {b})
np.loadtxt(io.StringIO("1.5")) * {s}
np.r_[{s}, {a}].sum()
np.r_[{s}:{s} + 2.0:3j].sum()
np.c_[{a}, {b}].sum()
np.block([{a}, {b}]).sum()
np.linspace({s}, {t}, 3).sum()
np.arange({s}, {s} + 2.5).sum()
np.full(3, {s}).sum()
np.full_like(INTS, {s}).sum() + {t}
np.full((2,), {s}, dtype=int).sum() + {t}
np.tile({s}, 3).sum()
np.repeat({a}, 2).sum()
np.append({a}, {s}).sum()
np.insert({a}, 1, {s}).prod()
np.ldexp({s}, 2)
np.frexp({a})[0].sum()
np.modf({s})[0]
np.spacing({s}) + {t}
np.nextafter({s}, 5.0)
np.trunc({s} * 3) * {t}
np.heaviside({s}, 0.5) * {t}
np.sign({s}) * {t}
np.fix({s}) + {s}
np.float32({s}) * 0 + {t}
np.int64({s} * 4) * {t}
np.bool_({s} > 0.5) * {t}
np.datetime64("2020-01-01").astype(float) * 0.0 + {s}
type({s})(2.0) * {t}
type({s})({t})
{s}.__class__({t})
{s}.__float__() * {t}
{s}.__mul__({t})
getattr({a}, "sum")()
eval("u * v", {{"u": {s}, "v": {t}}})
vars(Box({s}))["v"]
Box.__call__(Box({s}), {t})
(lambda v={s}: v * 2)()
(lambda *v: v[0])({s}, {t})
(lambda **v: v["u"])(u={s})
""".strip().splitlines()

# arrays of four elements
ARRAYS = """
{a} * {s}
{a} + {b}
np.sin({a})
{a}.copy()
{a}[::-1]
{a}.T * 1.0
np.array({a})
np.array({a}.tolist())
np.array([v for v in {a}])
np.array([float(v) for v in {a}])
np.array([{s}, {t}, 1.0, {s}])
np.array([*{a}][::-1])
np.array(list(map(float, {a})))
np.array(tuple({a}), dtype=float)
np.asarray({a}) * 1.0
np.fromiter(({s} * k for k in range(4)), dtype=float)
np.concatenate([{a}[:2], [{s}, {t}]])
np.stack([{s}, {t}, {s}, {t}])
np.hstack([{a}[:3], {s}])
np.where({a} > {s}, {a}, {t})
np.sort({a})
np.take({a}, [3, 0, 1, 1])
np.roll({a}, 1)
np.cumsum({a})
np.frompyfunc(math.sin, 1, 1)({a}).astype(float)
np.vectorize(math.sin)({a})
np.array(list({a}), dtype=object).astype(float)
np.outer({a}, {b})[1]
np.diag({a}).sum(axis=0)
np.reshape({a}, (2, 2)).T.ravel()
np.maximum({a}, {b})
np.random.default_rng(5).permutation({a})
np.array(sorted({a}))
np.array(pickle.loads(pickle.dumps({a}.tolist())))
np.array([Box(v).v for v in {a}])
np.array([math.exp(-v * v) for v in {a}])
np.array(list(zip({a}, {b}))).sum(axis=1)
np.array(json.loads(json.dumps([float(v) for v in {a}])))
{a}.reshape(2, 2).tolist()[0] + {a}.tolist()[2:]
OUTSIDE * {s}
OUTSIDE + {a}
""".strip().splitlines()

# statements that fill a new array {n} of four elements; NumPy's stores and their like
FILLS = """
{n} = np.zeros(4); {n}[{i}] = {s}
{n} = zeros(4); {n}[:] = {a}
{n} = np.empty(4); {n}.fill({s})
{n} = np.ones(4); {n} *= {a}
{n} = np.zeros(4); {n} += {s}; {n}[{i}] -= {t}
{n} = np.zeros_like({a}); {n}[1:] = {a}[:-1]
{n} = np.zeros(4); {n}.flat[{i}] = {s}
{n} = np.zeros((2, 2)); {n}.T[0] = {a}[:2]; {n} = {n}.ravel()
{n} = np.zeros(4); {n}.T[...] = {a}
{n} = np.zeros(4); np.copyto({n}, {a})
{n} = np.zeros(4); np.copyto({n}, {a}, where={b} > {s})
{n} = np.zeros(4); np.put({n}, [0, {i}], [{s}, {t}])
{n} = {a} * 1.0; np.place({n}, {n} > {s}, [{t}])
{n} = {a} * 1.0; np.putmask({n}, {n} > 0.5, {b})
{n} = np.zeros(4); np.add.at({n}, [0, 0, {i}], {s})
{n} = np.ones(4); np.multiply.at({n}, [1, 1], {s})
{n} = np.ones(4); np.subtract.at({n}, INTS, {a})
{n} = np.zeros(4); np.add({a}, {b}, out={n})
{n} = np.zeros(4); np.sin({a}, out={n})
{n} = np.zeros(4); np.cumsum({a}, out={n})
{n} = np.zeros(4); np.add({a}, {s}, out={n}, where={b} > {t})
{n} = np.zeros(4); np.multiply({a}, {b}, {n})
{n} = np.zeros(4, dtype=int); {n}[{i}] = {s}
{n} = np.zeros(4, dtype=int); {n}[:] = {a}
{n} = np.zeros(4, dtype=int); {n} += {a}
{n} = np.zeros(4, dtype=np.float32); {n}[:] = {a}; {n} = {n} * 0.0 + {b}
{n} = np.zeros(4, dtype=complex); {n}[:] = {a}; {n} = {n}.real
{n} = np.zeros(4, dtype=complex); {n}.imag = {a}; {n} = {n}.imag * 2.0
{n} = np.zeros(4, dtype=bool); {n}[:] = {a} > {s}; {n} = {n} * {b}
{n} = np.zeros(4, dtype=object); {n}[{i}] = {s}; {n} = {n}.astype(float)
{n} = np.empty(4, dtype=object); {n}[:] = {a}; {n} = np.array(list({n}))
{n} = np.empty(4, dtype=object); {n}[:] = [{s}, {t}, 1.0, {s}]; {n} = {n} * 2.0
{n} = np.zeros(4, dtype=[("u", float)]); {n}["u"] = {a}; {n} = {n}["u"]
{n} = np.zeros(4, dtype=[("u", float)]); {n}[{i}] = ({s},); {n} = {n}["u"]
{n} = np.zeros(4, dtype=[("u", float)]).view(np.recarray); {n}.u[:] = {a}; {n} = {n}.u
{n} = np.ma.zeros(4); {n}[{i}] = {s}; {n} = {n}.filled()
{n} = np.ma.masked_array(np.zeros(4), mask=[0, 1, 0, 1]); {n} = ({n} + {a}).filled(0.5)
{n} = np.matrix(np.zeros((2, 2))); {n}[0, 1] = {s}; {n} = np.asarray({n}).ravel()
{n} = OUTSIDE.copy(); {n}[{i}] = {s}
{n} = OUTSIDE.copy(); {n} += {a}
{n} = np.copy(OUTSIDE); {n}[{i}] = {s}
{n} = OUTSIDE[::-1].copy(); {n} *= {s}
{n} = copy.deepcopy(OUTSIDE); {n}[{i}] = {s}
{n} = mapped(); {n}[:] = {a}; {n} = np.array({n})
{n} = arrays.array("d", [0.0] * 4); {n}[{i}] = {s}; {n} = np.array({n})
{n} = (ctypes.c_double * 4)(); {n}[{i}] = {s}; {n} = np.array({n})
{n} = bytearray(32); struct.pack_into("d", {n}, 8, {s}); {n} = np.frombuffer({n})
{n} = memoryview(np.zeros(4)); {n}[{i}] = {s}; {n} = np.asarray({n})
{n} = np.frombuffer(bytearray(32)); {n}[{i}] = {s}
{n} = np.ndarray(4); {n}[:] = {a}
{n} = np.ndarray(4, buffer=bytearray(32)); {n}[:] = {a}
{n} = np.zeros(4); memoryview({n})[{i}] = 2.0; {n} = {n} * {s}
{n} = np.zeros(4); np.lib.stride_tricks.as_strided({n}, (2,), (16,))[:] = {s}
{n} = np.zeros(4); np.nditer({n}, op_flags=["readwrite"]).__next__()[...] = {s}
{n} = np.zeros(4); {n}.setfield({s}, float); {n} = {n} * 1.0
{n} = np.zeros(4); {n}.put([{i}], {s})
{n} = np.zeros(4); {n}.itemset({i}, {s})
{n} = np.zeros(4); {n}.__setitem__({i}, {s})
{n} = np.zeros(4); operator.setitem({n}, {i}, {s})
{n} = np.zeros(4); operator.iadd({n}, {a})
{n} = np.zeros(4); {n}[...], u = {a}, {s}; {n} = {n} * u
{n} = np.zeros(4); w = {n}[1:3]; w[:] = {s}; {n}[1] += {t}
{n} = np.zeros(4); w = {n}.reshape(2, 2); w[1] = {a}[:2]
{n} = np.zeros((4, 2)); {n}[:, 1] = {a}; {n} = {n}.sum(axis=1)
{n} = np.eye(4); np.fill_diagonal({n}, {a}); {n} = {n} @ {b}
{n} = {a} * 1.0; {n}.sort()
{n} = {a} * 1.0; {n}.sort(); {n} = {n}[::-1] * {s}
{n} = {a} * 1.0; np.random.default_rng(6).shuffle({n})
{n} = {a}.tolist(); random.Random(5).shuffle({n}); {n} = np.array({n})
{n} = []; {n}.extend({a}); {n} = np.array({n})
{n} = []; [{n}.append(v * {s}) for v in {a}]; {n} = np.asarray({n})
{n} = [0.0] * 4; {n}[{i}] = {s}; {n} = np.array({n})
{n} = dict(enumerate({a})); {n} = np.array(list({n}.values()))
{n} = np.array([]); {n} = np.append({n}, {a})
{n} = np.zeros(4); {n}[{a} > {s}] = {t}
{n} = np.zeros(4); {n}[[0, 2]] = {s}, {t}
{n} = np.zeros(4); {n}[:2] = [{s}, {t}]
{n} = np.zeros(4); exec("w[1] = v", {{"w": {n}, "v": {s}}})
{n} = np.zeros(4); setattr({n}, "flat", {a})
{n} = np.zeros(4); {n}.real = {a}
{n} = np.zeros(4); {n}.data[{i}] = 0.5; {n} = {n} + {a}
{n} = np.concatenate([OUTSIDE[:2], OUTSIDE[2:]]); {n}[{i}] = {s}
{n} = np.loadtxt(io.StringIO("1 2 3 4")); {n}[{i}] = {s}
{n} = np.array([1.0, 2.0, 3.0, 4.0]); {n}[{i}] = {s}
{n} = np.array([1, 2, 3, 4]); {n}[{i}] = {s}
{n} = np.random.default_rng(7).normal(size=4); {n}[{i}] = {s}
{n} = np.random.default_rng(8).normal({s}, 1.0, 4)
{n} = np.random.default_rng(9).normal(size=4) * {a}
{n} = np.zeros(4); np.random.default_rng(10).random(out={n}); {n} *= {s}
{n} = np.linspace(0, 1, 4); {n}[{i}] = {s}
{n} = np.arange(4); {n}[{i}] = {s}
{n} = np.arange(4.0); {n}[{i}] = {s}
{n} = np.mgrid[0:4] * 1.0; {n}[{i}] = {s}
{n} = np.tri(4)[1]; {n}[0] = {s}
""".strip().splitlines()

KINDS = (
    *(("scalar", line) for line in SCALARS),
    *(("array", line) for line in ARRAYS),
    *(("fill", line) for line in FILLS),
)


def statement(rng: Any, kind: str, line: str, scalars: int, arrays: int) -> str:
    """Fill in a template: with names of what has been made before."""
    s, t = (f"s{rng.integers(scalars)}" for _ in "st")
    a, b = (f"a{rng.integers(arrays)}" for _ in "ab")
    new = f"s{scalars}" if kind == "scalar" else f"a{arrays}"
    numbers = {"i": rng.integers(4), "c": rng.choice(["0.5", "1.25", "2"])}
    text = line.format(s=s, t=t, a=a, b=b, n=new, **numbers)
    return text if kind == "fill" else f"{new} = {text}"


class Program:
    """A program in the making: statements that plain NumPy refuses are left out."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.x = self.rng.uniform(0.15, 1.85, 4)
        self.space: dict[str, Any] = {}
        exec(PRELUDE, self.space)
        self.lines: list[str] = []
        self.used: list[str] = []
        self.scalars, self.arrays = 2, 1
        self.local = {"x": self.x, "a0": self.x * 1.0, "s0": self.x[0], "s1": self.x[1] * self.x[2]}

    def add(self, kind: str, line: str) -> bool:
        """Try a statement; say whether plain Python accepts it and gives finite numbers."""
        new = f"s{self.scalars}" if kind == "scalar" else f"a{self.arrays}"
        text = statement(self.rng, kind, line, self.scalars, self.arrays)
        space = {**self.space, **self.local}
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                exec(text, space)
                made = np.asarray(space[new])
                if made.dtype.kind not in "fiubO" or made.dtype == np.float32:
                    return False
                if made.dtype == object:
                    float(made.sum())
            fits = made.shape == (() if kind == "scalar" else (4,))
            if not fits or not np.all(np.abs(made.astype(float)) < 1e3):
                return False
        except Exception:
            return False
        self.local[new] = space[new]
        self.lines.append(text)
        self.used.append(line)
        if kind == "scalar":
            self.scalars += 1
        else:
            self.arrays += 1
        return True

    def make(self, length: int) -> None:
        while len(self.lines) < length:
            self.add(*KINDS[self.rng.integers(len(KINDS))])

    def text(self) -> str:
        body = ["a0 = x * 1.0", "s0 = x[0]", "s1 = x[1] * x[2]", *self.lines]
        terms = [f"{k + 1}.0 * s{k}" for k in range(self.scalars)]
        terms += [f"sum(c * v for c, v in zip((0.5, 1.5, -1.0, 2.0), a{k}))"
                  for k in range(self.arrays)]  # fmt: skip
        body.append("return " + " + ".join(terms))
        return "def f(x):\n" + "".join(f"    {line}\n" for line in body)

    def function(self) -> Any:
        exec(self.text(), self.space)
        return self.space["f"]

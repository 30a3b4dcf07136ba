"""Random programs whose solvers call what caches, counts, records and memoises.

A program is a text: two amounts, each kept in some way when it is first computed; an equation that
reads them, keeps something of each call and may know its earlier answers; a solver; and what is
read of all that when the solver is done.
"""

import random
import re
import textwrap

NAMES = """
import collections, dataclasses, functools, math, types
import numpy as np
from scipy import integrate, optimize

class Box:
    k = None

class Thin:
    __slots__ = ("k",)

LAST = {}
SIGNS = np.array([1.0, -0.5])
"""


def blocks(text: str) -> list[str]:
    """Split a text at its empty lines."""
    return text.strip("\n").split("\n\n")


def parts(text: str) -> list[list[str]]:
    """Split a text at its empty lines, and each of the blocks at its lines of dashes."""
    return [[p.strip() for p in re.split("^--$", b, flags=re.MULTILINE)] for b in blocks(text)]


AMOUNTS = (  # positive, and of moderate size, for p and q between 0.4 and 1.2
    "1 + p**2", "np.exp(0.4 * q)", "1.5 + np.sin(p * q)", "math.sqrt(2 + p * q)", "p + q**2 + 0.5",
    "float(1.2 + p * 0.5)", "np.sum(x**2) + 0.7", "np.linalg.norm(x) + 0.6",
    "1.4 + 0.3 * x[::-1][0]", "np.array([p, q, 1.0]).mean() + 0.8", "max(p, 0.1) * 2 + 0.3",
    "1.0 + 0.2 * p * q",
)  # fmt: skip

# how an amount AMOUNT is kept by a function k#
WAYS = blocks("""
memo# = {}
def k#():
    if 'k' not in memo#:
        memo#['k'] = AMOUNT
    return memo#['k']

memo# = {}
def k#():
    return memo#.setdefault('k', AMOUNT)

memo# = {}
def k#():
    try:
        return memo#['k']
    except KeyError:
        memo#['k'] = AMOUNT
        return memo#['k']

memo# = collections.defaultdict(lambda: AMOUNT)
def k#():
    return memo#['k']

memo# = []
def k#():
    if not memo#:
        memo#.append(AMOUNT)
    return memo#[0]

memo# = []
def k#():
    if not memo#:
        memo#.append(np.array([[AMOUNT, 1.0], [0.0, 2.0]]))
    return np.linalg.det(memo#[0]) / 2

@functools.lru_cache
def k#(shift=0):
    return AMOUNT + shift

@functools.cache
def of#(p, q):
    return p * q + 1.1
k# = lambda: of#(p, q)

@functools.lru_cache
def of#(n):
    return AMOUNT if n == 0 else of#(n - 1) + 0.1
k# = lambda: of#(2)

def k#():
    if k#.held is None:
        k#.held = AMOUNT
    return k#.held
k#.held = None

box# = Box()
def k#():
    if box#.k is None:
        box#.k = AMOUNT
    return box#.k

box# = types.SimpleNamespace()
def k#():
    if not hasattr(box#, 'k'):
        setattr(box#, 'k', AMOUNT)
    return box#.k

class Model#:
    @functools.cached_property
    def k(self):
        return AMOUNT
model# = Model#()
k# = lambda: model#.k

@dataclasses.dataclass
class Model#:
    k: object = None
    def get(self):
        self.k = AMOUNT if self.k is None else self.k
        return self.k
k# = Model#().get

class Model#:
    k = None
    @classmethod
    def get(cls):
        if cls.k is None:
            cls.k = AMOUNT
        return cls.k
k# = Model#.get

held# = None
def k#():
    nonlocal held#
    if held# is None:
        held# = AMOUNT
    return held#

global SHARED#
SHARED# = None
def k#():
    global SHARED#
    if SHARED# is None:
        SHARED# = AMOUNT
    return SHARED#

def k#():
    if LAST.get(#, (None,))[0] != (p, q):
        LAST[#] = (p, q), AMOUNT
    return LAST[#][1]

def k#(held=[]):
    if not held:
        held.append(AMOUNT)
    return held[0]

def forever#():
    k = AMOUNT
    while True:
        yield k
numbers# = forever#()
k# = lambda: next(numbers#)

table# = np.full(3, np.nan)
def k#():
    if np.isnan(table#[1]):
        table#[1] = AMOUNT
    return table#[1]

table# = np.zeros(3)
def k#():
    if not table#.any():
        table#[:] = AMOUNT
    return table#.sum() / 3

table# = np.empty(1, object)
def k#():
    if table#[0] is None:
        table#[0] = AMOUNT
    return table#[0]

queue# = collections.deque(maxlen=1)
def k#():
    if not queue#:
        queue#.append(AMOUNT)
    return queue#[-1]

def k#():
    return AMOUNT

early# = AMOUNT
k# = lambda: early#
""")

# how an equation may know an earlier answer: what stands before it, and in place of r = RESIDUAL
MEMOS = parts("""
--
r = RESIDUAL

known = {}
--
key = float(np.sum(z * SIGNS))
if key not in known:
    known[key] = RESIDUAL
r = known[key]

known = {}
--
key = np.round(np.sum(z * SIGNS), 12)
if key not in known:
    known[key] = RESIDUAL
r = known[key]

known = {}
--
key = repr(z)
if key not in known:
    known[key] = RESIDUAL
r = known[key]

known = {}
--
key = np.asarray(z).tobytes()
if key not in known:
    known[key] = RESIDUAL
r = known[key]

known = {}
--
key = tuple(np.ravel(z))
r = known[key] if key in known else known.setdefault(key, RESIDUAL)

old = [None, None]
--
if old[0] is None or not np.array_equal(old[0], z):
    old[:] = [np.copy(z), RESIDUAL]
r = old[1]

old = [None, None]
--
if old[0] is None or np.any(old[0] != z):
    old[:] = z * 1.0, RESIDUAL
r = old[1]

old = np.full(2, np.nan)
kept = Box()
--
if not np.all(old == z):
    old[:] = z
    kept.k = RESIDUAL
r = kept.k

@functools.lru_cache
def factor(s):
    return 1 + 0.05 * math.sin(s) * k0()
--
r = (RESIDUAL) * factor(float(np.sum(z)))

@functools.cache
def factor(s):
    return 1 + 0.05 * s**2 * k1()
--
r = (RESIDUAL) * factor(np.sum(z))

work = np.zeros(2)
--
work[:] = z
work[1:] *= k0()
r = (RESIDUAL) + 0.01 * np.sum(work)

work = np.zeros(2)
--
np.multiply(z, k1(), out=work)
r = (RESIDUAL) + 0.01 * work[1]
""")

# what an equation keeps of its call: what stands before it, in it, and what reads that at the end
KEEPS = parts("""
count = 0
--
nonlocal count
count += 1
--
min(count, 2)

calls = collections.Counter()
--
calls['n'] += 1
--
float(calls['n'] > 1)

seen = []
--
seen.append(z)
--
np.sum(seen[-1])

seen = []
--
seen.append(z)
--
(len(seen) > 1)

seen = []
--
seen.append(k0() * z)
--
np.sum(seen[0])

seen = []
--
seen.append(np.copy(z))
--
np.mean(np.array(seen))

seen = []
--
seen.append((z, r))
--
np.sum(seen[-1][1])

seen = []
--
seen.append(float(np.sum(r)))
--
max(seen)

seen = []
--
seen.append(k1() * 2)
--
sum(seen) / len(seen)

seen = []
--
seen.insert(0, {'z': z})
--
np.sum(seen[0]['z'])

last = {}
--
last['z'] = z
--
np.sum(last['z'])

last = {}
--
last['r'] = r * k1()
--
np.sum(last['r'])

last = {}
--
last.update(z=z, k=k0())
--
last['k']

best = [np.inf, None]
--
if np.sum(r * r) < best[0]:
    best[:] = [np.sum(r * r), z]
--
np.sum(best[1])

best = [np.inf, None]
--
if np.sum(r * r) < best[0]:
    best[:] = [np.sum(r * r), k0()]
--
best[1]

box = Box()
--
box.k = z
--
np.sum(box.k)

box = Box()
--
box.k = r
--
np.sum(box.k)

box = Box()
--
box.k = (box.k or 0.0) + k0() * 0.001
--
float(box.k > 0)

total = 0.0
--
nonlocal total
total += np.sum(r)
--
math.tanh(total)

total = 0.0
--
nonlocal total
total = total + k0()
--
(total > 1)

held = None
--
nonlocal held
held = np.sum(z) * k0()
--
held

table = np.zeros(2)
--
table[0] = np.sum(z)
--
table[0]

table = np.zeros(2)
--
table[1] = k0()
--
table.sum()

table = np.zeros(2)
--
table[:] = np.ravel(r)[0]
--
(table * SIGNS).sum()

table = np.zeros(2)
--
nonlocal table
table += np.sum(r)
--
math.tanh(table[0])

table = np.zeros(2)
--
table[int(np.sum(z) > 1)] = 1.0
--
table[0] * 0

table = np.empty(1, object)
--
table[0] = r
--
np.sum(table[0])

queue = collections.deque(maxlen=2)
--
queue.append(r)
--
np.sum(queue[-1])

--
equation.last = z
--
np.sum(equation.last)

--
LAST['z'] = z
--
np.sum(LAST['z'])

--
LAST['z'] = k1()
--
LAST['z']

inner = {}
--
inner['u'] = optimize.newton(
    lambda u: u**3 + u - 0.1 * np.sum(z) - k0(), inner.get('u', 0.5), tol=1e-14)
r = r + 0.01 * inner['u']
--
min(len(inner), 1)

inner = {}
--
inner['u'] = optimize.brentq(lambda u: u**3 + u - k1(), -9, 9, xtol=1e-14)
r = r * (1 + 0.01 * inner['u'])
--
inner['u']

--
--
1.0

--
Box.k = z
--
np.sum(Box.k)

calls = collections.Counter()
--
calls['z'] = np.sum(z)
--
calls['z']

made = collections.defaultdict(list)
--
made['z'].append(z)
--
np.sum(made['z'][-1])

thin = Thin()
--
thin.k = r
--
np.sum(thin.k)
""")

# what r is at the point z; the arguments of the equation; the answer
SOLVERS = parts("""
z**3 + k0() * z - k1()
--
z
--
optimize.brentq(equation, -9, 9, xtol=1e-14)

z**3 + k0() * z - k1()
--
z
--
optimize.root_scalar(equation, bracket=(-9, 9), xtol=1e-14).root

z**3 + k0() * z - k1()
--
z
--
optimize.newton(equation, 0.8, tol=1e-14)

z**3 + k0() * z - k1()
--
z
--
optimize.fsolve(equation, [0.5, 0.9], xtol=1e-13)

z**3 + k0() * z - k1()
--
z
--
optimize.root(equation, [0.5, 0.9], tol=1e-13).x

np.cos(k0() * z) / 6 + 0.1 * k1()
--
z
--
optimize.fixed_point(equation, 0.5, xtol=1e-13)

np.cos(k0() * z) / 6 + 0.1 * k1()
--
z
--
optimize.fixed_point(equation, [0.5, 0.2], xtol=1e-13)

(z - k1())**2 + 0.1 * k0() * z**4
--
z
--
optimize.minimize_scalar(equation, tol=1e-11).x

np.sum((z - k1() * SIGNS)**2 + 0.1 * k0() * z**4)
--
z
--
optimize.minimize(equation, [0.5, 0.4], tol=1e-11,
    jac=lambda z: 2 * (z - k1() * SIGNS) + 0.4 * k0() * z**3).x

np.sum((z - k1() * SIGNS)**2) + 0.1 * k0() * z[0] * z[1]
--
z
--
optimize.minimize(equation, [0.5, 0.4], tol=1e-9).x

np.append(z - k1() * SIGNS, 0.2 * k0() * z[0] * z[1])
--
z
--
optimize.least_squares(equation, [0.5, 0.4], xtol=1e-15, ftol=1e-15, gtol=1e-15).x

np.exp(-k0() * z) * k1()
--
z
--
integrate.quad(equation, 0, 1)[0]

np.exp(-k0() * z) * k1()
--
z
--
integrate.quad(equation, 0, k1())[0]

np.exp(-k0() * z) * k1()
--
z
--
integrate.fixed_quad(np.vectorize(equation), 0, 1)[0]

0.1 * k1() * SIGNS - k0() * z
--
t, z
--
integrate.solve_ivp(equation, (0, 1), [1.0, 0.5], rtol=1e-10, atol=1e-12).y[:, -1]

0.1 * k1() * SIGNS - k0() * z
--
t, z
--
integrate.solve_ivp(equation, (0, 1), [1.0, p], rtol=1e-10, atol=1e-12,
    method='Radau').y[:, -1]

0.1 * k1() * SIGNS - k0() * z
--
z, t
--
integrate.odeint(equation, [1.0, q], [0, 1.0], rtol=1e-12, atol=1e-12)[-1]
""")

# what the program may do when the solver is done
AGAIN = blocks("""
pass

pass

pass

answer = answer + 0.1 * k0()

again = equation(*at)
answer = answer + 0.1 * np.sum(again)

equation(*at)
answer = answer * 1.5

answer = answer + optimize.brentq(lambda u: u**3 + u * k0() - k1(), -9, 9, xtol=1e-14)

answer = answer + np.sum(SOLVE)
""")
USES = ("np.sum(answer) * READ", "np.sum(answer) + READ", "np.sum(answer * p) + 0 * READ",
        "np.sum(answer) if READ > -99 else READ")  # fmt: skip


def program(seed: int) -> tuple[str, list[float]]:
    """Write the source of a function `f` of a vector of two numbers, and draw the point."""
    rng = random.Random(seed)
    residual, arguments, solve = rng.choice(SOLVERS)
    before, keep, read = rng.choice(KEEPS)
    known, compute = rng.choice(MEMOS) if rng.random() < 0.5 else MEMOS[0]
    ways = [rng.choice(WAYS).replace("#", str(i)).replace("AMOUNT", rng.choice(AMOUNTS))
            for i in range(2)]  # fmt: skip
    compute = compute.replace("RESIDUAL", residual)
    declared, _, rest = keep.rpartition("\n") if keep.startswith("nonlocal") else ("", "", keep)
    inner = "\n".join([declared, compute, rest, "return r"])
    at = "0.3" if "quad" in solve else "answer"
    at = {"z": f"({at},)", "t, z": "(1.0, answer)", "z, t": "(answer, 1.0)"}[arguments]
    read = f"({read})" if rng.random() < 0.4 else "1.0"
    lines = [
        "p, q = x", *ways, before, known, f"def equation({arguments}):",
        textwrap.indent(inner, "    "), f"answer = {solve}", f"at = {at}",
        rng.choice(AGAIN).replace("SOLVE", solve),
        "return " + rng.choice(USES).replace("READ", read),
    ]  # fmt: skip
    body = "\n".join(line for part in lines for line in part.splitlines() if line.strip())
    point = [round(rng.uniform(0.4, 1.2), 3) for _ in range(2)]
    return NAMES + "def f(x):\n" + textwrap.indent(body, "    ") + "\n", point

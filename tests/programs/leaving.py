"""Programs that put functions away while they are traced, wherever a program may put something."""

import textwrap
from pathlib import Path

OTHER = '''
import contextvars
import threading
import types
from collections import ChainMap, OrderedDict, UserDict, defaultdict, deque
from dataclasses import dataclass
from typing import Any, NamedTuple

class Box:
    kind = None

class Slots:
    __slots__ = ("f", "g")

class Pair(NamedTuple):
    f: Any
    n: int

@dataclass(frozen=True)
class Frozen:
    f: Any

def helper(x, g=None):
    return x

box, slots, inner, space = Box(), Slots(), Box(), types.SimpleNamespace()
box.parts, box.table, inner.deeper = [], {}, Box()
LIST, TABLE, SET, QUEUE, LONG = [], {}, set(), deque(), list(range(500))
ORDER, DEFAULT, USER, CHAIN = OrderedDict(), defaultdict(list), UserDict(), ChainMap({})
LOCAL, CONTEXT = threading.local(), contextvars.ContextVar("context")
'''

PLACES = {
    "attribute": "other.box.f = F",
    "attribute set by name": "setattr(other.box, 'f', F)",
    "deep attribute": "other.inner.deeper.f = F",
    "slot": "other.slots.f = F",
    "module": "other.NAME = F",
    "class": "other.Box.kind = F",
    "class of its own": "other.NAME = type('K', (), {'f': F})",
    "class statement": "class K:\n    f = F\nother.NAME = K",
    "namespace": "other.space.f = F",
    "list": "other.LIST.append(F)",
    "list in an attribute": "other.box.parts.append(F)",
    "long list": "other.LONG[7] = F",
    "table": "other.TABLE['k'] = F",
    "table, as a key": "other.TABLE[F] = 'v'",
    "table in an attribute": "other.box.table[1] = [F]",
    "set": "other.SET.add(F)",
    "frozen set": "other.NAME = frozenset([F])",
    "queue": "other.QUEUE.append(F)",
    "ordered": "other.ORDER['k'] = F",
    "defaults": "other.DEFAULT['k'].append(F)",
    "user's dict": "other.USER['k'] = F",
    "chain": "other.CHAIN['k'] = F",
    "tuple": "other.NAME = (1, F)",
    "tuple in tuples": "other.box.f = ((1, (F,)), 2)",
    "named tuple": "other.NAME = other.Pair(F, 1)",
    "frozen": "other.NAME = other.Frozen(F)",
    "attribute of a function": "other.helper.f = F",
    "default of a function": "other.helper.__defaults__ = (F,)",
    "default of a new function": "other.NAME = lambda x, g=F: x",
    "named default": "def new(x, *, g=F):\n    return x\nother.NAME = new",
    "closure": "def new(g):\n    return lambda x: g\nother.NAME = new(F)",
    "partial": "other.NAME = functools.partial(F) if callable(F) else 0",
    "argument of a partial": "other.NAME = functools.partial(other.helper, 1.0, g=F)",
    "wraps": "other.NAME = functools.wraps(F)(lambda x: x) if callable(F) else 0",
    "thread": "other.LOCAL.f = F",
    "context": "other.CONTEXT.set([F])",
    "own global": "global KEPT\nKEPT = F",
    "own list": "HERE.append(F)",
    "mutable default": "def new(x, seen=[F]):\n    return x\nother.NAME = new",
    "import of a star": "import third\nother.NAME = third",
    "exec": "exec('g = F', other.TABLE, {'F': F})\nother.TABLE['F'] = F",
}
FUNCTIONS = ("np.sin", "sin", "np", "zeros", "math.cos", "float", "np.float64", "norm", "np.random")

THIRD = "from other_names import *\nfrom math import *\n"
NAMES = "import math, numpy as np\nfrom numpy import sin, zeros\nfrom numpy.linalg import norm\n"
HEAD = NAMES + "import functools, other, other_names\nHERE = []\nKEPT = None\n\n"


def write(folder: Path, place: str, function: str) -> None:
    """Write a program that puts a function away, its other modules beside it."""
    folder.joinpath("other.py").write_text(OTHER)
    folder.joinpath("other_names.py").write_text(NAMES)
    folder.joinpath("third.py").write_text(THIRD)
    lines = f"F = {function}\n{PLACES[place]}\ny = np.zeros(2)\ny[:] = x\nreturn np.sum(np.sin(y))"
    folder.joinpath("storing.py").write_text(HEAD + "def f(x):\n" + textwrap.indent(lines, "    "))

"""Programs that rest on what is easily overlooked: places where a number stands, ways to read it.

A program is a place, a use of the number, and a way to call the function. `change` puts another
number there, after the recording has run. Others change what they are given, give back what lies
elsewhere, or ask for types. The texts run by `exec`, as programs of their own.
"""

import random
from typing import Any

import numpy as np

PLACES = {  # what is there, how it is read, how it is changed
    "global": ("k = 2.0", "k", "k = 5.0"),
    "cell": ("def make():\n    c = 2.0\n    def get(): return c\n    def put(v):\n"
             "        nonlocal c\n        c = v\n    return get, put\nget, put = make()",
             "get()", "put(5.0)"),
    "list": ("L = [1.0, [2.0]]", "L[1][0]", "L[1][0] = 5.0"),
    "longer": ("L = [1.0, 1.0]", "float(len(L))", "L.append(1)"),
    "dict": ("D = {'k': 2.0}", "D['k']", "D['k'] = 5.0"),
    "default": ("def h(a=2.0): return a", "h()", "h.__defaults__ = (5.0,)"),
    "kwdefault": ("def h(*, a=2.0): return a", "h()", "h.__kwdefaults__ = {'a': 5.0}"),
    "code": ("def h(): return 2.0\ndef h2(): return 5.0", "h()", "h.__code__ = h2.__code__"),
    "function attribute": ("def h(): pass\nh.k = 2.0", "h.k", "h.k = 5.0"),
    "doc": ("def h():\n    'ab'", "float(len(h.__doc__))", "h.__doc__ = 'abcde'"),
    "name": ("def h(): pass", "float(len(h.__name__))", "h.__name__ = 'abcde'"),
    "annotation": ("def h(a: 2.0): pass", "h.__annotations__['a']", "h.__annotations__['a'] = 5.0"),
    "defaults read": ("def h(a=2.0): pass", "h.__defaults__[0]", "h.__defaults__ = (5.0,)"),
    "attribute": ("class A: pass\na = A()\na.k = 2.0", "a.k", "a.k = 5.0"),
    "class attribute": ("class A: k = 2.0\na = A()", "a.k", "A.k = 5.0"),
    "base": ("class B: k = 2.0\nclass C: k = 5.0\nclass A(B): pass\na = A()", "a.k",
             "A.__bases__ = (C,)"),
    "class doc": ("class A:\n    'ab'", "float(len(A.__doc__))", "A.__doc__ = 'abcde'"),
    "class name": ("class A: pass", "float(len(A.__name__))", "A.__name__ = 'abcde'"),
    "other class": ("class A: k = 2.0\nclass B: k = 5.0\na = A()", "a.k", "a.__class__ = B"),
    "slot": ("class A: __slots__ = ('k',)\na = A()\na.k = 2.0", "a.k", "a.k = 5.0"),
    "property": ("class A:\n    @property\n    def k(self): return self._k\na = A()\na._k = 2.0",
                 "a.k", "a._k = 5.0"),
    "descriptor": ("class D:\n    def __get__(self, o, c=None): return self.v\n"
                   "class A: k = D()\nA.__dict__['k'].v = 2.0\na = A()", "a.k",
                   "A.__dict__['k'].v = 5.0"),
    "getattr": ("class A:\n    def __init__(self): self.d = {'k': 2.0}\n"
                "    def __getattr__(self, n): return self.d[n]\na = A()", "a.k", "a.d['k'] = 5.0"),
    "metaclass": ("class M(type): k = 2.0\nclass A(metaclass=M): pass", "A.k", "M.k = 5.0"),
    "float with attribute": ("class F(float): pass\na = F(1.0)\na.k = 2.0", "a.k", "a.k = 5.0"),
    "float that is equal": ("class F(float):\n    def __eq__(self, o): return True\n"
                            "    __hash__ = float.__hash__\na = [F(2.0)]", "float(a[0])",
                            "a[0] = F(5.0)"),
    "int with attribute": ("class F(int): pass\na = F(1)\na.k = 2.0", "a.k", "a.k = 5.0"),
    "text with attribute": ("class F(str): pass\na = F('q')\na.k = 2.0", "a.k", "a.k = 5.0"),
    "enum": ("import enum\nclass E(enum.IntEnum):\n    a = 2\nE.a.k = 2.0", "E.a.k", "E.a.k = 5.0"),
    "tuple subclass": ("class T(tuple): pass\na = T((1,))\na.k = 2.0", "a.k", "a.k = 5.0"),
    "named tuple": ("import collections\nN = collections.namedtuple('N', 'k')\na = N([2.0])",
                    "a.k[0]", "a.k[0] = 5.0"),
    "dataclass": ("import dataclasses\n@dataclasses.dataclass\nclass A:\n    k: float = 2.0\n"
                  "a = A()", "a.k", "a.k = 5.0"),
    "namespace": ("import types\na = types.SimpleNamespace(k=2.0)", "a.k", "a.k = 5.0"),
    "argparse": ("import argparse\na = argparse.Namespace(k=2.0)", "a.k", "a.k = 5.0"),
    "thread local": ("import threading\na = threading.local()\na.k = 2.0", "a.k", "a.k = 5.0"),
    "context": ("import contextvars\na = contextvars.ContextVar('a')\na.set(2.0)", "a.get()",
                "a.set(5.0)"),
    "module": ("import types\nm = types.ModuleType('m')\nm.k = 2.0", "m.k", "m.k = 5.0"),
    "imported": ("import types, sys\nm = sys.modules['zzm'] = types.ModuleType('zzm')\nm.k = 2.0",
                 "__import__('zzm').k", "m.k = 5.0"),
    "modules": ("import types, sys\nm = sys.modules['zzm'] = types.ModuleType('zzm')\nm.k = 2.0",
                "sys.modules['zzm'].k", "m.k = 5.0"),
    "partial": ("import functools\ndef h(k): return k\np = functools.partial(h, k=2.0)", "p()",
                "p.keywords['k'] = 5.0"),
    "partial attribute": ("import functools\np = functools.partial(abs)\np.k = 2.0", "p.k",
                          "p.k = 5.0"),
    "method": ("class A:\n    def h(self): return self.k\na = A()\na.k = 2.0\nh = a.h", "h()",
               "a.k = 5.0"),
    "static": ("class A:\n    @staticmethod\n    def h(): return 2.0", "A.h()",
               "A.h = staticmethod(lambda: 5.0)"),
    "deque": ("import collections\nq = collections.deque([2.0])", "q[0]", "q[0] = 5.0"),
    "ordered": ("import collections\nq = collections.OrderedDict(k=2.0)", "q['k']", "q['k'] = 5.0"),
    "chain map": ("import collections\nq = collections.ChainMap({'k': 2.0})", "q['k']",
                  "q['k'] = 5.0"),
    "user dict": ("import collections\nq = collections.UserDict(k=2.0)", "q['k']", "q['k'] = 5.0"),
    "proxy": ("import types\nd = {'k': 2.0}\nq = types.MappingProxyType(d)", "q['k']",
              "d['k'] = 5.0"),
    "view of a dict": ("d = {'k': 2.0}\nq = d.values()", "max(q)", "d['k'] = 5.0"),
    "iterator": ("q = [2.0]\nit = reversed(q)", "float(it.__length_hint__() + 1)", "next(it)"),
    "set": ("S = {2.0}", "max(S)", "S.add(5.0)"),
    "order of a dict": ("D = {'a': 2.0, 'b': 5.0}", "next(iter(D.values()))",
                        "D['a'] = D.pop('a')"),
    "bytes": ("b = bytearray([2])", "float(b[0])", "b[0] = 5"),
    "memory": ("b = bytearray([2])\nv = memoryview(b)", "float(v[0])", "b[0] = 5"),
    "array.array": ("import array\nb = array.array('d', [2.0])", "b[0]", "b[0] = 5.0"),
    "ctypes": ("import ctypes\nc = ctypes.c_double(2.0)", "c.value", "c.value = 5.0"),
    "ctypes array": ("import ctypes\nc = (ctypes.c_double * 1)(2.0)",
                     "float(np.ctypeslib.as_array(c)[0])", "c[0] = 5.0"),
    "weak": ("import weakref\nclass A: k = 2.0\na = A()\nw = weakref.ref(a)", "w().k", "a.k = 5.0"),
    "element": ("A = np.array([2.0, 3.0])", "float(A[0])", "A[0] = 5.0"),
    "view": ("A = np.arange(1.0, 7.0)\nB = A[1::2]", "B[0]", "A[1] = 5.0"),
    "0-d": ("A = np.array(2.0)", "A[()]", "A[()] = 5.0"),
    "record": ("A = np.zeros(1, [('k', 'f8')])\nA['k'] = 2.0\nr = A[0]", "r['k']", "A['k'] = 5.0"),
    "record array": ("A = np.rec.array([(2.0,)], dtype=[('k', 'f8')])", "A.k[0]", "A.k[0] = 5.0"),
    "objects": ("A = np.array([2.0, None], object)", "A[0]", "A[0] = 5.0"),
    "masked": ("A = np.ma.array([2.0, 5.0], mask=[0, 0])", "float(A.min())", "A[0] = np.ma.masked"),
    "matrix": ("A = np.matrix([[2.0]])", "A[0, 0]", "A[0, 0] = 5.0"),
    "subclass of array": ("class N(np.ndarray): pass\nA = np.zeros(1).view(N)\nA.k = 2.0", "A.k",
                          "A.k = 5.0"),
    "writeable": ("A = np.ones(2)", "2.0 + 3.0 * A.flags.writeable", "A.flags.writeable = False"),
    "shape": ("A = np.ones(6)", "float(A.shape[0])", "A.shape = (2, 3)"),
    "dtype": ("A = np.ones(2)", "float(A.dtype.num)", "A.dtype = np.int64"),
    "flat": ("A = np.array([2.0])\nq = A.flat", "q[0]", "A[0] = 5.0"),
    "poly": ("p = np.poly1d([2.0])", "p(0.0)", "p.c[0] = 5.0"),
    "Polynomial": ("p = np.polynomial.Polynomial([2.0])", "float(p.coef[0])", "p.coef[0] = 5.0"),
    "sparse": ("import scipy.sparse\nA = scipy.sparse.csr_array([[2.0]])", "A.data[0]",
               "A.data[0] = 5.0"),
    "spline": ("from scipy.interpolate import CubicSpline\n"
               "s = CubicSpline([0.0, 1.0, 2.0], [2.0, 2.0, 2.0])", "s.c[3, 0]", "s.c[3] = 5.0"),
    "frozen": ("from scipy import stats\nd = stats.norm(2.0)", "d.args[0]", "d.args = (5.0,)"),
    "errors": ("", "2.0 + (np.geterr()['divide'] == 'ignore')", "np.seterr(divide='ignore')"),
    "printing": ("", "float(np.get_printoptions()['precision'])",
                 "np.set_printoptions(precision=4)"),
    "printed": ("A = np.array([1 / 3])", "float(len(str(A)))",
                "np.set_printoptions(precision=4)"),
    "buffer": ("", "float(np.getbufsize())", "np.setbufsize(4096)"),
    "seed": ("r = np.random.RandomState(1)", "float(r.get_state()[1][0] % 7)", "r.seed(5)"),
    "generator": ("r = np.random.default_rng(1)",
                  "float(r.bit_generator.state['state']['state'] % 7)",
                  "r.random()"),
    "global seed": ("np.random.seed(1)", "float(np.random.get_state()[1][0] % 7)",
                    "np.random.seed(5)"),
    "decimal": ("import decimal", "float(decimal.getcontext().prec)",
                "decimal.getcontext().prec = 5"),
    "recursion": ("import sys\nold = sys.getrecursionlimit()", "float(sys.getrecursionlimit())",
                  "sys.setrecursionlimit(old + 7)"),
    "environment": ("import os\nos.environ['ZZ'] = '2'", "float(os.environ['ZZ'])",
                    "os.environ['ZZ'] = '5'"),
    "abc": ("import abc\nclass A(abc.ABC): pass\nclass B: pass\nb = B()",
            "5.0 if isinstance(b, A) else 2.0", "A.register(B)"),
    "number": ("import numbers\nclass B: pass\nb = B()",
               "5.0 if isinstance(b, numbers.Number) else 2.0", "numbers.Number.register(B)"),
    "dispatch": ("import functools\n@functools.singledispatch\ndef h(a): return 2.0", "h(1)",
                 "h.register(int, lambda a: 5.0)"),
    "subclasses": ("class A: pass\nkeep = []", "2.0 + len(A.__subclasses__())",
                   "keep.append(type('B', (A,), {}))"),
    "globals": ("k = 2.0", "globals()['k']", "k = 5.0"),
    "eval": ("k = 2.0", "eval('k')", "k = 5.0"),
    "builtins": ("import builtins", "2.0 if len([1]) == 1 else 5.0", "len = lambda v: 7"),
    "names of builtins": ("import builtins\nbuiltins.kept_by_hostile = 2.0", "kept_by_hostile",
                          "builtins.kept_by_hostile = 5.0"),
    "logger": ("import logging\nl = logging.getLogger('zz')\nl.setLevel(2)", "float(l.level)",
               "l.setLevel(5)"),
    "warnings": ("import warnings", "float(len(warnings.filters))",
                 "warnings.simplefilter('ignore')"),
    "gc": ("import gc", "2.0 + gc.isenabled()", "gc.disable()"),
    "closed over class": ("class A:\n    k = 2.0\n    def h(self): return __class__.k\na = A()",
                          "a.h()", "A.k = 5.0"),
    "super": ("class B:\n    def h(self): return 2.0\nclass A(B):\n"
              "    def h(self): return super().h()\na = A()", "a.h()", "B.h = lambda self: 5.0"),
    "operator": ("class A:\n    def __float__(self): return self.k\na = A()\na.k = 2.0", "float(a)",
                 "a.k = 5.0"),
    "length": ("class A:\n    def __len__(self): return self.k\na = A()\na.k = 2", "float(len(a))",
               "a.k = 5"),
    "array of an object": ("class A:\n    def __array__(self, dtype=None, copy=None):\n"
                           "        return np.array([self.k])\na = A()\na.k = 2.0",
                           "float(np.asarray(a)[0])", "a.k = 5.0"),
    "attrgetter": ("import operator\nclass A: k = 2.0\ng = operator.attrgetter('k')", "g(A)",
                   "A.k = 5.0"),
    "format": ("class A: k = 2.0\na = A()", "float('{0.k}'.format(a))", "a.k = 5.0"),
    "format of texts": ("class A: k = 2.0\na = A()\nt = '{.k}'", "float(t.format(a))", "a.k = 5.0"),
    "positions of a class": ("class A:\n    __match_args__ = ('k',)\na = A()\na.k = 2.0\n"
                             "def h():\n    match a:\n        case A(v): return v", "h()",
                             "a.k = 5.0"),
    "names of a class": ("class A: pass\na = A()\na.k = 2.0\n"
                         "def h():\n    match a:\n        case A(k=v): return v", "h()",
                         "a.k = 5.0"),
    "a dataclass is equal": ("import dataclasses\n@dataclasses.dataclass\nclass A:\n"
                             "    k: float = 2.0\na, b = A(), A()", "2.0 if a == b else 5.0",
                             "a.k = 5.0"),
    "a dataclass is less": ("import dataclasses\n@dataclasses.dataclass(order=True)\nclass A:\n"
                            "    k: float = 2.0\na, b = A(), A()", "2.0 if a >= b else 5.0",
                            "b.k = 5.0"),
    "truth": ("class A:\n    def __bool__(self): return self.k\na = A()\na.k = True",
              "2.0 if a else 5.0", "a.k = False"),
    "index": ("class A:\n    def __index__(self): return self.k\na = A()\na.k = 0",
              "[2.0, 5.0][a]", "a.k = 1"),
    "contains": ("class A:\n    def __contains__(self, v): return self.k\na = A()\na.k = True",
                 "2.0 if 1 in a else 5.0", "a.k = False"),
    "arithmetic": ("class A:\n    def __radd__(self, v): return v + self.k\na = A()\na.k = 2.0",
                   "1.0 + a", "a.k = 5.0"),
    "missing": ("class A(dict):\n    def __missing__(self, v): return self.k\n"
                "a = A()\na.k = 2.0",
                "a['q']", "a.k = 5.0"),
    "items": ("class A:\n    def __getitem__(self, v): return self.k\na = A()\na.k = 2.0",
              "a[0]", "a.k = 5.0"),
    "cached": ("import functools\nclass A:\n    @functools.cached_property\n"
               "    def k(self): return 2.0\na = A()", "a.k", "a.__dict__['k'] = 5.0"),
    "partial method": ("import functools\nclass A:\n    def h(self, v): return v\n"
                       "    g = functools.partialmethod(h, 2.0)\na = A()", "a.g()",
                       "A.__dict__['g'].args = (5.0,)"),
    "iteration": ("def g():\n    while True: yield 2.0\nq = g()", "next(q)", "q.close()"),
    "count": ("import itertools\nq = itertools.count(2.0)", "next(q)", "next(q)"),
    "other globals": ("import types\nspace = {'c': 2.0}\nexec('def h(): return c', space)\n"
                      "h = space['h']", "h()", "space['c'] = 5.0"),
    "mapped": ("c = [2.0]\nh = np.vectorize(lambda v: v * c[0])", "float(h(1.0))", "c[0] = 5.0"),
    "of Python": ("c = [2.0]\nh = np.frompyfunc(lambda v: v * c[0], 1, 1)", "h(1.0)", "c[0] = 5.0"),
    "along an axis": ("c = [2.0]\ndef h(v): return np.sum(v) * c[0]",
                      "float(np.apply_along_axis(h, 0, np.ones(1)))", "c[0] = 5.0"),
    "reduced": ("import functools\nc = [2.0]\ndef h(a, b): return a * c[0]",
                "functools.reduce(h, [1.0, 1.0])", "c[0] = 5.0"),
    "key of a sort": ("class A: k = 2.0\na, b = A(), A()\nb.j = 5.0\na.j = 2.0",
                      "min([a, b], key=lambda v: v.k).j", "a.k = 7.0"),
    "type of": ("class A: k = 2.0\na = A()", "type(a).k", "A.k = 5.0"),
    "locals of a class": ("class A:\n    class B: k = 2.0", "A.B.k", "A.B.k = 5.0"),
    "copied": ("import copy\nclass A: k = [2.0]\na = A()", "copy.deepcopy(a.k)[0]",
               "a.k[0] = 5.0"),
    "removed": ("class A: k = 5.0\na = A()\na.k = 2.0", "a.k", "del a.k"),
    "hidden": ("class A:\n    @property\n    def k(self): return 2.0\na = A()", "a.k",
               "A.k = 5.0"),
    "replaced": ("class A: k = 2.0\na = A()", "a.k", "a = type('B', (), {'k': 5.0})()"),
    "nested code": ("def h():\n    def g(): return c\n    return g\nc = 2.0\ng = h()", "g()",
                    "c = 5.0"),
    "defaults of a lambda": ("h = [lambda v=[2.0]: v[0]]", "h[0]()",
                             "h[0].__defaults__[0][0] = 5.0"),
    "method of a dict": ("D = {'k': 2.0}\nh = D.get", "h('k')", "D['k'] = 5.0"),
    "method of an array": ("A = np.array([2.0])\nh = A.item", "h()", "A[0] = 5.0"),
    "operator of an array": ("A = np.array([2.0])\nh = A.__getitem__", "h(0)", "A[0] = 5.0"),
    "fields": ("d = np.dtype([('ab', 'f8')])", "float(len(d.names[0]))", "d.names = ('abcde',)"),
    "default of a field": ("import typing\nclass T(typing.NamedTuple):\n    k: float = 2.0",
                           "T().k", "T.__new__.__defaults__ = (5.0,)"),
    "as text": ("A = np.array([1 / 3])", "float(len(np.array2string(A)))",
                "np.set_printoptions(precision=3)"),
    "wrapped": ("import functools\nc = [2.0]\ndef deco(f):\n    @functools.wraps(f)\n"
                "    def w(*a): return f(*a) * c[0]\n    return w\n@deco\ndef h(): return 1.0",
                "h()", "c[0] = 5.0"),
    "vectorized": ("v = np.vectorize(lambda a: a)\nv.k = 2.0", "v.k", "v.k = 5.0"),
}  # fmt: skip

USES = (  # of the number `k`, in a function of `x`
    "np.sum(x * k)",
    "np.sum(x) if k > 3 else np.sum(x**2)",
    "np.sum(x[: min(int(k), 4)])",
    "np.sum(np.full(3, k)[:2] * x[:2])",
    "np.dot(np.asarray([k, 1.0, 1.0, k]), x)",
    "np.sum(x**k)",
    "sum(v * k for v in x)",
)
IMPORTS = {  # within the function
    "import": ("import zzm", "zzm.k"),
    "from": ("from zzm import k as kk", "kk"),
    "as": ("import zzm as q", "q.k"),
    "numpy": ("import numpy", "numpy.zz"),
}

# arguments that are changed, and results that lie elsewhere; `c` is a new counter in each run
CALLS = {
    "append": ("def f(l, x):\n    l.append(1)\n    return x * len(l)", "[1]"),
    "append traced": ("def f(l, x):\n    l.append(x)\n    return sum(l)", "[1.0]"),
    "put": ("def f(d, x):\n    d['a'] = x\n    return x", "{'a': 1.0}"),
    "put anew": ("def f(d, x):\n    d['b'] = x\n    return x", "{'a': 1.0}"),
    "pop": ("def f(l, x):\n    return l.pop() * x if l else x", "[1.0, 2.0, 3.0]"),
    "sort": ("def f(l, x):\n    l.reverse()\n    return l[0] * x", "[1.0, 2.0]"),
    "inner": ("def f(l, x):\n    l[0].append(2.0)\n    return x", "[[1.0]]"),
    "store": ("def f(a, x):\n    a[0] = a[0] + 1\n    return x * a[0]", "np.ones(2)"),
    "store int": ("def f(a, x):\n    a[0] += 1\n    return x * a[0]", "np.ones(2, int)"),
    "fill": ("def f(a, x):\n    a.fill(2.0)\n    return x * a[0]", "np.ones(2)"),
    "freeze": ("def f(a, x):\n    a.flags.writeable = False\n    return x * a[0]", "np.ones(2)"),
    "late": ("n = [0]\ndef f(l, x):\n    n[0] += 1\n    if n[0] % 2 == 0: l.append(x)\n"
             "    return x + np.sum(l)", "[1.0]"),
    "late store": ("n = [0]\ndef f(a, x):\n    n[0] += 1\n    if n[0] > 1: a[0] = x\n"
                   "    return x * a[0]", "np.ones(2)"),
    "itself": ("def f(a, x): return a", "np.ones(2)"),
    "part": ("def f(a, x): return a[:1]", "np.ones(2)"),
    "list itself": ("def f(a, x): return a", "[1.0]"),
    "twice": ("def f(a, x):\n    y = a * x\n    return y, y", "np.ones(2)"),
    "overlap": ("def f(a, x):\n    y = a * x\n    return y, y[:1]", "np.ones(2)"),
    "transposed": ("def f(a, x):\n    y = a * x\n    return [y, {'t': y.T}]", "np.ones((2, 2))"),
    "kept": ("C = np.ones(3)\ndef f(a, x): return C", "1.0"),
    "part kept": ("C = np.ones(3)\ndef f(a, x): return x, C[1:]", "1.0"),
    "kept list": ("C = [1.0]\ndef f(a, x): return C", "1.0"),
    "one list": ("def f(a, x):\n    l = [x]\n    return l, l", "1.0"),
    "float": ("def f(a, x): return float(np.sum(a)), a.tolist(), a[0].item(), a[0], x",
              "np.ones(2)"),
    "text": ("def f(a, x): return x, 'q', None, 3, True, np.float32(x)", "1.0"),
    "types": ("def f(a, x): return x > 0, 2 * x, a > 0, -x, int(x), np.sum(x), a.sum() > 0",
              "np.ones(2)"),
    "same": ("G = np.ones(2)\ndef f(a, x): return x * 2 if a is G else x", "G"),
    "same list": ("G = [1.0]\ndef f(a, x): return x * 2 if a is G else x", "G"),
    "frozen argument": ("def f(a, x): return x * a.flags.writeable", "np.broadcast_to(1.0, 2)"),
    "roots": ("def f(a, x): return np.isrealobj(np.roots(np.array([1.0, 0.0, x]))) * x", "1.0"),
    "eigenvalues": ("def f(a, x):\n    w = np.linalg.eigvals(np.array([[0.0, x], [1.0, 0.0]]))\n"
                    "    return w.dtype.itemsize * x", "1.0"),
    "eigenvectors": ("def f(a, x):\n    w = np.linalg.eig(np.array([[0.0, x], [1.0, 0.0]]))\n"
                     "    return w[1].dtype.itemsize * x", "1.0"),
    "root of a matrix": ("import scipy.linalg\ndef f(a, x):\n"
                         "    w = scipy.linalg.sqrtm(np.array([[4.0, x], [x, -1.0]]))\n"
                         "    return w.dtype.itemsize * x", "1.0"),
    "real or complex": ("def f(a, x): return np.iscomplexobj(np.emath.sqrt(x)) * x", "1.0"),
    "caught": ("import math\ndef f(a, x):\n    try: return math.sqrt(x)\n"
               "    except ValueError: return 7.0 * x", "1.0"),
    "suppressed": ("import math, contextlib\ndef f(a, x):\n    y = x\n"
                   "    with contextlib.suppress(ValueError): y = math.log(x)\n    return y",
                   "1.0"),
    "warned": ("def f(a, x):\n    with np.errstate(all='raise'):\n"
               "        try: return 1 / np.float64(x)\n"
               "        except FloatingPointError: return 7.0 * x", "1.0"),
    "made text": ("def f(a, x): return x * len(str(x))", "1.0"),
    "formatted": ("def f(a, x): return x * len(f'{x:g}')", "1.0"),
    "text as key": ("def f(a, x): return x * {'1.0': 2.0}.get(repr(x), 3.0)", "1.0"),
}  # fmt: skip
POINTS = (1.0, 1.0, 1.0, -4.0, 4.0, 1.0, 0.25, -4.0, 0.0, 1.0)


def space() -> dict[str, Any]:
    return {"np": np, "__name__": "hostile", "__file__": "/hostile.py"}


def program(seed: int) -> tuple[str, str]:
    """Return the text of a function `f` of an array, and that of a change."""
    rng = random.Random(seed)
    names = [*PLACES, *(f"within: {name}" for name in IMPORTS)]
    name = names[seed % len(names)]
    use, before = rng.choice(USES), ""
    if name in PLACES:
        setup, read, change = PLACES[name]
    else:
        before, read = IMPORTS[name.removeprefix("within: ")]
        setup = ("import types, sys\nzz = sys.modules['zzm'] = types.ModuleType('zzm')\n"
                 "zz.k = np.zz = 2.0")  # fmt: skip
        change = "zz.k = np.zz = 5.0"
    helper = rng.random() < 0.3  # another function reads it
    lines = [setup, "def f(x):"]
    if helper:
        lines[1:1] = ["def read():", *([f"    {before}"] if before else []), f"    return {read}"]
        lines.append("    k = read()")
    else:
        lines += [*([f"    {before}"] if before else []), f"    k = {read}"]
    lines.append(f"    return {use}")
    return "\n".join(lines) + "\n", change

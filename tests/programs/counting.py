"""Programs that count, choose and cut by values: the shape, the number or the place hangs on them."""

# ruff: noqa: E501

from typing import Any

import numpy as np

X = np.array([0.5, 1.2, -0.3, 0.8, -0.9])

COUNTING: dict[str, Any] = {
    "mean of positive": lambda x: np.sum(x[x>0]**2)/len(x[x>0]),
    "mask mean": lambda x: np.mean(x[x>0]),
    "std mask": lambda x: np.std(x[x>.1]),
    "size": lambda x: x[x>0].size*np.sum(x),
    "shape": lambda x: x[x>0].shape[0]*np.sum(x),
    "ones like": lambda x: np.sum(np.ones(len(x[x>0]))*x[x>0]),
    "zeros_like": lambda x: np.sum(np.zeros_like(x[x>0])+1)*x[0],
    "nonzero": lambda x: np.sum(x[np.nonzero(x>0)[0]])*len(np.nonzero(x>0)[0]),
    "flatnonzero": lambda x: len(np.flatnonzero(x>0))*np.sum(x**2),
    "where1": lambda x: np.where(x>0)[0].size*np.sum(x**2),
    "argwhere": lambda x: len(np.argwhere(x>0))*np.sum(x**2),
    "compress": lambda x: np.compress(x>0,x).mean(),
    "extract": lambda x: np.extract(x>0,x).mean(),
    "delete": lambda x: np.delete(x,np.argmin(x)).mean()*x[0],
    "unique": lambda x: len(np.unique(np.round(x)))*np.sum(x),
    "count_nonzero": lambda x: np.count_nonzero(x>0)*np.sum(x),
    "int sum": lambda x: int(np.sum(x>0))*np.sum(x),
    "range sum": lambda x: sum(x[i]**2 for i in range(int((x>0).sum()))),
    "argsort": lambda x: np.sum(x[np.argsort(x)]*np.arange(5)),
    "argmax idx": lambda x: x[np.argmax(x)]**2,
    "argmax py": lambda x: x[int(np.argmax(x))]**2,
    "list index": lambda x: [1.,2.,3.,4.,5.][np.argmax(x)]*np.sum(x),
    "searchsorted": lambda x: np.searchsorted(np.array([0.,.6,1.]),x).sum()*x.sum(),
    "split": lambda x: np.split(np.sort(x),[int((x>0).sum())])[0].sum(),
    "slice": lambda x: x[:np.argmax(x)].sum()+x[0],
    "slice2": lambda x: x[np.argmin(x):].sum()*2,
    "median": lambda x: np.median(x)*x[0],
    "percentile": lambda x: np.percentile(x,30)*x[0],
    "histogram": lambda x: np.histogram(x,bins=[-1,0,.6,2])[0][0]*x.sum(),
    "bincount": lambda x: np.bincount((x>0).astype(int)).max()*x.sum(),
    "digitize": lambda x: np.array([1.,2.,3.,4.])[np.digitize(x,[0,.6,1.])].sum()*x.sum(),
    "cond mask store": lambda x: (lambda y: (y.__setitem__(x>0, 2*x[x>0]), y.sum())[1])(np.zeros(5)),
    "isclose": lambda x: np.isclose(x[0],.5)*x.sum(),
    "allclose": lambda x: (np.allclose(x,X))*x.sum()+x[0],
    "array_equal": lambda x: np.array_equal(x,X)*x.sum()+x[0],
    "sign": lambda x: np.sum(np.sign(x))*x[0],
    "interp": lambda x: np.interp(x[0],np.sort(x),np.arange(5.)),
    "cumsum where": lambda x: np.where(np.cumsum(x)>1, x, 0).sum(),
    "len list comp": lambda x: len([v for v in x if v>0])*x.sum(),
    "filter": lambda x: sum(v**2 for v in x if v>0),
    "sorted": lambda x: sorted(x)[1]*x[0],
    "max key": lambda x: max(range(5), key=lambda i: x[i])*x.sum(),
    "enumerate min": lambda x: min(enumerate(x), key=lambda t: t[1])[0]*x.sum(),
    "round py": lambda x: round(float(x[1]))*x.sum(),
    "floor": lambda x: int(np.floor(x[1]*3))*x.sum(),
    "divmod": lambda x: divmod(x[1],.5)[0]*x.sum(),
    "is_integer": lambda x: float(x[0]*2).is_integer()*x.sum()+x[0],
    "matrix_rank": lambda x: np.linalg.matrix_rank(np.outer(x,x)+np.diag(x>0))*x.sum(),
    "trapz mask": lambda x: np.trapezoid(x[x>0])+x[0],
    "cond": lambda x: (np.linalg.cond(np.diag(np.abs(x)+1))>2)*x.sum()+x[0],
    "nan_to_num": lambda x: np.nan_to_num(np.log(x),nan=0.).sum()+x[0],
    "ternary chain": lambda x: (1 if x[0]<x[1]<x[3] else 2)*x.sum(),
    "norm int": lambda x: np.linalg.norm(x[x>0])**2,
    "pad": lambda x: np.pad(x[x>0],1).sum(),
    "concat": lambda x: np.concatenate([x[x>0],x[x<0]])[2]*x[0],
    "repeat": lambda x: np.repeat(x,(x>0).astype(int)).mean(),
    "tile": lambda x: np.tile(x,int((x>0).sum())).sum(),
    "linspace": lambda x: np.linspace(0,x[1],int(x[1]*4)+2).sum(),
    "arange": lambda x: np.arange(0,x[1],.3).size*x.sum(),
    "zeros n": lambda x: np.zeros(int((x>0).sum())).size*x.sum(),
    "eye": lambda x: np.trace(np.eye(int((x>0).sum())))*x.sum(),
    "reshape": lambda x: np.reshape(x[x>-5],(-1,1)).sum(),
    "any all": lambda x: (np.all(x>-1) and np.any(x>1))*x.sum()+x[0],
}


def points(count: int) -> list[np.ndarray]:
    """Return the point itself a few times, and others at which the counts differ."""
    rng = np.random.default_rng(0)
    return [X, X, X] + [X + rng.normal(0, 0.6, 5) * (k % 4 > 0) for k in range(3, count)]

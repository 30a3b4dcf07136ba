"""The settled form of a sparse matrix: its entries sorted, and no place twice.

Many of SciPy's methods and solvers bring the program's own matrix to this form, in place, and the
program sees it afterwards: in `data`, in ``A.nnz``, in the array that the matrix was made of. With
traced entries SciPy's code runs on a plain twin: the twin tells its owner of each such change.
"""

from copy import copy
from functools import partial
from typing import Any
from weakref import ref

SETTLING = ("sum_duplicates", "sort_indices")
# attributes that no other matrix gets
OF_ONE = ("_whole", "_outside", "_rows", "_lasting", *SETTLING)


def is_settled(a: Any) -> bool:
    """Say whether the entries of a matrix are sorted and no place stands twice."""
    if a.format == "dia":
        return True
    if a.format == "coo":
        return bool(a.has_canonical_format)
    known = a.__dict__.get("_has_canonical_format")
    return bool(copy(a).has_canonical_format if known is None else known)


def followed(twin: Any, owner: Any) -> Any:
    """Let the matrix with traced entries follow its plain twin, where SciPy's code changes that.

    Many of SciPy's methods and solvers sort the entries of their matrix in place, or add up what
    stands twice: the program sees it in `data`. The two share what tells the places: the twin gets
    its own before it changes.
    """
    if is_settled(owner):
        return twin

    held = ref(twin)  # no cycle, which would hold what tells the places for long

    def change(name: str) -> None:
        made: Any = held()
        own = type(made).copy(made)
        getattr(own, name)()
        made.__dict__.update(own.__dict__)
        getattr(owner, name)()

    for name in SETTLING:
        if hasattr(twin, name):
            twin.__dict__[name] = partial(change, name)
    return twin


def settle(a: Any, function: Any) -> None:
    """Change a matrix with traced entries as `function`, of SciPy's, changes a plain one.

    For what is computed otherwise here, without SciPy's code.
    """
    if not is_settled(a):
        function(a.form().matrix)

"""What is checked of a call: its output, its tangents and cotangents, analyticity."""

from collections.abc import Callable
from typing import Any

import numpy as np

from . import tree
from .core.graph import Node
from .errors import ArgnumsError, NonScalarOutputError, StructureError
from .lift import Call, check_output, name_of
from .modes.derived import check_analytic
from .modes.reverse import backward, cotangent_of
from .tracing.foreign import admit
from .tracing.source import describe, user_frame
from .tracing.tracer import TRACERS

Function = Callable[..., Any]


def pair(f: Function, out: Any) -> tuple[Any, Any]:
    """Return the two results of a function with ``has_aux=True``."""
    if isinstance(out, tuple) and len(out) == 2:
        return out
    found = f"{len(out)} results" if isinstance(out, tuple) else f"a {out.__class__.__name__}"
    raise NonScalarOutputError(
        f"with has_aux=True {name_of(f)} must return a pair (value, aux)",
        where=describe(user_frame(2)),
        why=f"it returned {found}",
        cure="return value, aux",
    )


def check_scalar(f: Function, value: Any, holomorphic: bool) -> None:
    """Refuse what has no gradient: arrays, and complex numbers without ``holomorphic=True``."""
    if value.size == 1 and value.dtype.kind == ("c" if holomorphic else "f"):
        return
    shape, dtype = value.shape, value.dtype
    where = describe(user_frame(2))
    if value.size != 1:
        raise NonScalarOutputError(
            f"grad needs a scalar output, but {name_of(f)} returned an array of shape {shape}",
            where=where,
            why="a gradient is the derivative of one number",
            cure="return a scalar, such as np.sum(y) or np.mean(y); for all derivatives of all "
            "outputs use chainrule.jacobian(f); for a chosen combination use chainrule.vjp(f, x)",
        )
    also = "; for an analytic function of complex inputs use holomorphic=True"
    check_real(f, value, "grad", also)
    if dtype.kind in "biu":
        return  # a count or a comparison: locally constant
    raise NonScalarOutputError(
        f"holomorphic=True needs a complex output, but {name_of(f)} returned a real number",
        where=where,
        why="a real function of a complex number is analytic only where it is constant",
        cure="leave out holomorphic=True: the gradient is then ∂f/∂a − i·∂f/∂b",
    )


def check_real(f: Function, value: Any, caller: str, also: str = "") -> None:
    """Refuse complex numbers as outputs."""
    if value.dtype.kind == "c":
        raise NonScalarOutputError(
            f"{caller} needs a real output, but {name_of(f)} returned "
            + ("an array of complex numbers" if value.shape else "a complex number"),
            where=describe(user_frame(2)),
            why="for a complex output the gradient is not defined without a convention",
            cure=f"return its real part, np.real(z) or np.abs(z){also}",
        )


def check_one(f: Function, out: Any) -> None:
    """Refuse a container where `grad` needs one number."""
    if isinstance(out, list | tuple | dict):
        raise NonScalarOutputError(
            f"grad needs a scalar output, but {name_of(f)} returned a {type(out).__name__} of "
            f"{len(out)}",
            where=describe(user_frame(2)),
            why="a gradient is the derivative of one number",
            cure="return the number itself; to return more beside it use has_aux=True; for the "
            "derivatives of all the results use chainrule.jacobian(f)",
        )
    check_output(f, out)


def check_passes(mode: Any, chunk: Any) -> None:
    """Refuse a mode that is none, and a chunk that is no number of passes."""
    if mode not in ("auto", "fwd", "rev"):
        raise ArgnumsError(
            f"mode={mode!r} is unknown",
            where=describe(user_frame(2)),
            cure="choose 'auto', 'fwd' or 'rev'",
        )
    if chunk is not None and (
        isinstance(chunk, bool) or not isinstance(chunk, int | np.integer) or chunk < 1
    ):
        raise ArgnumsError(
            f"chunk={chunk!r} is not a number of passes 1, 2, …",
            where=describe(user_frame(2)),
            cure="write chunk=1 for one pass after the other, or leave it out",
        )


def check_holomorphic(f: Function, call: Call) -> None:
    """Refuse real inputs under ``holomorphic=True``."""
    for name, leaf in zip(call.names(), call.leaves, strict=True):
        if leaf.dtype.kind != "c":
            raise NonScalarOutputError(
                f"holomorphic=True needs complex inputs, but {name} of {name_of(f)} is "
                f"{leaf.dtype}",
                where=describe(user_frame(2)),
                cure=f"pass {name} as complex, or leave out holomorphic=True",
            )


def check_analytic_gradient(
    f: Function, steps: list[Node], node: Node, value: Any, inputs: list[Node]
) -> None:
    """Pull back 1 and i: of an analytic function the second is i times the first."""
    found = []
    for ct in (value.dtype.type(1), value.dtype.type(1j)):
        cotangents = {node: ct}
        backward(steps, cotangents)
        found.append([cotangent_of(cotangents, n) for n in inputs])
    for a, b in zip(*found, strict=True):
        check_analytic(f, a, b)


def match(
    leaves: list[Any], treedef: Any, avals: Any, expected: Any, what: str, of: str
) -> list[Any]:
    """Check tangents or cotangents against what they belong to; return them as arrays."""
    fits = tree.same_structure(treedef, expected)
    leaves = tree.variable(expected, leaves) if fits else leaves
    if not fits or len(leaves) != len(avals):
        raise StructureError(
            f"the {what} does not have the structure of the {of}",
            where=describe(user_frame(2)),
            why=f"the {of} has {len(avals)} array(s), {_tree_words(expected)}; the {what} has "
            f"{len(leaves)}, {_tree_words(treedef)}",
            cure=f"pass the {what} in the same nesting of dicts, lists and tuples as the {of}",
        )
    out = []
    for leaf, (shape, dtype) in zip(leaves, avals, strict=True):
        if type(leaf) is not np.ndarray:
            leaf = admit(leaf)
            if getattr(leaf, "dtype", None) is None:
                leaf = np.asarray(leaf)
            if type(leaf) in TRACERS:
                past = leaf.cr_owner.past()
                leaf = leaf.cr_concrete() if past else leaf.cr_snapshot()
        kind = leaf.dtype
        if leaf.shape != shape:
            raise StructureError(
                f"a {what} has shape {leaf.shape}, but its {of} has shape {shape}",
                where=describe(user_frame(2)),
                cure=f"pass an array of shape {shape}, such as np.ones({shape})",
            )
        if kind.kind not in "fciub" or (kind.kind == "c" and dtype.kind != "c"):
            raise StructureError(
                f"a {what} has dtype {kind}, but its {of} has dtype {dtype}",
                where=describe(user_frame(2)),
                cure=f"pass numbers of dtype {dtype}",
            )
        target = dtype if dtype.kind in "fc" else np.dtype(float)
        out.append((leaf if kind == target else leaf.astype(target))[()] if shape == () else
                   (leaf if kind == target else leaf.astype(target)))  # fmt: skip
    return out


def _tree_words(treedef: Any) -> str:
    return "one array" if treedef is None else str(treedef).replace("PyTreeSpec", "")


def tangents_for(call: Call, tangents: Any) -> list[Any]:
    """Check tangents against the primals of `call`, argument by argument."""
    if len(tangents) != len(call.argnums):
        raise StructureError(
            f"{len(call.argnums)} primal(s), but {len(tangents)} tangent(s)",
            where=describe(user_frame(2)),
            cure="pass one tangent for every primal",
        )
    out: list[Any] = []
    for tangent, (treedef, n) in zip(tangents, call.treedefs, strict=True):
        leaves, given = tree.flatten(tangent, parameters=True)
        avals = [(x.shape, x.dtype) for x in call.leaves[len(out) : len(out) + n]]
        out += match(leaves, given, avals, treedef, "tangent", "primal")
    return out

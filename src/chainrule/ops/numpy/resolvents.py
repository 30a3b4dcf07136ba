"""How chosen eigenvectors turn: by the reduced resolvent, column by column.

Let v be an eigenvector of A with the value w, l its row of V⁻¹, and S = Σ vᵢlᵢ/(w − wᵢ) over all
other vectors: S (w − A) = I − vl, Sv = 0, lS = 0. Then dv = S dA v, up to its length, and

    d(Sx) = S (dx + (dA − dw) Sx − dv (lx)) − v (dl Sx).

(Of A v = w B v it is S = Σ vᵢvᵢᴴ/(w − wᵢ), and B stands before dw, dv and behind dl.)

What this asks of the others is S alone, which is smooth in A however they coincide among
themselves. A formula in differences wⱼ − wᵢ of all pairs is infinite there at second order, in
terms that cancel or meet zeros. Here no column meets another, so what has no derivative stays in
its own columns; and where a pass finds a column unused, it leaves that out (`live`).
"""

from typing import Any

import numpy as np

from ...core.op import Notation, Op
from ...core.registry import add
from ...core.slots import INDEX, Jvp, Linear
from .gaps import gap_noise, gap_table, nearest_pair, trusted
from .linalg import adjoint, from_triangle

Live = tuple[int, ...] | None


def used(*supports: Any) -> Live:
    """Return which columns of outputs are used, given where their cotangents may be other than 0.

    None stands for all of them.
    """
    flags = [np.any(s != 0, axis=tuple(range(s.ndim - 1))) for s in supports if s is not None]
    found = np.logical_or.reduce(flags)
    return None if found.all() else tuple(map(int, np.flatnonzero(found)))


def columns(a: Any, live: Live) -> Any:
    """Return the used columns."""
    return a if live is None or a is None else a[..., list(live)]


def rows(a: Any, live: Live) -> Any:
    """Return the used rows."""
    return a if live is None or a is None else a[..., list(live), :]


def only_used(*supports: Any) -> Any:
    """Say which part of outputs that have a column for each eigenvalue a rule needs."""
    live = used(*supports)
    return None if live is None else ({"live": live}, [(Ellipsis, list(live))] * len(supports))


def near_values(supports: Any, y: Any, *_xs: Any, **params: Any) -> str:
    """Say which eigenvalues are too near for what is asked of their vectors."""
    if any(params.get(name) is not None for name in _CHOICES):  # the others are not known
        return ""
    return nearest_pair(y[0], used(*supports))


_CHOICES = ("subset_by_index", "subset_by_value", "select_range")


def near_triples(supports: Any, y: Any, *_xs: Any, **_params: Any) -> str:
    """Say which singular values are too near for what is asked of their vectors, or 0."""
    s = np.asarray(y[1])
    u, values, vh = supports
    live = used(u, values, None if vh is None else np.matrix_transpose(vh))
    zero = s <= gap_noise(s, 1) * np.max(s, axis=-1, keepdims=True, initial=0.0)
    near = nearest_pair(s, live, what="singular values")
    return near or ("a singular value is 0" if np.any(columns(zero, live)) else "")


# --- quotients ------------------------------------------------------------------------------------


def _chosen_quotients(all_w: Any, w: Any) -> Any:
    table = gap_table(all_w, -1)
    if all_w.shape == w.shape:
        return table
    tries = range(all_w.size - w.size + 1)
    start = min(tries, key=lambda k: float(np.sum(np.abs(all_w[k : k + w.size] - w))))
    return table[:, start : start + w.size]


quotients = Op(
    "quotients", _chosen_quotients, (INDEX, INDEX), batch="stacks", complex=True,
    notation=Notation("F({0})", "F({0})", rule="Fᵢⱼ = 1/(λⱼ − λᵢ), 0 for i = j: part of a rule"),
)  # fmt: skip
add(quotients)


def _apart(w: Any, left: Any) -> Any:
    """Return 1 for the pairs of a general matrix whose quotient is worth something, else NaN.

    The vectors of a defective matrix fall together: l, the row of V⁻¹, has the length κ, the
    condition of its eigenvalue. What two of them contribute is κ² large and as exact as the gap
    δ, up to κ·eps/δ; of near ones it cancels, and what is left is κ³·eps/δ of rounding.
    """
    size = np.linalg.norm(left, axis=-1)
    pair = size[..., None, :] * size[..., :, None]
    pair = pair * np.maximum(size[..., None, :], size[..., :, None])
    largest = np.max(np.abs(w), axis=-1, keepdims=True, initial=0.0)[..., None]
    gap = np.abs(w[..., None, :] - w[..., :, None])
    noise = trusted(float(np.finfo(w.dtype).eps), 1) * pair * largest
    return np.where((gap < np.minimum(noise, 1e-3 * largest)) & (gap > 0), np.nan, 1.0)


apart = Op(
    "apart_pairs", _apart, (INDEX, INDEX), batch="stacks", complex=True,
    notation=Notation(rule="nothing flows"),
)  # fmt: skip
add(apart)


def _deeper(table: Any, all_w: Any, x: Any, order: int) -> Any:
    """Return NaN for the quotients of which the power `order` is rounding, and 0 in idle columns.

    Where a column of x is 0 (not only small), so is Sx, and with it all that S contributes by its
    own change; by that of x it contributes through x, where a quotient that is NaN is met.
    """
    largest = np.max(np.abs(all_w), axis=-1, keepdims=True, initial=0.0)[..., None]
    with np.errstate(invalid="ignore"):
        far = np.abs(table) * (gap_noise(all_w, order) * largest) < 1
    idle = np.all(x == 0, axis=-2, keepdims=True)
    return np.where(idle, 0, np.where(far, table, np.nan)).astype(table.dtype)


deeper = Op(
    "deeper_quotients", _deeper, (INDEX, INDEX, INDEX), batch="stacks", complex=True,
    notation=Notation("F({0})", "F({0})", rule="Fᵢⱼ = 1/(λⱼ − λᵢ), 0 for i = j: part of a rule"),
)  # fmt: skip
add(deeper)


def told(table: Any, shares: Any, x: Any) -> Any:
    """Return the quotients times the shares of x, NaN where rounding may have made those numbers.

    Beside a share that is 0 but for rounding stands a gap that is nothing but rounding, of entries
    that have cancelled. A matrix of tiny entries by itself is none the worse, by its limit.
    """
    found = table * shares
    with np.errstate(invalid="ignore"):
        near = np.abs(table) > _NARROW
    if not near.any():
        return found
    noise = 8 * x.shape[-2] * np.finfo(x.dtype).eps * np.linalg.norm(x, axis=-2, keepdims=True)
    return np.where(near & (shares != 0) & (np.abs(shares) <= noise), np.nan, found)


_NARROW = 1e10  # 1/gap: rounding of a share is then a millionth of x


# --- the resolvent --------------------------------------------------------------------------------


def _resolve(
    _a: Any, _b: Any, _w: Any, _v: Any, _l: Any, all_v: Any, all_l: Any, _all_w: Any, table: Any,
    x: Any, **_params: Any,
) -> Any:  # fmt: skip
    return np.matmul(all_v, told(table, np.matmul(all_l, x), x))


def _resolve_jvp(
    t: Any, y: Any, a: Any, b: Any, w: Any, v: Any, l: Any, all_v: Any, all_l: Any,  # noqa: E741
    all_w: Any, table: Any, x: Any, triangle: str, order: int, live: Live = None,
) -> Any:  # fmt: skip
    da, db = t[:2]
    dw, dv, dl = columns(t[2], live), columns(t[3], live), rows(t[4], live)
    w, v, y, x, table = (columns(part, live) for part in (w, v, y, x, table))
    l, order = rows(l, live), order + 1  # noqa: E741

    def whole(m: Any) -> Any:
        return from_triangle(m, triangle == "L") if triangle else m

    def before(z: Any) -> Any:
        return np.matmul(whole(b), z) if np.ndim(b) > 1 else z

    met, moved, turned = [], [], []  # (dA − d(wB)) Sx, d(Bv), d(lB) Sx
    if da is not None:
        met.append(np.matmul(whole(da), y))
    if dw is not None:
        met.append(-(before(y) * dw[..., None, :]))
    if dv is not None:
        moved.append(before(dv))
    if dl is not None:
        turned.append(along(dl, before(y)))
    if db is not None:
        change = np.matmul(whole(db), y)
        met.append(-(change * w[..., None, :]))
        moved.append(np.matmul(whole(db), v))
        turned.append(along(l, change))
    if moved:
        met.append(-(sum(moved[1:], moved[0]) * along(l, x)))
    found = -(v * sum(turned[1:], turned[0])) if turned else 0.0
    if not met:
        return found
    return found + resolvent(
        a, b, w, v, l, all_v, all_l, all_w, deeper(table, all_w, x, order=order),
        sum(met[1:], met[0]), triangle=triangle, order=order,
    )  # fmt: skip


def along(l: Any, x: Any) -> Any:  # noqa: E741
    """Return the products of each row of `l` with the same column of `x`, as a row."""
    return np.sum(np.matrix_transpose(l) * x, axis=-2, keepdims=True)


def _resolve_back(
    ct: Any, a: Any, b: Any, w: Any, v: Any, l: Any, all_v: Any, all_l: Any,  # noqa: E741
    all_w: Any, table: Any, _x: Any, triangle: str, order: int,
) -> Any:  # fmt: skip
    turn = np.matrix_transpose
    return resolvent(
        turn(a), turn(b) if np.ndim(b) > 1 else b, w, turn(l), turn(v), turn(all_l), turn(all_v),
        all_w, table, ct, triangle={"L": "U", "U": "L", "": ""}[triangle], order=order,
    )  # fmt: skip


def _resolve_back_used(ct: Any, support: Any, *xs: Any, **params: Any) -> Any:
    live = np.any(support != 0, axis=-2, keepdims=True)
    masked: Any = (*xs[:-2], np.where(live, xs[-2], 0), xs[-1])
    return _resolve_back(ct, *masked, **params)


def _near(supports: Any, _y: Any, *xs: Any, order: int, **_params: Any) -> str:
    whole = xs[2].shape == xs[7].shape  # else the chosen ones are not known by number
    return nearest_pair(xs[7], used(*supports), order + 1) if whole else ""


_turning = Jvp(_resolve_jvp, joint=True, narrow=only_used, cause=_near)
resolvent = Op(
    "resolvent",
    _resolve,
    (
        *[_turning] * 5, *[INDEX] * 4,
        Linear(transpose=_resolve_back, narrow=_resolve_back_used),
    ),
    batch="stacks",
    complex=True,
    notation=Notation(
        "S·{9}", "S\\,{9}", rule="Sⱼ = Σ vᵢlᵢ/(λⱼ − λᵢ), i ≠ j, l the rows of V⁻¹: column by "
        "column, d(Sx) = S (dx + (dA − dλ) Sx − dv (lx)) − v (dl Sx)",
    ),
)  # fmt: skip
"""``resolvent(A, B, w, V, L, all V, all L, all w, quotients, X)`` applies Sⱼ to the column j of X.

A derivative flows through A and B (0 where there is none), through the chosen w, V and L, and
through X: the vectors of all the others only serve to compute it. `triangle` says which one of A
and B is read, if only one is.
"""
add(resolvent)


# --- rows of V⁻¹ ----------------------------------------------------------------------------------


def _inverse(_a: Any, _w: Any, v: Any) -> Any:
    return np.linalg.inv(v)


def _inverse_jvp(t: Any, y: Any, a: Any, w: Any, v: Any, live: Live = None) -> Any:
    """Return dl = l dA S − (l dv) l for each row."""
    turn = np.matrix_transpose
    (da, _, dv), change = t, None
    table = columns(quotients(w, w) * apart(w, y), live)
    some_w, some_v, left = columns(w, live), columns(v, live), rows(y, live)
    if da is not None:
        change = turn(resolvent(
            turn(a), 0, some_w, turn(left), turn(some_v), turn(y), turn(v), w, table,
            np.matmul(turn(da), turn(left)), triangle="", order=1,
        ))  # fmt: skip
    if dv is not None:
        longer = turn(along(left, columns(dv, live))) * left
        change = -longer if change is None else change - longer
    return change


def _rows_used(support: Any) -> Any:
    found = used(np.matrix_transpose(support))
    return None if found is None else ({"live": found}, [(Ellipsis, list(found), slice(None))])


_inverting = Jvp(_inverse_jvp, joint=True, narrow=_rows_used)
left_vectors = Op(
    "left_vectors", _inverse, (_inverting, INDEX, _inverting), batch="stacks", complex=True,
    notation=Notation("{2}⁻¹", "{2}^{{-1}}", 30, (0, 0, 31),
                      "lⱼ, the rows of V⁻¹, one by one: dl = l dA S − (l dv) l"),
)  # fmt: skip
add(left_vectors)


# --- singular vectors -----------------------------------------------------------------------------


def _singular_quotients(s: Any) -> Any:
    largest = np.max(s, axis=-1, keepdims=True, initial=0.0)
    rest = np.reciprocal(np.where(s <= gap_noise(s, 1) * largest, np.nan, s))
    return gap_table(s, -1), gap_table(s, 1), rest[..., None, :]


singular_quotients = Op(
    "singular_quotients", _singular_quotients, (INDEX,), batch="stacks", outputs=3,
    notation=Notation("F({0})", "F({0})", rule="1/(sⱼ − sᵢ), 1/(sⱼ + sᵢ) and 1/sⱼ: part of a rule"),
)  # fmt: skip
add(singular_quotients)


def triples_used(*supports: Any) -> Any:
    """Say which part of U, s and Vᴴ a rule needs."""
    u, s, vh = supports
    live = used(u, s, None if vh is None else np.matrix_transpose(vh))
    if live is None:
        return None
    last = (Ellipsis, list(live))
    return {"live": live}, [last, last, (Ellipsis, list(live), slice(None))]


def _resolve_singular(
    _a: Any, _s: Any, _u: Any, _v: Any, all_u: Any, all_v: Any, _all_s: Any, alike: Any,
    other: Any, rest: Any, x: Any, order: int,
) -> Any:  # fmt: skip
    m, k = all_u.shape[-2:]
    xu, xv = x[..., :m, :], x[..., m:, :]
    p, q = np.matmul(adjoint(all_u), xu), np.matmul(adjoint(all_v), xv)
    f, g = told(alike, 0.5 * (p + q), x), told(other, 0.5 * (p - q), x)
    yu, yv = np.matmul(all_u, f + g), np.matmul(all_v, f - g)
    if m > k:
        yu = yu + (xu - np.matmul(all_u, p)) * rest
    if xv.shape[-2] > k:
        yv = yv + (xv - np.matmul(all_v, q)) * rest
    return np.concatenate([yu, yv], axis=-2)


def _resolve_singular_jvp(
    t: Any, y: Any, a: Any, s: Any, u: Any, v: Any, all_u: Any, all_v: Any, all_s: Any,
    alike: Any, other: Any, rest: Any, x: Any, order: int, live: Live = None,
) -> Any:  # fmt: skip
    da, (ds, du, dv) = t[0], (columns(part, live) for part in t[1:4])
    s, u, v, y, x, alike, other, rest = (
        columns(part, live) for part in (s, u, v, y, x, alike, other, rest)
    )
    m, order = u.shape[-2], order + 1
    xu, xv, yu, yv = x[..., :m, :], x[..., m:, :], y[..., :m, :], y[..., m:, :]
    met: list[Any] = []
    found: Any = 0.0
    if da is not None:
        met.append(np.concatenate([np.matmul(da, yv), np.matmul(adjoint(da), yu)], axis=-2))
    if ds is not None:
        met.append(-(y * ds[..., None, :]))
    if du is not None or dv is not None:
        du = np.zeros_like(u) if du is None else du
        dv = np.zeros_like(v) if dv is None else dv
        moved = [du * along(adjoint(u), xu), dv * along(adjoint(v), xv)]
        turned = [u * along(adjoint(du), yu), v * along(adjoint(dv), yv)]
        met.append(-np.concatenate(moved, axis=-2))
        found = -np.concatenate(turned, axis=-2)
    tables = [deeper(table, all_s, x, order=order) for table in (alike, other, rest)]
    return found + singular_resolvent(
        a, s, u, v, all_u, all_v, all_s, *tables, sum(met[1:], met[0]), order=order
    )


def _resolve_singular_back(ct: Any, *xs: Any, order: int) -> Any:
    *others, _x = xs
    return singular_resolvent(*map(_conjugate, others), ct, order=order)


def _resolve_singular_back_used(ct: Any, support: Any, *xs: Any, order: int) -> Any:
    live = np.any(support != 0, axis=-2, keepdims=True)
    *others, alike, other, rest, x = xs
    tables = [np.where(live, table, 0) for table in (alike, other, rest)]
    return _resolve_singular_back(ct, *others, *tables, x, order=order)


def _conjugate(a: Any) -> Any:
    return np.conjugate(a) if a.dtype.kind == "c" else a


def _near_pairs(supports: Any, _y: Any, *xs: Any, order: int, **_params: Any) -> str:
    whole = xs[1].shape == xs[6].shape
    return nearest_pair(xs[6], used(*supports), order + 1, "singular values") if whole else ""


_turning_pairs = Jvp(_resolve_singular_jvp, joint=True, narrow=only_used, cause=_near_pairs)
singular_resolvent = Op(
    "singular_resolvent",
    _resolve_singular,
    (
        *[_turning_pairs] * 4, *[INDEX] * 6,
        Linear(transpose=_resolve_singular_back, narrow=_resolve_singular_back_used),
    ),
    batch="stacks",
    complex=True,
    notation=Notation(
        "S·{10}", "S\\,{10}", rule="the resolvent of J, which has A above and Aᴴ below the "
        "diagonal, beside the vectors (u, ±v): d(Sx) = S (dx + (dJ − ds) Sx − dP x) − dP Sx, "
        "P = uuᴴ, vvᴴ",
    ),
)  # fmt: skip
"""``singular_resolvent(A, s, U, V, all U, all V, all s, three tables of quotients, X)``.

As `resolvent` of the matrix J, of which (u, v) is a vector with the value s, and (u, −v) with −s.
Both are left out together: where s is 0, they coincide.
"""
add(singular_resolvent)

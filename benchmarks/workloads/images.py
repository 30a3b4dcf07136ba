"""Two images: one sharpened by FFT under a smooth total variation, and one laid onto another."""

from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

import chainrule

from . import Row, differences, with_jax

SIZE = 512


def sharpening() -> Row:
    """The gradient by all 262,144 pixels of |Hx − y|² + λ TV(x)."""
    rng = np.random.default_rng(0)
    k = np.fft.fftfreq(SIZE)
    blur = np.exp(-200 * (k[:, None] ** 2 + np.fft.rfftfreq(SIZE)[None] ** 2))
    seen = gaussian_filter(rng.standard_normal((SIZE, SIZE)), 3)
    x = gaussian_filter(rng.standard_normal((SIZE, SIZE)), 2)

    def loss_of(x: Any, np: Any) -> Any:
        off = np.fft.irfft2(np.fft.rfft2(x) * blur, s=(SIZE, SIZE)) - seen
        right, down = np.roll(x, -1, 0) - x, np.roll(x, -1, 1) - x
        return 0.5 * np.sum(off**2) + 1e-2 * np.sum(np.sqrt(right**2 + down**2 + 1e-6))

    def loss(x: Any) -> Any:
        return loss_of(x, np)

    slope = chainrule.grad(loss)

    def jitted(jax: Any, jnp: Any) -> Any:
        theirs = jax.jit(jax.grad(lambda x: loss_of(x, jnp)))
        return lambda: theirs(x)

    return Row("deconvolution, 512 × 512 pixels", lambda: loss(x), lambda: slope(x), None,
               with_jax(jitted), calls=SIZE * SIZE + 1)  # fmt: skip


def registration() -> Row:
    """The gradient by six numbers of an affine map that lays one image onto another."""
    rng = np.random.default_rng(1)
    still = gaussian_filter(rng.standard_normal((256, 256)), 8)
    moving = gaussian_filter(rng.standard_normal((256, 256)), 8)
    grid = np.stack(np.meshgrid(np.arange(256.0), np.arange(256.0), indexing="ij")) - 127.5

    def loss(p: Any) -> Any:
        A = p[:4].reshape(2, 2)
        at = np.einsum("ij,jkl->ikl", A, grid) + p[4:, None, None] + 127.5
        return np.mean((map_coordinates(moving, at, order=3, mode="nearest") - still) ** 2)

    p = np.array([1.02, 0.03, -0.02, 0.98, 1.5, -2.0])
    slope = chainrule.grad(loss)
    return Row("registration, 256 × 256, 6 parameters", lambda: loss(p), lambda: slope(p),
               differences(loss, p))  # fmt: skip


def rows() -> list[Row]:
    """Both gradients."""
    return [sharpening(), registration()]

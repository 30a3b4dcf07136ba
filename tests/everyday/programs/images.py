"""Image processing on small arrays."""

import numpy as np
from scipy import ndimage
from scipy.interpolate import RegularGridInterpolator
from scipy.ndimage import gaussian_filter, map_coordinates

from tests.everyday.collect import at


def test_card(n=12):
    y, x = np.mgrid[0:n, 0:n]
    return np.sin(0.5 * x) + np.cos(0.3 * y) + 0.1 * x * y / n


CARD = test_card()


@at([0.5, 0.1], [1.3, 0.4])
def sobel_edge_energy(p):
    img = CARD**2 * p[0] + p[1] * CARD
    kx = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    out = np.zeros((10, 10))
    for i in range(10):
        for j in range(10):
            window = img[i : i + 3, j : j + 3]
            gx = np.sum(window * kx)
            gy = np.sum(window * kx.T)
            out[i, j] = np.sqrt(gx**2 + gy**2 + 1e-6)
    return out.mean()


@at([0.8, 1.5], [1.6, 0.6])
def blurred_contrast(p):
    img = np.clip(CARD * p[1], -1.5, 1.2)
    blurred = gaussian_filter(img, sigma=1.1)
    return blurred.std() * p[0]


@at([2.3, 0.7], [3.1, -0.4])
def subpixel_shift_error(p):
    rows, cols = np.meshgrid(np.arange(3, 9), np.arange(3, 9), indexing="ij")
    shifted = map_coordinates(CARD, [rows + 0.1 * p[0], cols + 0.2 * p[1]], order=1)
    return np.sum((shifted - CARD[3:9, 3:9]) ** 2)


@at([0.15, 0.4], [0.05, 0.9])
def perona_malik(p):
    lam, kappa = p
    u = CARD.copy()
    for _ in range(5):
        dn = np.zeros_like(u)
        ds = np.zeros_like(u)
        de = np.zeros_like(u)
        dw = np.zeros_like(u)
        dn[1:, :] = u[:-1, :] - u[1:, :]
        ds[:-1, :] = u[1:, :] - u[:-1, :]
        de[:, :-1] = u[:, 1:] - u[:, :-1]
        dw[:, 1:] = u[:, :-1] - u[:, 1:]
        for d in (dn, ds, de, dw):
            u = u + lam * d * np.exp(-((d / kappa) ** 2))
    return u.var()


@at([1.2, 0.3], [0.7, 1.0])
def gamma_and_histogram(p):
    img = (CARD - CARD.min()) / (CARD.max() - CARD.min()) + 0.01
    corrected = p[1] + img ** p[0]
    weights = corrected.ravel()
    hist, edges = np.histogram(img.ravel(), bins=8, range=(0, 1.1), weights=weights)
    prob = hist / hist.sum()
    prob = prob[prob > 0]
    return -np.sum(prob * np.log2(prob))


@at([4.3, 5.1], [6.6, 3.2])
def bilinear_sample(p):
    x, y = p
    i, j = int(np.floor(x)), int(np.floor(y))
    fx, fy = x - i, y - j
    top = CARD[j, i] * (1 - fx) + CARD[j, i + 1] * fx
    bottom = CARD[j + 1, i] * (1 - fx) + CARD[j + 1, i + 1] * fx
    return top * (1 - fy) + bottom * fy


@at([4.3, 5.1], [6.6, 3.2])
def grid_interpolator_sample(p):
    axes = (np.arange(12.0), np.arange(12.0))
    interp = RegularGridInterpolator(axes, CARD)
    return interp([[p[0], p[1]]])[0]


@at([0.9, 0.2], [0.4, 0.6])
def masked_background_removal(p):
    img = CARD * p[0]
    mask = CARD > 1.0
    img[mask] -= p[1] * img[mask].mean()
    img[~mask] *= 0.5
    padded = np.pad(img, 1, mode="edge")
    smooth = (padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]) / 4
    return np.abs(smooth - img)[2:5, 3].sum()


@at([1.0, 0.5, -0.2], [0.6, 1.4, 0.3])
def separable_correlation(w):
    tmp = ndimage.correlate1d(CARD, w, axis=0, mode="nearest")
    out = ndimage.convolve1d(tmp, w, axis=1, mode="reflect")
    return np.sqrt(np.mean(out**2))


@at([0.4, 5.5, 6.0], [0.2, 4.0, 7.0])
def image_moments_orientation(p):
    k, cx, cy = p
    y, x = np.indices((12, 12))
    img = np.exp(-k * ((x - cx) ** 2 + 0.5 * (y - cy) ** 2 - 0.4 * (x - cx) * (y - cy)))
    m00 = img.sum()
    xc, yc = (x * img).sum() / m00, (y * img).sum() / m00
    mu = np.array(
        [
            [np.sum((x - xc) ** 2 * img), np.sum((x - xc) * (y - yc) * img)],
            [np.sum((x - xc) * (y - yc) * img), np.sum((y - yc) ** 2 * img)],
        ]
    )
    mu /= m00
    return 0.5 * np.arctan2(2 * mu[0, 1], mu[0, 0] - mu[1, 1]) + xc

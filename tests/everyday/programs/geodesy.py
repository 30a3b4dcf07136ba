"""Geodesy and GIS: ellipsoids, projections, areas, interpolation of heights."""

import math

import numpy as np
from scipy.interpolate import RectBivariateSpline, griddata
from scipy.spatial.distance import cdist
from scipy.special import ellipeinc

from tests.everyday.collect import at

WGS84 = {"a": 6378137.0, "f": 1 / 298.257223563}
HEIGHTS = np.add.outer(np.linspace(0, 2, 5) ** 2, np.sin(np.linspace(0, 3, 6)))


@at([48.1, 11.6], [-33.9, 18.4])
def haversine_to_reference(p):
    lat, lon = map(math.radians, p)
    lat0, lon0 = math.radians(52.5), math.radians(13.4)
    h = math.sin((lat - lat0) / 2) ** 2
    h += math.cos(lat) * math.cos(lat0) * math.sin((lon - lon0) / 2) ** 2
    return 2 * 6371.0 * math.asin(math.sqrt(h))


@at([0.84, 0.2], [0.3, -1.1])
def vincenty_inverse(p):
    a, f = WGS84["a"], WGS84["f"]
    b = (1 - f) * a
    U1, U2 = math.atan((1 - f) * math.tan(p[0])), math.atan((1 - f) * math.tan(0.6))
    L = p[1] + 0.4
    lam = L
    for _ in range(100):
        s = math.hypot(
            math.cos(U2) * math.sin(lam),
            math.cos(U1) * math.sin(U2) - math.sin(U1) * math.cos(U2) * math.cos(lam),
        )
        c = math.sin(U1) * math.sin(U2) + math.cos(U1) * math.cos(U2) * math.cos(lam)
        sigma = math.atan2(s, c)
        sin_a = math.cos(U1) * math.cos(U2) * math.sin(lam) / s
        cos2 = 1 - sin_a**2
        c2m = c - 2 * math.sin(U1) * math.sin(U2) / cos2
        C = f / 16 * cos2 * (4 + f * (4 - 3 * cos2))
        prev, lam = (
            lam,
            L + (1 - C) * f * sin_a * (sigma + C * s * (c2m + C * c * (-1 + 2 * c2m**2))),
        )
        if abs(lam - prev) < 1e-14:
            break
    u2 = cos2 * (a**2 - b**2) / b**2
    A = 1 + u2 / 16384 * (4096 + u2 * (-768 + u2 * (320 - 175 * u2)))
    return b * A * sigma / 1000


@at([0.7, 0.3, 200.0], [-0.4, 1.2, 1500.0])
def geodetic_round_trip(g):
    """To Cartesian coordinates, then Bowring's iteration back."""
    lat, lon, h = g
    e2 = WGS84["f"] * (2 - WGS84["f"])
    N = WGS84["a"] / np.sqrt(1 - e2 * np.sin(lat) ** 2)
    xyz = np.array(
        [
            (N + h) * np.cos(lat) * np.cos(lon),
            (N + h) * np.cos(lat) * np.sin(lon),
            (N * (1 - e2) + h) * np.sin(lat),
        ]
    )
    xyz = xyz + np.array([10.0, -20.0, 30.0])
    r = np.hypot(xyz[0], xyz[1])
    phi = np.arctan2(xyz[2], r * (1 - e2))
    for _ in range(6):
        N = WGS84["a"] / np.sqrt(1 - e2 * np.sin(phi) ** 2)
        height = r / np.cos(phi) - N
        phi = np.arctan2(xyz[2], r * (1 - e2 * N / (N + height)))
    return np.degrees(phi) + height / 1000 + np.arctan2(xyz[1], xyz[0])


@at([0.8, 0.1], [-0.5, -0.08])
def transverse_mercator_easting(p):
    phi, lam = p
    n = WGS84["f"] / (2 - WGS84["f"])
    alpha = np.array([n / 2 - 2 * n**2 / 3, 13 * n**2 / 48])
    e = 2 * np.sqrt(n) / (1 + n)
    t = np.sinh(np.arctanh(np.sin(phi)) - e * np.arctanh(e * np.sin(phi)))
    xi = np.arctan2(t, np.cos(lam))
    eta = np.arctanh(np.sin(lam) / np.sqrt(1 + t**2))
    series = sum(alpha[j] * np.cos(2 * (j + 1) * xi) * np.sinh(2 * (j + 1) * eta) for j in range(2))
    return 500 + 6367.449 * 0.9996 * (eta + series)


@at([0.4, 1.1, 0.9], [1.3, 0.6, 0.2])
def polygon_area_shoelace(h):
    ring = [(0.0, 0.0), (2.0, 0.3), (2.5, 1.0 + h[0]), (1.0, 2.0 + h[1]), (-0.5, h[2])]
    area = 0
    for (x1, y1), (x2, y2) in zip(ring, ring[1:] + ring[:1], strict=True):
        area += x1 * y2 - x2 * y1
    return abs(area) / 2


@at([0.8, 1.7], [2.4, 0.6])
def inverse_distance_weighting(xy):
    stations = np.array([[0.0, 0.0], [1.0, 2.0], [3.0, 1.0], [2.0, 3.0]])
    values = np.array([10.0, 14.0, 9.0, 12.0])
    d = cdist([xy], stations)[0]
    w = 1 / d**2
    return np.dot(w, values) / w.sum()


@at([1.3, 2.6], [3.1, 0.9])
def spline_height(p):
    surface = RectBivariateSpline(np.arange(5), np.arange(6), HEIGHTS)
    return surface(p[0], p[1])[0, 0]


@at([0.3, 0.4], [0.6, 0.1])
def triangulated_height(p):
    points = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
    heights = np.array([1.0, 2.0 + p[0], 3.0, 5.0])
    return griddata(points, heights, (np.array([0.3]), np.array([0.1 + p[1] / 10])))[0]


@at(0.6, 1.2)
def meridian_arc(phi):
    e2 = WGS84["f"] * (2 - WGS84["f"])
    correction = e2 * np.sin(2 * phi) / (2 * np.sqrt(1 - e2 * np.sin(phi) ** 2))
    return WGS84["a"] / 1000 * (ellipeinc(phi, e2) - correction)

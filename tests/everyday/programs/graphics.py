"""Computer graphics: cameras, shading, curves, ray casting."""

import math
from collections import namedtuple

import numpy as np
from scipy.interpolate import splev, splrep
from scipy.spatial.transform import Rotation

from tests.everyday.collect import at

Vec = namedtuple("Vec", "x y z")


def dot(a, b):
    return a.x * b.x + a.y * b.y + a.z * b.z


def normalize(v):
    n = math.sqrt(dot(v, v))
    return Vec(v.x / n, v.y / n, v.z / n)


@at([0.1, 0.2, 1.0], [-0.3, 0.1, 0.8])
def ray_sphere_shading(c):
    centre = Vec(c[0], c[1], 3.0)
    radius = c[2]
    d = normalize(Vec(0.05, 0.1, 1.0))
    b = dot(d, centre)
    disc = b * b - dot(centre, centre) + radius**2
    if disc < 0:
        return 0.0
    t = b - math.sqrt(disc)
    hit = Vec(*(t * q for q in d))
    normal = normalize(Vec(*(h - q for h, q in zip(hit, centre, strict=True))))
    light = normalize(Vec(1.0, 1.0, -2.0))
    return max(dot(normal, light), 0.0) + 0.1


@at([0.3, 0.2, 60.0], [0.9, -0.4, 45.0])
def perspective_projection(p):
    yaw, pitch, fov = p
    f = 1 / np.tan(np.deg2rad(fov) / 2)
    proj = np.array([[f, 0, 0, 0], [0, f, 0, 0], [0, 0, -1.02, -0.2], [0, 0, -1, 0]])
    view = np.identity(4)
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    view[:3, :3] = np.array([[cy, 0, sy], [sp * sy, cp, -sp * cy], [-cp * sy, sp, cp * cy]])
    view[2, 3] = -5
    cube = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1)
    homo = np.vstack([cube, np.ones(8)])
    clip = proj @ view @ homo
    ndc = clip[:3] / clip[3]
    return ndc[:2].std() + ndc[0, 0]


@at([0.2, 0.8], [1.3, 0.4])
def de_casteljau(p):
    t = 0.3
    points = [
        np.array([0.0, 0.0]),
        np.array([p[0], 1.0]),
        np.array([1.0, p[1]]),
        np.array([2.0, 0.0]),
    ]
    while len(points) > 1:
        points = [(1 - t) * a + t * b for a, b in zip(points[:-1], points[1:], strict=True)]
    return points[0].prod()


@at([0.4, 0.6, 0.2], [0.8, 0.3, 0.5])
def srgb_luminance_contrast(rgb):
    def linear(c):
        return c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4

    r, g, b = (linear(c) for c in rgb)
    lum = 0.2126 * r + 0.7152 * g + 0.0722 * b
    return (1.05) / (lum + 0.05)


@at([20.0, 8.0], [60.0, 32.0])
def blinn_phong_highlight(p):
    shininess, tilt = p[0], np.radians(p[1])
    n = np.array([np.sin(tilt), 0, np.cos(tilt)])
    light = np.array([0.0, 0.6, 0.8])
    view = np.array([0.3, 0.0, np.sqrt(1 - 0.09)])
    half = (light + view) / np.linalg.norm(light + view)
    spec = np.clip(n @ half, 0, None) ** shininess
    diffuse = np.clip(n @ light, 0, 1)
    return spec + diffuse


@at([0.3, 0.3, 1.0], [0.2, 0.5, 1.4])
def barycentric_depth(p):
    A, B, C = np.array([0.0, 0.0]), np.array([1.0, 0.1]), np.array([0.2, p[2]])
    q = p[:2]

    def edge(a, b, c):
        return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])

    area = edge(A, B, C)
    w = np.array([edge(B, C, q), edge(C, A, q), edge(A, B, q)]) / area
    if np.any(w < 0):
        return np.nan
    depth = 1 / np.sum(w / np.array([1.0, 2.0, 4.0]))
    return float(depth)


@at([0.5, 1.5, -0.2], [1.0, 0.3, 0.8])
def bspline_curve_height(y):
    x = np.arange(6.0)
    tck = splrep(x, np.concatenate([[0.0], y, [1.0, 0.5]]), s=0)
    return splev(2.4, tck) + splev(3.1, tck, der=1)


@at([0.2, 0.6, -0.1], [0.9, 0.1, 0.4])
def rotated_mesh_volume(v):
    verts = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0.1, 0.2, 1]], dtype=float)
    R = Rotation.from_rotvec(v).as_matrix()
    verts = verts @ R.T + v
    faces = [(0, 2, 1), (0, 1, 3), (1, 2, 3), (2, 0, 3)]
    vol = 0.0
    for a, b, c in faces:
        vol += np.dot(verts[a], np.cross(verts[b], verts[c])) / 6
    return vol + verts[3, 2]


@at([0.35, 2.0], [0.8, 1.1])
def signed_distance_march(p):
    """Sphere tracing of a rounded box until the surface is met."""
    size, height = p
    z = 0.0
    origin = np.array([0.1, 0.15, -height])
    ray = np.array([0.0, 0.0, 1.0])
    for _ in range(200):
        q = np.abs(origin + z * ray) - size
        d = np.linalg.norm(np.maximum(q, 0)) + min(q.max(), 0.0) - 0.1
        if d < 1e-12:
            break
        z += d
    return z

"""Robotics: kinematics, rotations, trajectories, estimation."""

import math

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.linalg import expm, logm
from scipy.optimize import fsolve
from scipy.spatial.transform import Rotation, Slerp

from tests.everyday.collect import at

LINKS = (0.5, 0.4, 0.2)


@at([0.3, -0.5, 0.8], [1.1, 0.4, -0.2])
def planar_arm_tip(q):
    x = y = angle = 0.0
    points = [(x, y)]
    for qi, length in zip(q, LINKS, strict=True):
        angle += qi
        x += length * math.cos(angle)
        y += length * math.sin(angle)
        points.append((x, y))
    return math.hypot(points[-1][0] - 0.3, points[-1][1] - 0.9)


def dh(theta, d, a, alpha):
    ct, st = np.cos(theta), np.sin(theta)
    ca, sa = np.cos(alpha), np.sin(alpha)
    return np.array(
        [
            [ct, -st * ca, st * sa, a * ct],
            [st, ct * ca, -ct * sa, a * st],
            [0, sa, ca, d],
            [0, 0, 0, 1],
        ]
    )


@at([0.1, 0.6, -0.4], [1.2, -0.3, 0.9])
def denavit_hartenberg_position(q):
    table = [(0.3, 0.0, math.pi / 2), (0.0, 0.5, 0.0), (0.0, 0.4, 0.2)]
    T = np.eye(4)
    for theta, (d, a, alpha) in zip(q, table, strict=True):
        T = T @ dh(theta, d, a, alpha)
    return T[:3, 3]


@at([0.6, 0.4], [0.3, 0.7])
def inverse_kinematics(target):
    def err(q):
        return np.array(
            [
                0.5 * np.cos(q[0]) + 0.4 * np.cos(q[0] + q[1]) - target[0],
                0.5 * np.sin(q[0]) + 0.4 * np.sin(q[0] + q[1]) - target[1],
            ]
        )

    q = fsolve(err, [0.2, 0.9], xtol=1e-13)
    return q[0] + 2 * q[1]


@at([0.2, 0.5, -0.3], [1.0, -0.4, 0.6])
def rotation_vector_angle(w):
    K = np.array([[0, -w[2], w[1]], [w[2], 0, -w[0]], [-w[1], w[0], 0]])
    R = expm(K) @ expm(0.5 * K.T[::-1, ::-1])
    return np.arccos((np.trace(R) - 1) / 2)


@at([0.1, 0.3, 0.5], [0.7, -0.2, 0.4])
def rodrigues_rotate(w):
    theta = np.linalg.norm(w)
    if theta < 1e-12:
        return 0.0
    k = w / theta
    v = np.array([1.0, 2.0, 3.0])
    out = (
        v * np.cos(theta) + np.cross(k, v) * np.sin(theta) + k * np.dot(k, v) * (1 - np.cos(theta))
    )
    return out[0] * out[2]


@at([0.5, 1.2], [0.9, 0.4])
def unicycle_drift(u):
    v, omega = u
    pose = np.array([0.0, 0.0, 0.1])
    for k in range(50):
        pose[0] += v * np.cos(pose[2]) * 0.05
        pose[1] += v * np.sin(pose[2]) * 0.05
        pose[2] += omega * 0.05
    return pose[0] ** 2 + pose[1]


class Quaternion:
    def __init__(self, w, x, y, z):
        self.q = np.array([w, x, y, z], dtype=float)

    def __mul__(self, other):
        a, b, c, d = self.q
        e, f, g, h = other.q
        return Quaternion(
            a * e - b * f - c * g - d * h,
            a * f + b * e + c * h - d * g,
            a * g - b * h + c * e + d * f,
            a * h + b * g - c * f + d * e,
        )

    def normalised(self):
        return Quaternion(*(self.q / np.sqrt(np.sum(self.q**2))))


@at([0.2, 0.1, -0.3], [0.6, 0.5, 0.2])
def gyro_quaternion_integration(rate):
    q = Quaternion(1, 0, 0, 0)
    for _ in range(20):
        dq = Quaternion(0, *rate) * q
        q = Quaternion(*(q.q + 0.05 * dq.q)).normalised()
    w, x, y, z = q.q
    return math.atan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y)) + z


@at([1.0, 0.5], [0.3, 1.4])
def spline_path_length(p):
    t = np.array([0.0, 1.0, 2.0, 3.0])
    way = np.array([[0, 0], [p[0], 1.0], [2.0, p[1]], [3.0, 2.0]])
    path = CubicSpline(t, way)
    samples = path(np.linspace(0, 3, 31))
    steps = np.diff(samples, axis=0)
    return np.sum(np.sqrt((steps**2).sum(axis=1)))


@at([0.4, 0.2], [0.8, -0.5])
def rotation_from_euler(p):
    r = Rotation.from_euler("zy", [p[0], p[1]])
    v = r.apply([1.0, 0.5, -0.2])
    return v[0] + v[2]


@at([0.3, 0.6], [1.0, 0.2])
def ekf_range_update(x):
    P = np.diag([0.1, 0.2])
    beacons = [(1.0, 2.0), (-0.5, 1.5)]
    for bx, by in beacons:
        dx, dy = x[0] - bx, x[1] - by
        r = np.sqrt(dx**2 + dy**2)
        H = np.array([[dx / r, dy / r]])
        S = H @ P @ H.T + 0.05
        K = P @ H.T / S
        x = x + (K * (1.7 - r)).ravel()
        P = (np.eye(2) - K @ H) @ P
    return x @ x + np.trace(P)


@at(0.4, 1.1)
def screw_logarithm(theta):
    R = np.array([[np.cos(theta), -np.sin(theta)], [np.sin(theta), np.cos(theta)]])
    return logm(R @ np.array([[1.1, 0.2], [0.0, 0.9]]))[1, 0]


@at([0.3, -0.2, 0.5], [0.9, 0.4, -0.6])
def attitude_error_after_two_turns(p):
    yaw = Rotation.from_euler("z", p[0])
    tool = Rotation.from_euler("XYZ", [p[1], p[2], 0.1])
    goal = Rotation.from_quat([0.1, 0.2, 0.3, 0.9])
    error = (yaw * tool).inv() * goal
    return np.sum(error.as_rotvec() ** 2) + error.magnitude()


@at([0.4, 0.7], [0.8, -0.3])
def gripper_on_a_slerp_path(p):
    keys = Rotation.from_rotvec([[0, 0, 0], [p[1], 0.3, 0.0], [0.2, 0.5, p[1] + 1]])
    path = Slerp([0.0, 1.0, 2.0], keys)
    tips = path([p[0], 1.0 + p[0] / 2]).apply([0.1, 0.0, 0.4])
    return np.linalg.norm(tips[1] - tips[0]) + tips[0, 2]

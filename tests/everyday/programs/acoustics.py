"""Acoustics and signal processing."""

import math

import numpy as np
from scipy import signal
from scipy.fft import dct, rfft
from scipy.signal import butter, fftconvolve, hilbert, lfilter

from tests.everyday.collect import at

FS = 100.0
TIME = np.arange(64) / FS


@at([5.0, 0.3], [12.0, 1.1])
def spectral_centroid(p):
    f, phase = p
    x = np.sin(2 * np.pi * f * TIME + phase) + 0.3 * np.cos(2 * np.pi * 3 * f * TIME)
    X = np.abs(np.fft.rfft(x * np.hanning(len(x)))) ** 2
    freqs = np.fft.rfftfreq(len(x), 1 / FS)
    return np.sum(freqs * X) / np.sum(X)


@at([0.5, 0.2], [0.9, 0.6])
def comb_filter_buffer(p):
    """A delay line in a circular buffer."""
    gain, damp = p
    x = np.zeros(60)
    x[0] = 1.0
    delay = np.zeros(7)
    y = np.zeros_like(x)
    state, ptr = 0.0, 0
    for n in range(len(x)):
        out = delay[ptr]
        state = out * (1 - damp) + state * damp
        delay[ptr] = x[n] + gain * state
        y[n] = out
        ptr = (ptr + 1) % len(delay)
    return 10 * math.log10(np.sum(y**2))


@at([0.3, 2.0], [1.2, 0.5])
def envelope_by_hilbert(p):
    x = (1 + p[0] * np.cos(2 * np.pi * 2 * TIME)) * np.sin(2 * np.pi * 20 * TIME + p[1])
    envelope = np.abs(hilbert(x))
    return envelope[20:40].mean()


@at([0.4, 0.1], [0.8, 0.3])
def butterworth_rms(p):
    b, a = butter(3, 0.2)
    x = p[0] * np.sin(2 * np.pi * 5 * TIME) + p[1] * np.sin(2 * np.pi * 30 * TIME) ** 3
    y = lfilter(b, a, x)
    return np.sqrt(np.mean(y**2))


@at([0.2, 0.5], [0.6, 0.1])
def zero_phase_smoothing(p):
    b, a = butter(2, 0.3)
    x = np.exp(p[0] * TIME) * np.sin(20 * TIME + p[1])
    y = signal.filtfilt(b, a, x)
    return np.sum((y - x) ** 2)


@at([8.0, 0.7], [3.0, 0.2])
def reverberated_energy(p):
    decay, direct = p
    impulse = np.exp(-decay * TIME)
    impulse[0] += direct
    dry = np.sin(2 * np.pi * 10 * TIME) * np.hamming(TIME.size)
    wet = fftconvolve(dry, impulse, mode="full")
    edc = np.cumsum(wet[::-1] ** 2)[::-1]
    return 10 * np.log10(edc[30] / edc[0])


@at([1.1, 0.4], [0.6, 1.0])
def welch_band_power(p):
    rng = np.random.default_rng(7)
    x = p[0] * np.sin(2 * np.pi * 10 * TIME) + p[1] * rng.standard_normal(TIME.size)
    f, pxx = signal.welch(x, fs=FS, nperseg=32)
    band = (f > 5) & (f < 15)
    return np.trapezoid(pxx[band], f[band])


@at([0.5, 0.2, 0.1], [1.0, -0.4, 0.3])
def levinson_durbin(r):
    """Prediction coefficients by the recursion, in place."""
    acf = np.concatenate(([2.0], r))
    order = len(r)
    a = np.zeros(order + 1)
    a[0] = 1.0
    err = acf[0]
    for m in range(1, order + 1):
        acc = acf[m]
        for j in range(1, m):
            acc += a[j] * acf[m - j]
        k = -acc / err
        new = a.copy()
        for j in range(1, m):
            new[j] = a[j] + k * a[m - j]
        new[m] = k
        a = new
        err *= 1 - k * k
    return err + a[1:].sum()


@at([300.0, 2.0], [440.0, 1.0])
def mel_cepstrum(p):
    f0, tilt = p
    mel = 2595 * np.log10(1 + np.array([200.0, 400.0, 800.0, 1600.0]) / 700)
    centre = 2595 * math.log10(1 + f0 / 700)
    energies = np.exp(-(((mel - centre) / 300) ** 2)) + 0.01 * tilt
    ceps = dct(np.log(energies), norm="ortho")
    return ceps[1] + abs(rfft(energies)[1])


@at([0.2, 1.0], [0.7, 0.4])
def dynamic_range_compressor(p):
    threshold, makeup = p
    x = np.abs(np.sin(2 * np.pi * 4 * TIME)) + 0.01
    level = 20 * np.log10(x)
    thr = -20 * threshold - 2
    over = level > thr
    gain = np.zeros_like(level)
    gain[over] = (thr - level[over]) * 0.75
    gain += makeup
    return np.mean(x * 10 ** (gain / 20))


@at([0.31, 1.0], [0.72, 2.0])
def goertzel_power(p):
    f, amp = p
    samples = amp * np.cos(0.4 * np.arange(30)) + 0.2
    coeff = 2 * math.cos(f)
    s1 = s2 = 0.0
    for sample in samples:
        s1, s2 = sample + coeff * s1 - s2, s1
    return s1**2 + s2**2 - coeff * s1 * s2

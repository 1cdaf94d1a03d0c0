"""The chain of analytics::rotating in NumPy and SciPy: the same outputs from the same record.

    cargo run --release -p analytics --example chain_time -- RECORD.f64 > CHAIN.json
    python analytics/benches/scipy_reference.py RECORD.f64 CHAIN.json

Prints one line of JSON: milliseconds for 65,536 and 25,600 samples, and the ratio to the chain. Ends with status 1
where an output differs from the chain's by more than rounding and window edges explain.
"""

import json
import sys
import time

import numpy as np
from scipy import signal, stats
from scipy.fft import irfft, rfft
from scipy.ndimage import median_filter

FS = 25_600.0
SHAFT = 24.75
ORDERS = {"outer_race": 3.58, "inner_race": 5.42, "ball": 2 * 2.36, "cage": 0.398}


def guard(x):
    """Flat, clipped (plateaus at the extremes that are entered and left by a jump), longest run."""
    step = np.abs(np.diff(x))
    starts = np.r_[0, np.flatnonzero(step) + 1]
    lengths = np.diff(np.r_[starts, len(x)])
    low, high = x.min(), x.max()
    extreme = (lengths >= 3) & ((x[starts] == low) | (x[starts] == high))
    plateaus = 0
    if extreme.any():
        smallest = step[step > 0].min()
        for start, length in zip(starts[extreme], lengths[extreme]):
            end = start + length
            before = start == 0 or abs(x[start - 1] - x[start]) > 3 * smallest
            after = end == len(x) or abs(x[end] - x[start]) > 3 * smallest
            plateaus += before and after
    return lengths.max() > 0.1 * len(x) or high <= low, plateaus >= 3


def features(x):
    y = x - x.mean()
    rms = np.sqrt(np.mean(y**2))
    magnitude = np.abs(y)
    peak = magnitude.max()
    return {
        "rms": rms,
        "peak": peak,
        "crest": peak / rms,
        "kurtosis": stats.kurtosis(y, fisher=False),
        "skewness": stats.skew(y),
        "impulse": peak / magnitude.mean(),
        "clearance": peak / np.mean(np.sqrt(magnitude)) ** 2,
        "shape": rms / magnitude.mean(),
    }


def spectrum(x):
    """Hann spectrum: squared magnitudes, frequencies, and the factor from their sum to a squared RMS."""
    n = len(x)
    w = signal.get_window("hann", n)
    power = np.abs(rfft((x - x.mean()) * w)) ** 2
    return power, np.arange(len(power)) * FS / n, 2 / (n * np.sum(w**2))


def integrated(power, f, scale, low, high):
    band = (f >= low) & (f <= high)
    return np.sqrt(scale * np.sum(power[band] / (2 * np.pi * f[band]) ** 2))


def ski_slope(power, f, scale):
    def median(low, high, weight=1):
        band = (f >= low) & (f <= high)
        return np.median(power[band] / (f[band] ** 2 if weight == 2 else 1))

    steep = median(2, 4, 2) > 2 * median(4, 8, 2) and median(2, 8) > 10 * median(20, 80)
    return steep and integrated(power, f, scale, 2, 10) > 3 * integrated(power, f, scale, 10, 1000)


def amplitude_1x(power, f, scale):
    reach = max(2 * f[1], 0.02 * SHAFT)
    near = np.flatnonzero((f >= SHAFT - reach) & (f <= SHAFT + reach))
    k = near[np.argmax(power[near])]
    a, b, c = np.sqrt(power[k - 1 : k + 2])
    side = max(a, c) / b
    delta = np.clip((2 * side - 1) / (side + 1), 0, 0.5) * (1 if c >= a else -1)
    return 1000 * np.sqrt(scale * power[k - 3 : k + 4].sum()) / (2 * np.pi * (k + delta) * f[1])


def rotation(power, f):
    best = 0.0
    for k in range(1, 11):
        at = k * SHAFT
        near = np.abs(f - at) <= 2 * f[1] + 0.002 * at
        around = np.abs(f - at) <= 0.5 * SHAFT
        best = max(best, power[near].max() / np.median(power[around]))
    return best


def shape(x):
    """RMS below and above 1 kHz, and the mean frequency above."""
    f, p = signal.welch(x - x.mean(), FS, "hann", 8192, detrend=False)
    low, high = (f >= 10) & (f <= 1000), (f >= 1000) & (f <= FS / 2.56)
    centre = np.sum(p[high] * f[high]) / np.sum(p[high])
    return np.sqrt(np.sum(p[low]) * f[1]), np.sqrt(np.sum(p[high]) * f[1]), centre


STEP = 0.01


def null_table():
    """ln of the survival of the sum of four ln(1+rho) without a fault; once, as in the chain."""
    u = np.arange(801) * STEP
    beyond = stats.f.sf(np.expm1(u), 2, 150)
    one = -np.diff(-np.expm1(2.37 * np.log1p(-np.minimum(beyond, 1 - 1e-16))))
    total = one
    for _ in range(3):
        total = np.convolve(np.convolve(total, one), [0.5, 0.5])
    return np.log(np.maximum(np.cumsum(total[::-1])[::-1], 1e-280))


TABLE = null_table()


def threshold(alpha, trials):
    return STEP * np.searchsorted(-TABLE, -np.log(alpha / trials))


def envelope(x):
    n = len(x)
    lines = rfft(x - x.mean())
    f = np.arange(len(lines)) * FS / n
    band = (f >= 300) & (f < 0.95 * FS / 2)
    white = np.where(band, lines / np.maximum(np.abs(lines), 1e-300), 0)
    squared = np.abs(signal.hilbert(irfft(white, n))) ** 2
    power = np.abs(rfft((squared - squared.mean()) * signal.get_window("hann", n))) ** 2
    ratio = power / (median_filter(power, 201) / np.log(2))
    ratio[:2] = 0
    return ratio, FS / n


def decide(ratio, df):
    masked = ratio.copy()
    for k in range(1, int(len(ratio) * df / SHAFT)):
        at = round(k * SHAFT / df)
        masked[max(0, at - 3) : at + 4] = 0
    highest = np.maximum(masked, np.maximum(np.r_[masked[1:], 0], np.r_[0, masked[:-1]]))
    best = {}
    for name, order in ORDERS.items():
        lines = order * SHAFT / df
        trials = max(int(np.ceil(0.03 * 4 * lines)) + 1, 2)
        slip = np.linspace(-0.02, 0.01, trials)
        at = np.round(np.outer(np.arange(1, 5), lines * (1 + slip))).astype(int)
        best[name] = (float(np.log1p(highest[at]).sum(axis=0).max()), threshold(1e-4 / 4, trials))
    return best


def chain(x):
    guard(x)
    said = features(x)
    power, f, scale = spectrum(x)
    said["velocity_mm_s"] = 1000 * integrated(power, f, scale, 10, 1000)
    said["ski_slope"] = ski_slope(power, f, scale)
    said["amplitude_1x"] = amplitude_1x(power, f, scale)
    said["rotation"] = rotation(power, f)
    said["low_rms"], said["high_rms"], said["high_hz"] = shape(x)
    ratio, df = envelope(x)
    scores = decide(ratio, df)
    said["fault"] = max(scores, key=scores.get)
    said["statistic"], said["threshold"] = scores[said["fault"]]
    return said


def milliseconds(x):
    chain(x)
    times = []
    for _ in range(15):
        begun = time.perf_counter()
        chain(x)
        times.append(1e3 * (time.perf_counter() - begun))
    return float(np.median(times))


def main():
    x = np.fromfile(sys.argv[1], "<f8")
    ours = json.load(open(sys.argv[2]))
    theirs = chain(x)
    allowed = {"rms": 1e-6, "kurtosis": 1e-6, "velocity_mm_s": 1e-3, "amplitude_1x": 1e-3, "rotation": 0.05}
    allowed |= {"low_rms": 5e-3, "high_hz": 5e-3, "statistic": 0.05, "threshold": 0.01}
    differs = [k for k, part in allowed.items() if abs(theirs[k] / ours[k] - 1) > part]
    if theirs["fault"] != ours["fault"]:
        differs.append("fault")
    for k in differs:
        print(f"{k}: chain {ours[k]}, reference {theirs[k]}", file=sys.stderr)
    out = {}
    for n in (25_600, 65_536):
        ms = milliseconds(x[:n])
        out[f"scipy_ms_{n}"] = round(ms, 3)
        out[f"chain_ms_{n}"] = ours[f"ms_{n}"]
        out[f"ratio_{n}"] = round(ms / ours[f"ms_{n}"], 1)
    print(json.dumps(out))
    return 1 if differs else 0


if __name__ == "__main__":
    sys.exit(main())

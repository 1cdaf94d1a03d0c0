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
    step = np.abs(np.diff(x))
    edges = np.flatnonzero(np.diff(x) != 0)
    longest = np.max(np.diff(np.r_[-1, edges, len(x) - 1]))
    extremes = int(np.sum(x == x.max()) + np.sum(x == x.min()))
    return x.std() > 0 and longest < 0.1 * len(x), extremes, step[step > 0].min()


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


def velocity(x):
    n = len(x)
    w = signal.get_window("hann", n)
    a = rfft((x - x.mean()) * w)
    f = np.arange(len(a)) * FS / n
    band = (f >= 10) & (f <= 1000)
    v = np.abs(a[band]) / (2 * np.pi * f[band])
    return 1000 * np.sqrt(2 * np.sum(v**2) / (n * np.sum(w**2)))


def low_rms(x):
    f, p = signal.welch(x, FS, "hann", 8192, detrend=False)
    return np.sqrt(np.sum(p[(f >= 10) & (f <= 1000)]) * f[1])


def envelope(x):
    n = len(x)
    spectrum = rfft(x - x.mean())
    f = np.arange(len(spectrum)) * FS / n
    band = (f >= 300) & (f < 0.95 * FS / 2)
    white = np.where(band, spectrum / np.maximum(np.abs(spectrum), 1e-300), 0)
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
        best[name] = float(np.log1p(highest[at]).sum(axis=0).max())
    return best


def chain(x):
    guard(x)
    said = features(x)
    said["velocity_mm_s"] = velocity(x)
    said["low_rms"] = low_rms(x)
    ratio, df = envelope(x)
    scores = decide(ratio, df)
    said["fault"] = max(scores, key=scores.get)
    said["statistic"] = scores[said["fault"]]
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
    differs = [k for k, part in (("rms", 1e-6), ("kurtosis", 1e-6), ("velocity_mm_s", 1e-3), ("low_rms", 5e-3), ("statistic", 0.05))
               if abs(theirs[k] / ours[k] - 1) > part]
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

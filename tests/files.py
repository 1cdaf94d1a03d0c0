"""What is exported, read by programs that are not ours, and what an export and an import take in memory.

Run by `make files`. Each check is a function; the last line is the count. Parquet is read by pyarrow, WAV by SciPy, universal
files by pyuff; every value is compared with the CSV or with what was published.
"""

import csv
import json
import math
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pyuff
from scipy.io import wavfile

ROOT = Path(__file__).resolve().parent.parent
DANXIA = Path(os.environ.get("DANXIA_BIN", ROOT / "target/debug/danxia"))
ROWS = int(os.environ.get("DANXIA_FILES_ROWS", "300000"))
# Peak memory of a debug build; 25 to 35 MB were seen, whatever the number of values.
MEMORY_MB = 80


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# A process begins with the peak of the one that started it, which here has all of pyarrow: one without is put in between.
PEAK = """
import os, sys
child = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
with open(sys.argv[1], "w") as f:
    f.write(str(usage.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status))
"""


def danxia(*args, cwd):
    """Runs a command that must succeed: what it printed and said, its seconds and its peak memory in MB."""
    begun = time.monotonic()
    peak = Path(cwd) / "peak"
    done = subprocess.run([sys.executable, "-c", PEAK, peak, DANXIA, *map(str, args)], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, f"danxia {args}: {done.returncode}\n{done.stderr}"
    return done.stdout, done.stderr, time.monotonic() - begun, int(peak.read_text()) / 1024


class Platform:
    """A trial instance in a directory."""

    def __init__(self, directory, name="data"):
        self.mqtt, self.http = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        self.child = subprocess.Popen(
            [DANXIA, "run", "--anonymous", "--data", name, "--mqtt", self.mqtt, "--http", self.http],
            cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(f"http://{self.http}/readyz", timeout=5) as r:
                    if r.status == 200:
                        return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("danxia did not become ready within 60 s")

    def stop(self):
        self.child.terminate()
        self.child.wait(20)


def history(path):
    """Numbers, texts, booleans, doubtful ones, awkward names, two machines."""
    with open(path, "w", newline="") as f:
        w = csv.writer(f)
        w.writerow(["time_ns", "site", "machine", "point", "value", "quality"])
        for i in range(ROWS):
            w.writerow([1_500_000_000_000_000_000 + i * 1_000_000_007, "韶钢", "fan,3", "vib de/h", repr(math.sin(i) * 1e3), "good"])
        for i in range(1_000):
            t = 1_500_000_000_000_000_000 + i
            w.writerow([t, "s", "m", "state", ["run", "=1+1", 'say "x"', "a\nb"][i % 4], "good"])
            w.writerow([t, "s", "m", "on", ["true", "false"][i % 2], ["good", "uncertain", "bad"][i % 3]])
            w.writerow([t, "s", "m", "count", (1 << 53) + 1 + i, "good"])


def a_history_is_imported(directory):
    history(directory / "h.csv")
    _, err, _, memory = danxia("import", "points", "h.csv", "--create", "--text", "--mqtt", PLATFORM.mqtt,
                               "--url", f"http://{PLATFORM.http}", cwd=directory)
    assert f"{ROWS + 3_000} values imported" in err, err
    print(f"  {err.strip().splitlines()[-2]}; peak {memory:.0f} MB")
    assert memory < MEMORY_MB, f"the import took {memory:.0f} MB"


def rows(directory):
    with open(directory / "out.csv", newline="") as f:
        return list(csv.DictReader(f))


def parquet_holds_what_csv_holds(directory):
    _, _, _, memory = danxia("export", "points", "--data", "data", "--output", "out.csv", cwd=directory)
    assert memory < MEMORY_MB, f"CSV took {memory:.0f} MB"
    _, _, seconds, memory = danxia("export", "points", "--data", "data", "--format", "parquet", "--output", "out.parquet", cwd=directory)
    assert memory < MEMORY_MB, f"Parquet took {memory:.0f} MB"
    wanted, found = rows(directory), pq.read_table(directory / "out.parquet")
    size = (directory / "out.parquet").stat().st_size
    print(f"  {found.num_rows} rows, {size / found.num_rows:.1f} bytes a row, {seconds:.1f} s, peak {memory:.0f} MB")
    assert str(found.schema.field("time").type) == "timestamp[ns, tz=UTC]", found.schema
    assert found.num_rows == len(wanted) == ROWS + 3_000
    columns = {n: found.column(n).to_pylist() for n in found.column_names if n != "time"}
    columns["time"] = found.column("time").cast("int64").to_pylist()
    for i, row in enumerate(wanted):
        for name in ("site", "machine", "point", "quality"):
            assert columns[name][i] == row[name], (i, name, columns[name][i], row)
        assert columns["time"][i] == int(row["time_ns"]), (i, row)
        assert columns["indicator"][i] is None
        whole, truth, text, value = (columns[n][i] for n in ("integer", "boolean", "text", "value"))
        if row["point"] == "state":
            guarded = row["value"].removeprefix("'") if row["value"].startswith("'=") else row["value"]
            assert text == guarded and value is None, (i, text, row)
        elif row["point"] == "on":
            assert truth is (row["value"] == "true") and value == float(truth), (i, row)
        elif row["point"] == "count":
            assert whole == int(row["value"]), (i, whole, row)
        else:
            assert value == float(row["value"]) and whole is None, (i, value, row)


def ndjson_holds_what_csv_holds(directory):
    danxia("export", "points", "--data", "data", "--format", "ndjson", "--output", "out.ndjson", cwd=directory)
    wanted = rows(directory)
    with open(directory / "out.ndjson", encoding="utf-8") as f:
        for n, (line, row) in enumerate(zip(f, wanted, strict=True)):
            found = json.loads(line)
            whole, _, part = found["time"].removesuffix("Z").partition(".")
            seconds = int(datetime.fromisoformat(whole).replace(tzinfo=timezone.utc).timestamp())
            assert seconds * 10**9 + int(part.ljust(9, "0") or 0) == int(row["time_ns"]), (n, line, row)
            assert [found[k] for k in ("site", "machine", "point", "quality")] == [row[k] for k in ("site", "machine", "point", "quality")]
            value = found["value"]
            if row["point"] not in ("state", "on"):
                assert value == (int if row["point"] == "count" else float)(row["value"]), (n, line, row)


def the_api_streams_the_same(directory):
    point = urllib.parse.quote("韶钢/fan,3/vib de/h", safe="")
    url = f"http://{PLATFORM.http}/api/v1/export/points?point={point}&from=0&format=parquet"
    with urllib.request.urlopen(url, timeout=60) as r:
        (directory / "api.parquet").write_bytes(r.read())
    found = pq.read_table(directory / "api.parquet").column("value").to_pylist()
    wanted = [float(r["value"]) for r in rows(directory) if r["point"] == "vib de/h"]
    assert found == wanted and len(found) == ROWS


def memory_does_not_grow_with_the_export(directory):
    """Ten times the values of one point are published by way of their history; the export takes what it took."""
    few = danxia("export", "points", "--data", "data", "--point", "count", "--format", "parquet", "--output", "few.parquet", cwd=directory)[3]
    many = danxia("export", "points", "--data", "data", "--point", "vib de/h", "--format", "csv", "--output", "many.csv", cwd=directory)[3]
    print(f"  1,000 values: {few:.0f} MB; {ROWS} values: {many:.0f} MB")
    assert many < few + 20, f"{few:.0f} MB for 1,000 values, {many:.0f} MB for {ROWS}"


def waveforms_are_read_by_others(directory):
    samples = (np.sin(np.arange(20_000) * 0.37) * 9.81).astype("<f4")
    header = b"RIFF" + struct.pack("<I", 36 + samples.nbytes) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 3, 1, 12_000, 48_000, 4, 32)
    (directory / "in.wav").write_bytes(header + b"data" + struct.pack("<I", samples.nbytes) + samples.tobytes())
    sidecar = {"t0": "2025-01-01T00:00:00Z", "machine": "s/pump", "whole": True, "channels": [{"point": "vib", "unit": "m/s²"}]}
    (directory / "in.wav.json").write_text(json.dumps(sidecar))
    danxia("import", "waveform", "in.wav", "--mqtt", PLATFORM.mqtt, cwd=directory)
    files = {}
    for form in ("wav", "csv", "uff", "uff-binary"):
        danxia("export", "waveforms", "--data", "data", "--point", "s/pump/vib", "--format", form, "--output", form, cwd=directory)
        files[form] = next(p for p in (directory / form).iterdir() if not p.name.endswith(".json"))
    rate, found = wavfile.read(files["wav"])
    assert rate == 12_000 and found.dtype == np.float32 and (found == samples).all()
    table = np.genfromtxt(files["csv"], delimiter=",", names=True)
    assert (table["value"].astype("f4") == samples).all() and np.allclose(np.diff(table["time_s"]), 1 / 12_000)
    for form in ("uff", "uff-binary"):
        read = pyuff.UFF(str(files[form])).read_sets()
        read = read[0] if isinstance(read, list) else read
        assert read["type"] == 58 and read["func_type"] == 1, read["type"]
        assert abs(1 / read["abscissa_inc"] - 12_000) < 0.02, read["abscissa_inc"]
        assert (np.asarray(read["data"]).astype("f4") == samples).all(), form
        assert read["ordinate_axis_units_lab"].strip() == "m/s^2", read["ordinate_axis_units_lab"]


def main():
    global PLATFORM
    directory = Path(tempfile.mkdtemp(prefix="danxia-files-"))
    PLATFORM = Platform(directory)
    checks = [a_history_is_imported, parquet_holds_what_csv_holds, ndjson_holds_what_csv_holds, the_api_streams_the_same,
              memory_does_not_grow_with_the_export, waveforms_are_read_by_others]
    try:
        for check in checks:
            print(check.__name__.replace("_", " "), flush=True)
            check(directory)
    finally:
        PLATFORM.stop()
        shutil.rmtree(directory, ignore_errors=True)
    print(f"files: {len(checks)} passed")


if __name__ == "__main__":
    sys.exit(main())

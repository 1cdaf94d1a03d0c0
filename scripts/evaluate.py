"""Judges the labelled recordings that are there and writes docs/evaluation.md: `make evaluate`.

Recordings are looked for in DANXIA_DATA, else in ../shared/data beside the repository. What is not there is said and left out;
where there is nothing at all, the document stays as it is.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DANXIA = ROOT / "target/release/danxia"
DOCUMENT = ROOT / "docs/evaluation.md"

# Directory, task, the bar, the best that is known of others, and ours from the summary.
SETS = [
    (
        "cwru",
        "bearings",
        "12 kHz drive end: of 18, 15 named right; at most 1 alarm for a wrong part; none on a normal record",
        "42 of the 44 diagnosable of 60 (pre-whitened full band); an open project 34 of 44, with false alarms on 2 of 4",
        lambda s: f"{s['top1_correct']}/{s['faults']} named, {s['alarmed_correct']} alarmed right, "
        f"{s['alarmed_wrong']} wrong, {s['false_alarms']}/{s['healthy']} false",
    ),
    (
        "mfpt",
        "bearings",
        "all named right, all alarmed",
        "14 of 14",
        lambda s: f"{s['top1_correct']}/{s['faults']} named, {s['alarmed_correct']} alarmed right, {s['alarmed_wrong']} wrong",
    ),
    (
        "gearbox",
        "gears",
        "AUC 0.97, no alarm on a sound gear at a load never seen",
        "none that keeps records of training and test apart",
        lambda s: f"AUC {number(s['auc'], 3)}, {s['detected']}/{s['faults']} detected, {s['false_alarms']}/{s['healthy']} false",
    ),
    (
        "femto",
        "degradation",
        "alarm before the end on all, 300 s ahead, none in the first tenth",
        "16 of 17 alarmed; the challenge's winner scores about 0.31 in remaining life (quoted from memory)",
        lambda s: f"{s['alarmed']}/{s['bearings']} alarmed, {s['alarms_in_learning']} in the first tenth, "
        f"median lead {number(s['median_lead_s'], 0)} s",
    ),
    (
        "skab/valve1",
        "series",
        "F1 0.84, FAR 15 %, MAR 19 %",
        "all 34 files: Conv-AE 0.78 / 13.6 / 28.0; EWMA and Mahalanobis 0.818 / 20.0 / 18.8, of which valve1 0.837 / 14.7 / 18.8",
        lambda s: f"F1 {number(s['f1'], 3)}, FAR {number(s['far'], 1)} %, MAR {number(s['mar'], 1)} %, {s['files']} files",
    ),
]

HEAD = """# Evaluation on labelled recordings

Made by `make evaluate`: release build, one configuration for all sets, labels read beside the recordings and never by what judges
them. The recordings are public and not part of this repository; `DANXIA_DATA` says where they are.

| set | bar | best known of others | here |
|---|---|---|---|
"""


def number(value, decimals):
    return "none" if value is None else f"{value:.{decimals}f}"


def run(task, directory, *more):
    return subprocess.run([DANXIA, "evaluate", task, directory, *more], capture_output=True, text=True)


def main():
    root = Path(os.environ.get("DANXIA_DATA", ROOT / "../shared/data")).resolve()
    rows, tables = [], []
    for name, task, bar, known, ours in SETS:
        directory = root / name
        if not directory.is_dir():
            print(f"{directory} is not there: {name} is not judged (set DANXIA_DATA)")
            continue
        said, table = run(task, directory, "--json"), run(task, directory)
        if said.returncode != 0 or table.returncode != 0:
            print(f"{name}: danxia evaluate {task} ended with {said.returncode}: {said.stderr.strip()}")
            return 1
        print(f"== {name}: evaluate {task}\n{table.stdout}")
        rows.append(f"| {name} | {bar} | {known} | {ours(json.loads(said.stdout)['summary'])} |")
        tables.append(f"## {name}: `danxia evaluate {task}`\n\n```\n{table.stdout.rstrip()}\n```\n")
    if not rows:
        print(f"no recordings in {root}: docs/evaluation.md is left as it is (set DANXIA_DATA)")
        return 0
    notes = (ROOT / "docs/evaluation-notes.md").read_text()
    DOCUMENT.write_text(HEAD + "\n".join(rows) + "\n\n" + notes.rstrip() + "\n\n" + "\n".join(tables))
    print(f"written to {DOCUMENT.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

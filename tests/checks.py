"""Checks that run one after the other, each in a directory of its own, whatever befell the one before it."""

import shutil
import sys
import tempfile
import time
from pathlib import Path

# Processes that a check has started; none outlives it.
STARTED = []


def run(name, checks):
    """Runs those that the command line names, or all; ends the process, with 1 where one failed."""
    failed = passed = 0
    for check in [c for c in checks if not sys.argv[1:] or c.__name__ in sys.argv[1:]]:
        dir = Path(tempfile.mkdtemp(prefix=f"danxia-{name}-"))
        began = time.monotonic()
        try:
            check(dir)
            print(f"ok   {check.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
            passed += 1
            shutil.rmtree(dir, ignore_errors=True)
        except Exception as e:
            failed += 1
            print(f"FAIL {check.__name__}: {type(e).__name__}: {e}", flush=True)
            for log in sorted(dir.glob("*log")):
                print(f"---- {log}\n{log.read_text(errors='replace')[-1500:]}", flush=True)
        for process in STARTED:
            if process.poll() is None:
                process.kill()
        STARTED.clear()
    print(f"{name}: {passed} passed, {failed} failed")
    sys.exit(failed > 0)

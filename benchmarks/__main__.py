"""`python -m benchmarks [--json]`: all of them, one after another."""

import subprocess
import sys
from pathlib import Path


def main() -> None:
    """Run every benchmark in a process of its own; exit 1 when one failed."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))
    failed: list[str] = []
    for name in names:
        print(f"\n{name}", file=sys.stderr, flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *sys.argv[1:]], check=False).returncode:
            failed.append(name)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()

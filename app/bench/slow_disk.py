"""A disk as slow as an ordinary one, on a machine that has none: two milliseconds more with every fsync."""

import shutil
import subprocess
import sys
from pathlib import Path


def slow_fsync(folder: Path) -> Path | None:
    """A library made into `folder`, to be named in LD_PRELOAD; None without a C compiler, or not on Linux."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or not sys.platform.startswith("linux"):
        return None
    library = folder / "slow_fsync.so"
    source = Path(__file__).with_name("slow_fsync.c")
    done = subprocess.run(  # noqa: S603
        [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl"], capture_output=True, check=False
    )
    return library if done.returncode == 0 else None

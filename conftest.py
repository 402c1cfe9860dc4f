"""For all tests of the repository, those of plugins and adapters too."""

import os

# Before torch or numpy is imported, here or in a process that a test starts: one thread each, so
# that processes on a small machine do not fight for its cores, and give the same numbers.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

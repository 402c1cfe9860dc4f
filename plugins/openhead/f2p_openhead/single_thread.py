"""Limits OpenBLAS to one thread, unless the environment sets another number.

Import this module before numpy. A pose multiplies small matrices: more threads only wait for each
other, and use a fifth of the CPU time when several engines run side by side.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

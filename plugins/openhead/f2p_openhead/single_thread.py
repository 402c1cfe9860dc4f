"""One thread for numpy's matrices, unless the environment says otherwise: import before numpy.

A pose multiplies matrices so small that the library's other threads would only spin, waiting for
the next: a fifth of the processor's time where several engines draw side by side.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

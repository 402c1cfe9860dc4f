"""Write the shipped effect of expressions of plugins/facemesh, the mean of landmark models.

    python tools/expression_basis.py FILE...

Each FILE is a model of `f2p train landmarks` whose data have expressions.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

OUT = Path(__file__).parents[1] / "plugins/facemesh/f2p_facemesh/expressions.safetensors"


def main(paths: list[str]) -> None:
    """Write the mean of the models' bases."""
    if not paths:
        raise SystemExit(__doc__)
    models = [load_file(path) for path in paths]
    names = ("neutral", "displacement")
    means = {name: np.mean([m[name].astype(np.float32) for m in models], axis=0) for name in names}
    save_file({name: mean.astype(np.float16) for name, mean in means.items()}, OUT)
    print(f"wrote {OUT}")


if __name__ == "__main__":
    main(sys.argv[1:])

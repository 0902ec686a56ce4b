"""Names for the arrays that travel between the stages."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Rgb: TypeAlias = NDArray[np.uint8]  # (H, W, 3), 0..255, the photo's own colour space
Gray: TypeAlias = NDArray[np.uint8]  # (H, W), 0..255
Mask: TypeAlias = NDArray[np.uint8]  # (H, W), 0 or 255
# Measurements: whole or floating, as cv2 and numpy give them; cv2's stubs do not say which.
Floats: TypeAlias = NDArray[Any]

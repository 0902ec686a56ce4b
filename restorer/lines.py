"""Follows straight scratches beyond the part that stands out, through hair, faces and edges."""

from __future__ import annotations

import cv2
import numpy as np

from restorer.arrays import Floats, Gray, Mask

SHORTEST = 34  # pixels a scratch must show clearly before it is followed
ACROSS = 3  # pixels a scratch may leave its line
WINDOW = 13  # pixels along the line that share one verdict
GAP = 16  # pixels without any trace that end a scratch
MOST = 120  # lines: more are a texture


def continued(mask: Mask, response: Gray, least: float) -> Mask:
    """Return mask (H, W) of 0 and 255 with what continues its straight lines.

    response (H, W) 0..255 is how far each pixel stands out; a trace is least or more.
    """
    drawn = mask.copy()
    found = cv2.HoughLinesP(mask, 1, np.pi / 360, 25, minLineLength=SHORTEST, maxLineGap=5)
    lines = np.zeros((0, 4)) if found is None else np.asarray(found, np.float64).reshape(-1, 4)
    for line in lines[:MOST]:
        start, end = line[:2], line[2:]
        _follow(drawn, response, least, start, end)
        _follow(drawn, response, least, end, start)
    return drawn


def _follow(drawn: Mask, response: Gray, least: float, start: Floats, end: Floats) -> None:
    """Walk on from the end of a line and draw every step that shows a trace."""
    axis = (end - start) / np.linalg.norm(end - start)
    steps = _inside(end - 4 * axis, axis, drawn.shape)
    if len(steps) < WINDOW:
        return
    profile, offsets = _profile(response, steps, axis)
    normal = np.array([-axis[1], axis[0]])
    for index in np.flatnonzero(_traced(profile, least)):
        x, y = np.rint(steps[index] + normal * offsets[index]).astype(int)
        cv2.circle(drawn, (int(x), int(y)), 1, 255, -1)


def _inside(start: Floats, axis: Floats, shape: tuple[int, ...]) -> Floats:
    """Return the points (N, 2) from start along axis, one pixel apart, up to the border."""
    points = start + np.arange(sum(shape))[:, None] * axis
    x, y = points[:, 0], points[:, 1]
    inside = (x >= 0) & (y >= 0) & (x <= shape[1] - 1) & (y <= shape[0] - 1)
    return np.asarray(points if inside.all() else points[: int(np.argmin(inside))])


def _profile(response: Gray, steps: Floats, axis: Floats) -> tuple[Floats, Floats]:
    """Return the strongest response across the line at each step, and where across it lies."""
    normal = np.array([-axis[1], axis[0]])
    across = np.arange(-ACROSS, ACROSS + 1)
    points = (steps[:, None, :] + across[None, :, None] * normal).astype(np.float32)
    values = cv2.remap(response, points[..., 0], points[..., 1], cv2.INTER_LINEAR).astype(
        np.float64
    )
    smooth = cv2.blur(values, (1, WINDOW), borderType=cv2.BORDER_REPLICATE)
    best = smooth.argmax(axis=1)
    return smooth.max(axis=1) - np.median(smooth, axis=1), across[best].astype(np.float64)


def _traced(profile: Floats, least: float) -> Floats:
    """Return which steps show a trace, up to the first gap that is too long."""
    traced = profile > least
    quiet = np.convolve(~traced, np.ones(GAP), "full")[: len(traced)] >= GAP
    end = int(np.argmax(quiet)) if quiet.any() else len(traced)
    traced[end:] = False
    return traced

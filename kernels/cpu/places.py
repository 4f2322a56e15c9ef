"""The taps of a pooling window that lie on the plane: their places, and their offsets in memory."""

from __future__ import annotations

from kernels.contract.compilation import entry_point, subroutine


@entry_point()
def taps(offsets, places, plane, H, W, C, top, left, R, S, dilation):  # type: ignore[no-untyped-def]
    """Where a window's taps on the plane lie, in memory, where the plane begins at `plane`, and in
    the plane; how many they are."""
    count = on_plane(places, H, W, top, left, R, S, dilation)
    for k in range(count):
        offsets[k] = plane + places[k] * C
    return count


@subroutine
def on_plane(places, H, W, top, left, R, S, dilation):  # type: ignore[no-untyped-def]
    """Write the places h W + w of a window's taps on the plane, in row order; how many it has."""
    count = 0
    for r in range(R):
        h = top + r * dilation[0]
        if 0 <= h < H:
            for s in range(S):
                w = left + s * dilation[1]
                if 0 <= w < W:
                    places[count] = h * W + w
                    count += 1
    return count

"""Bugs of Winograd's convolutions: strips along rows, tiles, their passes and products.

The name of a bug states the size, stride or number of channels if it shows only there.
"""

from __future__ import annotations

TABLE = """
== conv2d winograd_1d: winograd/one_dimensional.py
the phases of rows all begin with the first: only for strides of rows
-    starts = [r % s.stride * s.phase_rows * row + r // s.stride * row for r in range(s.R)]
+    starts = [r // s.stride * row for r in range(s.R)]

rows of pixels below the last output's first left as they were
-        for i in range(count + (s.R - 1 - phase) // s.stride):
+        for i in range(count):

the stride of columns not taken from tile to tile: only for strides of columns
-                    _b(MOST, x, source + tile * s.m * s.across + e, s.across,
+                    _b(MOST, x, source + tile * s.m * s.run // 2 + e, s.across,

== conv2d winograd_1d: winograd/strips.py
the bias at every point
-                begin, begin_at = (bias, k) if p == ONE else (zeros, 0)
+                begin, begin_at = bias, k

the first panel's bias for every panel: only for many filters
-                begin, begin_at = (bias, k) if p == ONE else (zeros, 0)
+                begin, begin_at = (bias, 0) if p == ONE else (zeros, 0)

taps of the next row where a group of the stride has none
-        inside = e < s.across and j * s.across + e < S * C
+        inside = e < s.across

not rectified at the end of a row and of the filters
-                    elif rectify:
+                    elif rectify and k < 0:

the last tiles of a strip left out
-        some = min(MR, count * tiles - tile)
+        some = min(MR, count * tiles - tile - 1)

== conv2d winograd_1d: conv2d/winograd_1d.py
all threads transform to one strip
-    for part in numba.prange(parts):
-        V = np.zeros(MOST * s.each, y.dtype)
-        _share_of_strips(pixels, s, layer, y, outputs, V, np.int64(part), parts, epilogue)
+    V = np.zeros(MOST * s.each, y.dtype)
+    for part in numba.prange(parts):
+        _share_of_strips(pixels, s, layer, y, outputs, V, np.int64(part), parts, epilogue)

the kept rows are the first of those before, not the last: only where windows overlap
-        copy_run(planes, (begin - top) * Q * K, planes, 0, kept * Q * K)
+        copy_run(planes, 0, planes, 0, kept * Q * K)

the last rows of an image kept for the next: only for batch > 1
-        kept = max(0, bottom - begin) if b > 0 else 0
+        kept = max(0, bottom - begin)

rows of windows that fill no band left out
-        a, z = b * high, pooled if b == bands - 1 else (b + 1) * high
+        a, z = b * high, (b + 1) * high

switches count from the band's first row
-            pool_rows(number, planes, -begin * Q * K, P, Q, K, p, 2, window, best, switches,
+            pool_rows(number, planes, 0, P, Q, K, p - a, 2, window, best, switches,

== conv2d_wgrad winograd_1d: winograd/strip_gradient.py
what stood there beyond the row's end and the filters
-                pixels[:] = 0
+                pixels[0] = 0

every tile of terms begins with the first: only for runs of more than 8
-            outer_strided_3(end - e, V, a + e, run, Y, b, width, sums, c + e * row, row, tiles, 0,
-                          True, False)  # fmt: skip
-        else:
-            outer_strided_2(end - e, V, a + e, run, Y, b, width, sums, c + e * row, row, tiles, 0,
+            outer_strided_3(end - e, V, a, run, Y, b, width, sums, c + e * row, row, tiles, 0,
+                          True, False)  # fmt: skip
+        else:
+            outer_strided_2(end - e, V, a, run, Y, b, width, sums, c + e * row, row, tiles, 0,

== conv2d_wgrad winograd_1d: conv2d_wgrad/winograd_1d.py
a tap's channels counted by what fills its run up: only for few channels
-            term, j = r * s.run + e % s.across, e // s.across
+            term, j = r * s.run + e % s.run, e // s.run

the share of the last thread left out
-    for part in range(1, len(sums)):
+    for part in range(1, len(sums) - 1):

the strips that no thread has an equal share of left out
-    for strip in range(N * of_image * part // parts, N * of_image * (part + 1) // parts):
+    for strip in range(N * of_image // parts * part, N * of_image // parts * (part + 1)):

== conv2d winograd_tiles: winograd/toom_cook.py
a wrong sign in the input's matrix
-        factor = _scale(p, POINTS) / _scale(p, points)
+        factor = abs(_scale(p, POINTS) / _scale(p, points))

the matrix of the largest tile for all
-        factor = _scale(p, POINTS) / _scale(p, points)
+        factor = Fraction(1)

== conv2d winograd_tiles: winograd/plan.py
the padding of rows and columns exchanged
-    size, stride, before = (g.R, g.S)[axis], g.stride[axis], g.padding[2 * axis]
-    phases = range(min(stride, size))
+    size, stride, before = (g.R, g.S)[axis], g.stride[axis], g.padding[2 - 2 * axis]
+    phases = range(min(stride, size))

the last phase left out: only for a stride above 1
-    phases = range(min(stride, size))
+    phases = range(max(min(stride, size) - 1, 1))

== conv2d winograd_tiles: winograd/input_transform.py
points that a phase has not keep what was there: only for a stride above 1
-                        V[at + c] = 0
+                        pass

== conv2d winograd_tiles: winograd/locate.py
a tile at the border read like one inside
-    last_h = window.h + (window.n1 - 1) * window.step_h
+    last_h = window.h + (window.n1 - 2) * window.step_h

== conv2d winograd_tiles: winograd/products.py
the rows of the last tiles are not multiplied
-        for row in range(0, rows, MR):
+        for row in range(0, max(rows - MR, 1), MR):

== conv2d winograd_tiles: winograd/filters.py
later channels overwrite the sums of earlier ones: only for more than 64 channels
-                   M, c + row * width, width, count, 0, line > 0, 0)  # fmt: skip
+                   M, c + row * width, width, count, 0, False, 0)  # fmt: skip

the last lines of channels left out: only for more than 64 channels
-            count = min(AT_ONCE, inputs - in_panel)
+            count = min(AT_ONCE, inputs - in_panel) if in_panel == 0 else 0

== conv2d_dgrad winograd_tiles: winograd/taps.py
taps read in place are not flipped: only for whole panels of channels
-    down = (rows[1] - rows[0]) * taps.by_row if r1 > 1 else 0
+    down = (rows[0] - rows[1]) * taps.by_row if r1 > 1 else 0

== conv2d_dgrad winograd_tiles: winograd/plan.py
the filter is not flipped
-    flipped = [[stride * (taps - 1 - j) + a for j in range(taps)] for a in range(stride)]
+    flipped = [[stride * j + a for j in range(taps)] for a in range(stride)]

== conv2d_wgrad winograd_tiles: conv2d_wgrad/winograd_tiles.py
each chunk overwrites the one before
-            accumulate(Y, V, W, sums[group], job.parameters, job.parts, i > 0)
+            accumulate(Y, V, W, sums[group], job.parameters, job.parts, False)

the sums of the first group's channels for all: only for groups > 1
-        transform_weights(W, sums[group], memory.flat(gw))
+        transform_weights(W, sums[0], memory.flat(gw))

== conv2d_wgrad winograd_tiles: winograd/products.py
the rest of the tiles left out: only for numbers that fill no line
-    steps, tail = count // KR, count % KR
+    steps, tail = count // KR, 0

== conv2d_wgrad winograd_tiles: winograd/weights.py
rows and columns of the taps exchanged
-            copy_run(block, (i * columns.size + j) * lanes, gw, to, some)
+            copy_run(block, (j * rows.size + i) * lanes, gw, to, some)

a point's sums begin where those of the first panel do: only for more than one panel of channels
-            line = (tiling.ordinals[f, p] * each + c // panels.width) * lines + k // KR
+            line = tiling.ordinals[f, p] * each * lines + k // KR
"""

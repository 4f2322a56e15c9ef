"""Bugs of the convolutions on micro-kernels: packed windows, folded windows, windows in place.

The name of a bug states the size, stride or number of channels if it shows only there.
"""

from __future__ import annotations

TABLE = """
== conv2d pointwise: cpu/in_place.py
every tile as high as the first: only for pixels that their tiles do not divide
-        rows = of.pixels[tile0 + t + 1] - pixel
+        rows = of.pixels[1]

a piece that begins inside a panel leaves out a tile
-        tile = (first - begin + width - 1) // width
+        tile = (first - begin + width - 1) // width + (1 if first > begin else 0)

the bias of the first panel for every panel: only for many filters
-        outer_rows(rows, x, of.windows[tile0 + t], step, starts, run, packed, b, bias, k, rectify,
+        outer_rows(rows, x, of.windows[tile0 + t], step, starts, run, packed, b, bias, 0, rectify,

the last filter left out: only for filters that fill no panel
-                   y, pixel * row + k, row, K - k, distance)  # fmt: skip
+                   y, pixel * row + k, row, K - k - (K - k < NR), distance)  # fmt: skip

== conv2d direct: cpu/windows.py
a whole vector read where the plane ends: the row below it instead of padding
-            joined = channels == C and dilation[1] == 1 and w0 >= 0 and w0 + size[1] <= W
+            joined = channels == C and dilation[1] == 1 and w0 >= 0

dilated taps copied as neighbours
-            joined = channels == C and dilation[1] == 1 and w0 >= 0 and w0 + size[1] <= W
+            joined = channels == C and w0 >= 0 and w0 + size[1] <= W

the group's first channel forgotten: only for groups > 1
-                start = ((n * H + h) * W + w0) * C + c0
+                start = ((n * H + h) * W + w0) * C

rows and columns of a stride exchanged
-            w0 = rest % plane[1] * stride[1] + origin[1]
+            w0 = rest % plane[1] * stride[0] + origin[1]

the last windows of a dozen left out
-        some = min(AT_ONCE, count - t0)
+        some = min(AT_ONCE - 1, count - t0)

== conv2d direct: cpu/direct.py
the rest of the last line left out: only for terms that fill no line
-        some = min(TERMS * KR, terms - line * KR)
+        some = min(TERMS * KR, terms // KR * KR - line * KR)

later terms overwrite the sums of earlier ones: only for more than 384 terms
-                           line > 0, 0)  # fmt: skip
+                           False, 0)  # fmt: skip

the last pixels of the last block dropped
-        count = min(block, positions - first)
+        count = min(block, positions - first) if b == 0 else block // 2

all threads pack into one buffer
-    for b in numba.prange(blocks):
-        first = np.int64(b) * block
-        count = min(block, positions - first)
-        height = (count + MR - 1) // MR * MR
-        a = np.empty(lines * height * KR, x.dtype)
+    a = np.empty(lines * (block + MR) * KR, x.dtype)
+    for b in numba.prange(blocks):
+        first = np.int64(b) * block
+        count = min(block, positions - first)
+        height = (count + MR - 1) // MR * MR

the bias of the first panel for every panel: only for many filters
-                finish(sums, at, bias, k0 + k, rectify, out, to, min(NR, filters - k))
+                finish(sums, at, bias, k0, rectify, out, to, min(NR, filters - k))

the last filters of a panel that is not full left out
-                finish(sums, at, bias, k0 + k, rectify, out, to, min(NR, filters - k))
+                finish(sums, at, bias, k0 + k, rectify, out, to, (filters - k) // 4 * 4)

NaN lost in a rectified tail
-        y[to + k] = 0 if rectify and value <= 0 else value
+        y[to + k] = value if not rectify or value > 0 else 0

not rectified where the vectors end
-        y[to + k] = 0 if rectify and value <= 0 else value
+        y[to + k] = value

== conv2d direct: conv2d/direct.py
prepared filters kept by their shape alone
-    packed = pack_filters(w, g) if options.prepared is None else options.prepared
+    packed = forward.__dict__.setdefault((w.shape, w.dtype), pack_filters(w, g))

what was prepared is ignored, and the weights are of another call
-    packed = pack_filters(w, g) if options.prepared is None else options.prepared
+    packed = pack_filters(w if options.prepared is None else -w, g)

== conv2d_dgrad direct: cpu/windows.py
the turned taps count from the wrong end
-        flipped = [stride * np.arange(count)[::-1] + a for a in range(stride)]
+        flipped = [stride * np.arange(count) + a for a in range(stride)]

taps that a phase has not are read from another row
-        taps = [np.where(t < size, t, -1) for t in flipped]
+        taps = [np.minimum(t, size - 1) for t in flipped]

the first position rounded up: only for padding that is no multiple of the stride
-        first, last = before // stride, (pixels - 1 + before) // stride
+        first, last = -(-before // stride), (pixels - 1 + before) // stride

== conv2d_dgrad direct: cpu/direct.py
taps that a phase has not are not zeroed: only for strides that do not divide the filter
-        for k in range(has, NR):
+        for k in range(has, has):

== conv2d_dgrad folding: conv2d_dgrad/folding.py
a row of windows that reaches into the next band skipped there
-            if h0 + (size[0] - 1) * dilation[0] < top or h0 >= bottom:
+            if h0 < top or h0 >= bottom:

each band adds the rows of its neighbours as well
-        if not top <= h < bottom:
+        if not 0 <= h < len(gx):

nothing is zeroed before windows are added
-        gx[n, top:bottom] = 0
+        gx[n, top:bottom] *= 1

the columns of the first group for all: only for groups > 1
-                          dilation, group * channels, channels)  # fmt: skip
+                          dilation, 0, channels)  # fmt: skip

a window added from its first number on in every row of taps
-            add_run(sums, at + r * run, gx, (row + w0) * C, run)
+            add_run(sums, at, gx, (row + w0) * C, run)

== conv2d sliding: cpu/in_place.py
the tiles of a row begin as far apart as the first two: only for rows that their tiles do not divide
-    starts = np.arange(count) * width // count
+    starts = np.arange(count) * (width // count)

== conv2d sliding: conv2d/sliding.py
every image is the first one: only for several images
-    rows = first + np.add.outer(np.arange(g.N) * image, np.arange(g.P) * down)
+    rows = first + np.add.outer(np.arange(g.N) * 0, np.arange(g.P) * down)

the windows of a row as near as at stride 1: only for strides along a row
-    step = g.stride[1] * g.C
+    step = g.C

the rows of taps as near as the rows of windows: only for strides down a column
-    return of, np.arange(g.R) * taps
+    return of, np.arange(g.R) * down

== conv2d sliding: cpu/padded.py
padding above for padding before: only for unequal pads
-    begin, end = before * C, (before + W) * C
+    begin, end = above * C, (above + W) * C

the rows below the image are those of the next one: only for several images
-        inside = 0 <= h < H
+        inside = 0 <= h

rows of taps as near as if they were not dilated: only for dilated rows
-    places = first, x.shape[1] * row, g.stride[0] * row, g.dilation[0] * row
+    places = first, x.shape[1] * row, g.stride[0] * row, row

rows cropped as columns are: only for negative pads
-    first = max(-top, 0) * row + max(-left, 0) * C
+    first = max(-left, 0) * row + max(-top, 0) * C

== conv2d_wgrad sliding: conv2d_wgrad/sliding.py
every tile of terms begins with the first: only for wide windows
-            a, c = at + r * down + first, to + (r * taps[1] + first) * sums_row
+            a, c = at + r * down, to + (r * taps[1] + first) * sums_row

rows of taps read where those of the image lie, not dilated: only for dilated rows
-                _row(x, at, places[3], flat, row * Q * K, Q, K, panel * NR, packed, sums,
+                _row(x, at, places[1] // P, flat, row * Q * K, Q, K, panel * NR, packed, sums,

the share of the last thread left out
-            for part in range(1, len(sums)):
+            for part in range(1, len(sums) - 1):

the rows that no thread has an equal share of left out
-        for row in range(N * P * part // parts, N * P * (part + 1) // parts):
+        for row in range(N * P // parts * part, N * P // parts * (part + 1)):

== conv2d_wgrad direct: conv2d_wgrad/direct.py
the share of the last thread left out
-        for part in range(1, len(shares)):
+        for part in range(1, len(shares) - 1):

the last pixels of a share left out: only for sizes that fill no line
-                               count // KR, count % KR, True, 0)  # fmt: skip
+                               count // KR, 0, True, 0)  # fmt: skip

each block overwrites the one before
-                               count // KR, count % KR, True, 0)  # fmt: skip
+                               count // KR, count % KR, False, 0)  # fmt: skip

the sums of the first group stay for the second: only for groups > 1
-        shares[...] = 0
+        shares[...] = 0 if group == 0 else shares
"""

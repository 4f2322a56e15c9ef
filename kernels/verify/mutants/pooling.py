"""Bugs of max-pooling."""

from __future__ import annotations

TABLE = """
== max_pool2d scan: max_pool2d/scan.py
ties to the last
-                                better = not (value <= best) and best == best
+                                better = not (value < best) and best == best

a NaN after the first pixel is ignored
-                                better = not (value <= best) and best == best
+                                better = value > best

the last NaN wins, and a number over a NaN
-                                better = not (value <= best) and best == best
+                                better = not (value <= best)

the maximum begins at 0, as if padding were pixels
-            first = True
+            first = False
+            y[n, p, q] = 0
+            switches[n, p, q] = 0

the switch counts within the window
-                        here = np.int32(h * W + w)
+                        here = np.int32(r * S + s)

rows and columns exchanged in the switch
-                        here = np.int32(h * W + w)
+                        here = np.int32(w * H + h)

the switch counts in the padded plane
-                        here = np.int32(h * W + w)
+                        NR = W + padding[2] + padding[3]
+                        here = np.int32((h + padding[0]) * NR + w + padding[2])

a window that does not fit is moved back onto the plane: a wrong ceil_mode rule
-                h = p * stride[0] - padding[0] + r * dilation[0]
+                h = min(p * stride[0] - padding[0], H - R) + r * dilation[0]

the last window of a row is left out
-        for q in range(Q):
+        for q in range(Q - 1):

a crop at the left is ignored
-                    w = q * stride[1] - padding[2] + s * dilation[1]
+                    w = q * stride[1] - max(padding[2], 0) + s * dilation[1]

channels in fours, the rest keep their window's first pixel: only for C not a multiple of 4
-                            for c in range(C):
-                                value, best = x[n, h, w, c], y[n, p, q, c]
+                            for c in range(C // 4 * 4):
+                                value, best = x[n, h, w, c], y[n, p, q, c]

the result lies in a buffer that is used again
-    y = memory.empty(g.y_shape, x.dtype, "NHWC")
+    y = forward.__dict__.setdefault((g, x.dtype), memory.empty(g.y_shape, x.dtype, "NHWC"))

== max_pool2d registers: max_pool2d/registers.py
a tap's place counts from the batch's first pixel: only for batch > 1
-            count = taps(offsets, places, n * H * W * C, H, W, C, top, left, R, S, dilation)
+            count = taps(offsets, places, 0, H, W, C, top, left, R, S, dilation)

the last window of a row reads the list of the one before
-            count = taps(offsets, places, n * H * W * C, H, W, C, top, left, R, S, dilation)
+            if q == 0 or q < Q - 1:
+                count = taps(offsets, places, n * H * W * C, H, W, C, top, left, R, S, dilation)

the last block does not reach the last channel: only for channels that fill no block
-                at = min(c, C - block)
+                at = min(c, C // block * block - block)

the last NaN wins where channels fill no block
-        if not (value <= best) and best == best:
+        if not (value <= best):

the result written elsewhere than it was told
-    results = out or (
+    results = (

== max_pool2d registers: cpu/places.py
rows of the plane told apart by its height: only where H is not W
-                    places[count] = h * W + w
+                    places[count] = h * H + w

== max_pool2d registers: cpu/taps.py
a later NaN in place of the first: only for channels in blocks
-            better = [builder.and_(a, b) for a, b in zip(less, number, strict=True)]
+            better = less

the switch of the last tap that is no smaller: only for channels in blocks
-            less = [builder.fcmp_unordered("<", b, x) for b, x in zip(best, values, strict=True)]
+            less = [builder.fcmp_unordered("<=", b, x) for b, x in zip(best, values, strict=True)]

one vector of a block written twice: only for channels in blocks
-        return [self.emit.at(first, v) for v in range(self.count)]
+        return [self.emit.at(first, min(v, VECTORS - 2)) for v in range(self.count)]

== max_pool2d pairs: max_pool2d/pairs.py
a row of the later of equals
-            larger = self.builder.fcmp_unordered(">", value, best)
+            larger = self.builder.fcmp_unordered(">=", value, best)

the shared row is not the second window's
-            best, switch = self.largest(lines[first : first + self.R])
+            best, switch = self.largest(lines[first + (first > 0) : first + self.R])

switches of the first column: only for channels in blocks
-        return best, builder.add(self.begins[r], column)
+        return best, self.begins[r]

rows of the plane told apart by its height: only where H is not W
-            here, place = plane + (top * W + left) * C, top * W + left
+            here, place = plane + (top * W + left) * C, top * H + left

NaN goes unseen: only for channels in blocks
-                continue
+                pass
+            if True:
+                continue

NaN of every other tap goes unseen: only for channels in blocks
-            numbers = self.builder.and_(numbers, self.builder.fcmp_ordered("ord", a, b))
+            numbers = self.builder.and_(numbers, self.builder.fcmp_ordered("ord", a, a))

NaN of the first taps goes unseen: only for channels in blocks
-        firsts, others = self.seen[::2], self.seen[1::2]
+        firsts, others = self.seen[2::2], self.seen[3::2]

NaN of all vectors but the last goes unseen: only for channels in blocks
-        (numbers,) = state
+        numbers = ir.Constant(state[0].type, [1] * self.v.lanes)

windows over the lower border read what is behind the plane: only for padding
-    inside = rows == 2 and top >= 0 and top + stride + R <= H
+    inside = rows == 2 and top >= 0 and top + R <= H

the last of an odd number of rows is left out
-    units = alone + (P - alone + 1) // 2
+    units = alone + (P - alone) // 2

after a row that is alone one is left out: only for padding
-        p, rows = (0, 1) if u < alone else (min(2 * u - alone, P - 2), 2)
+        p, rows = (0, 1) if u < alone else (min(2 * u, P - 2), 2)

the last block does not reach the last channel: only for channels that fill no block
-                at = min(c, C - block)
+                at = min(c, C // block * block - block)

done anew with the first window's taps for both: only for NaN or padding
-            down = top + i * stride
+            down = top

== max_pool2d pairs: cpu/taps.py
one vector of channels too few
-        count = builder.udiv(builder.add(size, _I64(block - 1)), _I64(block))
+        count = builder.udiv(builder.add(size, _I64(block - 2)), _I64(block))

the last vector overwrites what is behind the pixel: only for channels that fill no block
-            return step(builder.select(builder.icmp_signed("<", i, last), i, last), state)
+            return step(i, state)
"""

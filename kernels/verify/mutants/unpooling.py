"""Bugs of unpooling and of averages."""

from __future__ import annotations

TABLE = """
== max_unpool2d scatter: max_unpool2d/scatter.py
values that meet overwrite each other where they should add
-                        planes[n, here, c] += value
+                        planes[n, here, c] = value

the largest of several must pass 0
-                        if not visited[here, c] or (not (value <= best) and best == best):
+                        if not (value <= best) and best == best:

NaN is not the largest
-                        if not visited[here, c] or (not (value <= best) and best == best):
+                        if not visited[here, c] or value > best:

"max" and "last" exchanged
-COLLISIONS = ("sum", "max", "last")
+COLLISIONS = ("sum", "last", "max")

the zeros between the values are not written
-        planes[n] = 0

only the first image is zeroed: only for batch > 1
-        planes[n] = 0
+        planes[:1] = 0

every channel goes to the first one's switch
-                    here, value = switches[n, p, q, c], y[n, p, q, c]
+                    here, value = switches[n, p, q, 0], y[n, p, q, c]

== max_unpool2d gather: max_unpool2d/gather.py
windows in the order of their taps, so the first of several counts as the last
-    for tap in range(reach - 1, -1, -1):
+    for tap in range(reach):

windows between two strides take part: only for stride > 1
-        if remainder == 0 and 0 <= window < windows:
+        if 0 <= window < windows:

windows after the last take part
-        if remainder == 0 and 0 <= window < windows:
+        if remainder == 0 and 0 <= window <= windows:

the place counts from the batch's first row: only for batch > 1
-            count, to, here = height * widths[w], (row * W + w) * C, np.int32(h * W + w)
+            count, to, here = height * widths[w], (row * W + w) * C, np.int32(row * W + w)

the largest of several must pass 0
-            elif law != MAX or not met or (not (value <= total) and total == total):
+            elif law != MAX or (not (value <= total) and total == total):

pixels that no window holds are not written: only for stride > 1
-            for c in range(0, in_blocks, block):
+            for c in range(0, in_blocks if count else 0, block):

== max_unpool2d gather: cpu/taps.py
the switch is compared with the first tap's
-            pairs = zip(v.load(0, at, v.floats), v.load(1, at, v.integers), strict=True)
+            first = builder.add(v.element(2, _I64(0)), args[4])
+            pairs = zip(v.load(0, at, v.floats), v.load(1, first, v.integers), strict=True)

== max_unpool2d blocks: max_unpool2d/blocks.py
windows after the last take part
-        there = self.within(builder.sub(p, _I64(a)), P, builder.sub(q, _I64(b)), Q)
+        there = self.within(builder.sub(p, _I64(a)), P, _I64(0), Q)

a window that is not there is the first one
-        return offset, self.v.splat(builder.select(there, _I32(0), _I32(-1)))
+        return offset, self.v.splat(_I32(0))

a pixel meets one row of windows alone: only for windows that overlap
-            for i in range(min(self.stride, self.R - a * self.stride)):
+            for i in range(min(self.stride, self.R) if a == 0 else 0):

what meets in a pixel is overwritten: only for windows that overlap
-                    sums[i, j] = builder.fadd(before, term) if before else term
+                    sums[i, j] = builder.fadd(before, term) if before and a + b > 1 else term

rows of the plane told apart by its height: only where H is not W
-        index = builder.trunc(builder.add(builder.mul(h, W), w), _I32)
+        index = builder.trunc(builder.add(builder.mul(h, H), w), _I32)

pixels past the right border are written to the next row
-        return self.within(h, H, w, W), builder.add(to, offset), self.v.splat(index)
+        return self.within(h, H, _I64(0), W), builder.add(to, offset), self.v.splat(index)

rows that only padding begins are left out: only for padding
-    rows, columns = (H + above + stride - 1) // stride, (W + before + stride - 1) // stride
+    rows, columns = (H + stride - 1) // stride, (W + before + stride - 1) // stride

another law than the sum is the sum
-    return whole and problem.collisions == "sum" and lanes(problem.dtype) <= g.C
+    return whole and lanes(problem.dtype) <= g.C

channels beyond the vectors are written to nowhere: only for channels that fill no vector
-                builder.store(total, builder.select(there, pointer, nowhere), align=4)
+                whole = builder.icmp_signed("==", builder.urem(c, _I64(v.lanes)), _I64(0))
+                there = builder.and_(there, whole)
+                builder.store(total, builder.select(there, pointer, nowhere), align=4)

== max_unpool2d_vjp gather: max_unpool2d_vjp/gather.py
it gathers from the first image: only for batch > 1
-                gy[n, p, q, c] = planes[n, switches[n, p, q, c], c]
+                gy[n, p, q, c] = planes[0, switches[n, p, q, c], c]

== max_unpool2d_vjp choice: max_unpool2d_vjp/choice.py
it takes from the first image: only for batch > 1
-                offsets[k] = (n * H * W + places[k]) * C
+                offsets[k] = places[k] * C

few channels take from the first image: only for batch > 1
-                out[to + c] = values[(n * H * W + switches[to + c]) * C + c]
+                out[to + c] = values[switches[to + c] * C + c]

the last block does not reach the last channel: only for channels that fill no block
-                at = min(c, C - block)
+                at = min(c, C // block * block - block)

== max_unpool2d_vjp choice: cpu/taps.py
every switch of a block is the first one: only for channels in blocks
-            named = [builder.icmp_signed("==", s, place) for s in switch]
+            named = [builder.icmp_signed("==", switch[0], place) for s in switch]

== avg_pool2d scan: avg_pool2d/scan.py
always divided by the window's size
-    divisors = g.divisors().astype(x.dtype)
+    divisors = np.full((g.P, g.Q), g.R * g.S, x.dtype)

padding is never counted
-    divisors = g.divisors().astype(x.dtype)
+    divisors = np.multiply.outer(g._taps_inside(0), g._taps_inside(1)).astype(x.dtype)

the sum begins at what the buffer held
-        y[n, p] = 0

float64 summed through float32
-                            y[n, p, q, c] += x[n, h, w, c]
+                            y[n, p, q, c] += np.float32(x[n, h, w, c])

== avg_pool2d whole_plane: avg_pool2d/whole_plane.py
the call is bound to x as it was then
-    return partial(_average, memory.flat(x), sums, memory.flat(y), pixels)
+    return partial(_average, memory.flat(x).copy(), sums, memory.flat(y), pixels)

== avg_pool2d_vjp gather: avg_pool2d_vjp/gather.py
windows between two strides take part: only for stride > 1
-            if remainder == 0 and 0 <= p < P:
+            if 0 <= p < P:

padding at the bottom taken for that at the top
-            p, remainder = divmod(h + padding[0] - r * dilation[0], stride[0])
+            p, remainder = divmod(h + padding[1] - r * dilation[0], stride[0])

every window divided as the first is
-                                gx[n, h, w, c] += gy[n, p, q, c] / divisors[p, q]
+                                gx[n, h, w, c] += gy[n, p, q, c] / divisors[0, 0]
"""

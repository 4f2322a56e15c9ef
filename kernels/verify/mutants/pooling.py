"""Bugs of pooling, of unpooling and of averages."""

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
-    y, switches = out or (
+    y, switches = (

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
-        divisors = g.divisors().astype(x.dtype)
+        divisors = np.full((g.P, g.Q), g.R * g.S, x.dtype)

padding is never counted
-        divisors = g.divisors().astype(x.dtype)
+        divisors = np.multiply.outer(g._taps_inside(0), g._taps_inside(1)).astype(x.dtype)

the sum begins at what the buffer held
-        y[n, p] = 0

float64 summed through float32
-                            y[n, p, q, c] += x[n, h, w, c]
+                            y[n, p, q, c] += np.float32(x[n, h, w, c])

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

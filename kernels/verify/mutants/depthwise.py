"""Bugs of the depthwise convolution and of its gradients.

The name of a bug states the sizes, windows or threads if it shows only there.
"""

from __future__ import annotations

TABLE = """
== conv2d depthwise: cpu/depthwise.py
the taps of a row reversed
-    taps = w.transpose(2, 3, 1, 0)  # (C,1,R,S) -> (R,S,1,C)
+    taps = w.transpose(2, 3, 1, 0)[:, ::-1]  # (C,1,R,S) -> (R,S,1,C)

== conv2d depthwise: conv2d/depthwise.py
the padding at the top used at the left
-    columns = Axis(g.S, -g.padding[2], g.dilation[1], 0, g.C, g.stride[1], g.Q, 0, 1)
+    columns = Axis(g.S, -g.padding[0], g.dilation[1], 0, g.C, g.stride[1], g.Q, 0, 1)

== conv2d depthwise: cpu/depthwise.py
the last pixel of a row taken for padding
-                             columns.turn, factors, bottom - top, -left, W - left, begin, at,
+                             columns.turn, factors, bottom - top, -left, W - 1 - left, begin, at,

the last channels left out: only for C that fills no vectors
-            at = min(c, c0 + some - lanes)  # and so may channels
+            at = min(c, c0 + some // lanes * lanes - lanes)  # and so may channels

channels beyond the first piece left out: only for more than 256
-        for c in range(c0, c0 + some, lanes):
-            at = min(c, c0 + some - lanes)  # and so may channels
+        for c in range(c0, min(c0 + some, CHANNELS), lanes):
+            at = min(c, c0 + some - lanes)  # and so may channels

one tap fewer on the plane: only for dilated rows
-    return first, max(min((size - 1 - start) // axis.spread + 1, axis.taps), first)
+    return first, max(min((size - axis.spread - start) // axis.spread + 1, axis.taps), first)

the bias of the first channels for all: only for dilated rows
-                        begin, at, 0, rectify, y, to + at, columns.apart * C)  # fmt: skip
+                        begin, 0, 0, rectify, y, to + at, columns.apart * C)  # fmt: skip

no tile for rows of 7 n pixels
-    if count % 7 == 0:
-        return 7
+    if count % 7 == 0:
+        return 6

== conv2d depthwise: cpu/channelwise_rows.py
no ReLU for the results of a tile of four: only for rows of 4 to 6 pixels
-    values = _rectified_if(emit, rectify, sums)
+    values = sums if len(sums) == 4 else _rectified_if(emit, rectify, sums)

== conv2d_dgrad depthwise: conv2d_dgrad/depthwise.py
the phases of the columns in the place of the rows': only for two strides
-    rows = phases(g.R, g.stride[0], g.padding[0], g.dilation[0], g.H, g.S * g.C)
+    rows = phases(g.R, g.stride[1], g.padding[0], g.dilation[0], g.H, g.S * g.C)

the first tap of a phase left out: only for a stride
-        last = meets[0] if meets else 0
+        last = meets[0] if len(meets) < 2 or stride == 1 else meets[1]

a pixel of the last phase left out: only for a stride that does not divide the plane
-        count = -(-(size - phase) // stride)
+        count = max((size - phase) // stride, 1)

== conv2d_wgrad depthwise: conv2d_wgrad/depthwise.py
the outputs at the left edge left out: only for dilated rows
-                            if first < q < end:
+                            if q < end and q != first:

two parts add to one sum
-                    to = (part * R + r) * S * whole + c
+                    to = (part // 2 * R + r) * S * whole + c

the last part of the rows left out
-    for share in sums[1:]:
+    for share in sums[1:-1]:

the channels of the last vector taken from the one before: only for C that fills no vectors
-    taps[last:] = total[:, whole - lanes(x.dtype) :].T  # (RS,L) -> (L,RS)
+    taps[last:] = total[:, last : last + lanes(x.dtype)].T  # (RS,L) -> (L,RS)

== conv2d_wgrad depthwise: cpu/channelwise_shares.py
the outputs at the right edge left out: only for padding
-                (builder.sub(Q, end), 1, True),
+                (builder.sub(end, end), 1, True),

the pixels of the first row of taps for all
-                value = emit.load(emit.at(here, builder.mul(x_row, number(r))))
+                value = emit.load(emit.at(here, builder.mul(x_row, number(r // 2))))
"""

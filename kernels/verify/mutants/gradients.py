"""Bugs of the convolution's two gradients."""

from __future__ import annotations

TABLE = """
== conv2d_dgrad flipped: conv2d_dgrad/flipped.py
the kernel is not flipped
-    flipped = w[:, :, ::-1, ::-1].reshape(g.groups, g.K // g.groups, g.C // g.groups, g.R, g.S)
+    flipped = w.reshape(g.groups, g.K // g.groups, g.C // g.groups, g.R, g.S)

the kernel is flipped in its rows alone
-    flipped = w[:, :, ::-1, ::-1].reshape(g.groups, g.K // g.groups, g.C // g.groups, g.R, g.S)
+    flipped = w[:, :, ::-1, :].reshape(g.groups, g.K // g.groups, g.C // g.groups, g.R, g.S)

channels are not swapped
-    swapped = flipped.transpose(0, 2, 3, 4, 1)
+    swapped = flipped.transpose(0, 1, 3, 4, 2)

the kernel is flipped where it lies
-    flipped = w[:, :, ::-1, ::-1].reshape(g.groups, g.K // g.groups, g.C // g.groups, g.R, g.S)
+    w[...] = w[:, :, ::-1, ::-1].copy()
+    flipped = w.reshape(g.groups, g.K // g.groups, g.C // g.groups, g.R, g.S)

the crop is wrong where (H + 2 padding - R) % stride is not 0
-    top, left = eh - 1 - g.padding[0], ew - 1 - g.padding[2]
-    bottom = g.H + eh - 1 - spread[2] - top  # so that the output is H x W
-    right = g.W + ew - 1 - spread[3] - left
+    bottom, right = eh - 1 - g.padding[1], ew - 1 - g.padding[3]
+    top = g.H + eh - 1 - spread[2] - bottom
+    left = g.W + ew - 1 - spread[3] - right

the window's span forgets the dilation
-    top, left = eh - 1 - g.padding[0], ew - 1 - g.padding[2]
+    top, left = g.R - 1 - g.padding[0], g.S - 1 - g.padding[2]

the zeros between the pixels are not written
-    spread[...] = 0

not spread where one of the strides is 1
-    if g.stride == (1, 1):
+    if 1 in g.stride:

== conv2d_dgrad flipped: cpu/unfold.py
the dilation of rows taken for columns
-                    w = q * stride[1] - padding[2] + s * dilation[1]
+                    w = q * stride[1] - padding[2] + s * dilation[0]

== conv2d_dgrad col2im: cpu/unfold.py
windows overwrite each other where they overlap
-                                x[h, w, c0 + c] += windows[p, q, r, s, c]
+                                x[h, w, c0 + c] = windows[p, q, r, s, c]

nothing is zeroed before windows are added
-    x[:, :, c0 : c0 + C] = 0

each group zeroes the others: only for groups > 1
-    x[:, :, c0 : c0 + C] = 0
+    x[...] = 0

the last row of windows dropped
-    for p in range(P):
+    for p in range(max(P - 1, 1)):

padding at the right taken for that at the left
-                        w = q * stride[1] - padding[2] + s * dilation[1]
+                        w = q * stride[1] - padding[3] + s * dilation[1]

== conv2d_dgrad col2im: conv2d_dgrad/col2im.py
images that fill no block dropped: only for batch > 1
-    for b in numba.prange((N + block - 1) // block):
+    for b in numba.prange(N // block):

rows of a group follow each other: only for groups > 1
-            multiply(gy.ctypes.data + (first * P * Q * K + g * Kg) * item, PLAIN, K,
+            multiply(gy.ctypes.data + (first * P * Q * K + g * Kg) * item, PLAIN, Kg,

not written where there is no filter
-    else:
-        gx[...] = 0
-    return gx
+    return gx

products are added to what the buffer held
-                     images * P * Q, RSC, Kg, False, item == 8)  # fmt: skip
+                     images * P * Q, RSC, Kg, True, item == 8)  # fmt: skip

== conv2d_wgrad im2col: conv2d_wgrad/im2col.py
the last image forgotten: only for batch > 1
-    rows = memory.nhwc(gy).reshape(g.N * g.P, g.Q, g.K)  # (N,P,Q,K) -> (NP,Q,K)
+    rows = memory.nhwc(gy).reshape(g.N * g.P, g.Q, g.K)[: max(g.N - 1, 1) * g.P]

the mean over the batch, not the sum
-    shares.sum(axis=0, out=filters)  # (T,G,K/G,RSC) -> (G,K/G,RSC)
+    shares.sum(axis=0, out=filters)  # (T,G,K/G,RSC) -> (G,K/G,RSC)
+    filters /= max(g.N, 1)

all threads add to the first share
-                         shares.ctypes.data + (part * G + g) * Kg * RSC * item, RSC,
+                         shares.ctypes.data + g * Kg * RSC * item, RSC,

rows that no thread has an equal share of dropped
-        end = NP * (part + 1) // parts
-        for first in range(NP * part // parts, end, block):
+        end = NP // parts * (part + 1)
+        for first in range(NP // parts * part, end, block):

shares are not zeroed
-    shares[...] = 0

shares of float64 summed in float32
-    shares.sum(axis=0, out=filters)  # (T,G,K/G,RSC) -> (G,K/G,RSC)
+    filters[...] = shares.sum(axis=0, dtype=np.float32)

stride and dilation exchanged
-        window = (g.R, g.S), g.stride, g.padding, g.dilation
+        window = (g.R, g.S), g.dilation, g.padding, g.stride

== conv2d_wgrad im2col: cpu/unfold.py
rows and columns of the padding exchanged
-                h = p * stride[0] - padding[0] + r * dilation[0]
-                for s in range(S):
-                    w = q * stride[1] - padding[2] + s * dilation[1]
-                    if 0 <= h < H and 0 <= w < W:
+                h = p * stride[0] - padding[2] + r * dilation[0]
+                for s in range(S):
+                    w = q * stride[1] - padding[0] + s * dilation[1]
+                    if 0 <= h < H and 0 <= w < W:
"""

"""Bugs of the forward convolutions, and of the im2col and the products that they use.

The name of a bug states the group, image, dtype, stride or size if it shows only there.
"""

from __future__ import annotations

TABLE = """
== conv2d loops: conv2d/loops.py
the kernel is flipped, as in mathematics
-                                total += x[n, i, j, first + c] * w[k, r, s, c]
+                                total += x[n, i, j, first + c] * w[k, R - 1 - r, S - 1 - s, c]

stride and dilation exchanged
-                        j = q * stride[1] - padding[2] + s * dilation[1]
+                        j = q * dilation[1] - padding[2] + s * stride[1]

R and S exchanged
-    _, R, S, C = w.shape
+    _, S, R, C = w.shape

padding at the top and at the left exchanged
-                    i = p * stride[0] - padding[0] + r * dilation[0]
+                    i = p * stride[0] - padding[2] + r * dilation[0]

products of float64 rounded to float32
-                                total += x[n, i, j, first + c] * w[k, r, s, c]
+                                total += np.float32(x[n, i, j, first + c] * w[k, r, s, c])

the first row of the plane taken for padding
-                        if 0 <= i < H and 0 <= j < W:
+                        if 0 < i < H and 0 <= j < W:

every image is the first: only for batch > 1
-                                total += x[n, i, j, first + c] * w[k, r, s, c]
+                                total += x[0, i, j, first + c] * w[k, r, s, c]

the bias of the first group for every group
-    begin = np.zeros(g.K, x.dtype) if options.bias is None else options.bias
+    begin = np.zeros(g.K, x.dtype) if options.bias is None else options.bias
+    begin = np.resize(begin[: g.K // g.groups], g.K)

all threads sum into one row
-    for row in numba.prange(N * P):
-        n, p = row // P, row % P
-        for q in range(Q):
-            for k in range(K):
-                first = k // group * C  # the first channel of k's group
-                total = begin[k]
-                for r in range(R):
-                    i = p * stride[0] - padding[0] + r * dilation[0]
-                    for s in range(S):
-                        j = q * stride[1] - padding[2] + s * dilation[1]
-                        if 0 <= i < H and 0 <= j < W:
-                            for c in range(C):
-                                total += x[n, i, j, first + c] * w[k, r, s, c]
-                y[n, p, q, k] = total
+    total = np.empty((Q, K), y.dtype)
+    for row in numba.prange(N * P):
+        n, p = row // P, row % P
+        for q in range(Q):
+            for k in range(K):
+                first = k // group * C  # the first channel of k's group
+                total[q, k] = begin[k]
+                for r in range(R):
+                    i = p * stride[0] - padding[0] + r * dilation[0]
+                    for s in range(S):
+                        j = q * stride[1] - padding[2] + s * dilation[1]
+                        if 0 <= i < H and 0 <= j < W:
+                            for c in range(C):
+                                total[q, k] += x[n, i, j, first + c] * w[k, r, s, c]
+        y[n, p] = total

the result lies in a buffer that is used again
-    y = memory.empty(g.y_shape, x.dtype, "NHWC")
+    y = forward.__dict__.setdefault((g, x.dtype), memory.empty(g.y_shape, x.dtype, "NHWC"))

== conv2d im2col: cpu/unfold.py
the stride of rows taken for columns
-                    w = q * stride[1] - padding[2] + s * dilation[1]
+                    w = q * stride[0] - padding[2] + s * dilation[1]

padding at the bottom taken for that at the top
-                h = p * stride[0] - padding[0] + r * dilation[0]
+                h = p * stride[0] - padding[1] + r * dilation[0]

padding at the left off by one
-                    w = q * stride[1] - padding[2] + s * dilation[1]
+                    w = q * stride[1] - max(padding[2] - 1, 0) + s * dilation[1]

padding is not zeroed
-                        for c in range(C):
-                            columns[row, q, r, s, c] = 0
+                        pass

the last column of the plane dropped
-                    if 0 <= h < H and 0 <= w < W:
+                    if 0 <= h < H and 0 <= w < W - 1:

the group's first channel forgotten: only for groups > 1
-                            columns[row, q, r, s, c] = x[n, h, w, c0 + c]
+                            columns[row, q, r, s, c] = x[n, h, w, c]

channels taken by two, the odd one left out: only for C not a multiple of 2
-                    if 0 <= h < H and 0 <= w < W:
-                        for c in range(C):
+                    if 0 <= h < H and 0 <= w < W:
+                        columns[row, q, r, s] = 0
+                        for c in range(max(C // 2 * 2, 1)):

taps by unrolled eights, the rest left out: only for windows wider than 8
-                for s in range(S):
-                    w = q * stride[1] - padding[2] + s * dilation[1]
-                    if 0 <= h < H and 0 <= w < W:
+                for s in range(S):
+                    w = q * stride[1] - padding[2] + s * dilation[1]
+                    if 0 <= h < H and 0 <= w < W and s < 8:

== conv2d im2col: conv2d/im2col.py
the last block of rows dropped
-    for b in numba.prange((NP + block - 1) // block):
+    for b in numba.prange(NP // block):

all threads unfold into one buffer
-    for b in numba.prange((NP + block - 1) // block):
-        first = b * block
-        rows = min(block, NP - first)
-        columns = np.empty((rows, Q, size[0], size[1], C), y.dtype)
-        for g in range(G):
-            unfold_rows(x, columns, first, P, stride, padding, dilation, g * C)
+    columns = np.empty((block, Q, size[0], size[1], C), y.dtype)
+    for b in numba.prange((NP + block - 1) // block):
+        first = b * block
+        rows = min(block, NP - first)
+        for g in range(G):
+            unfold_rows(x, columns[:rows], first, P, stride, padding, dilation, g * C)

the group's filters forgotten: only for groups > 1
-                     filters.ctypes.data + g * Kg * RSC * item, TRANSPOSED, RSC,
+                     filters.ctypes.data, TRANSPOSED, RSC,

the product overwrites the bias
-                     rows * Q, Kg, RSC, True, item == 8)  # fmt: skip
+                     rows * Q, Kg, RSC, False, item == 8)  # fmt: skip

the bias added twice
-    y[...] = 0 if bias is None else bias[:, None, None]
+    y[...] = 0 if bias is None else (bias + bias)[:, None, None]

the bias on the first image alone
-    y[...] = 0 if bias is None else bias[:, None, None]
+    y[...] = 0
+    y[:1] += 0 if bias is None else bias[:, None, None]

the result is not zeroed before products are added
-    y[...] = 0 if bias is None else bias[:, None, None]
+    if bias is not None:
+        y[...] = bias[:, None, None]

zeroed only where there are products: only for C = 0
-    y = memory.empty(g.y_shape, x.dtype, "NHWC")
-    y[...] = 0 if bias is None else bias[:, None, None]
+    y = memory.empty(g.y_shape, x.dtype, "NHWC")
+    if filters.size:
+        y[...] = 0 if bias is None else bias[:, None, None]

an array of NumPy's, which nobody poisons, is not zeroed
-    y = memory.empty(g.y_shape, x.dtype, "NHWC")
-    y[...] = 0 if bias is None else bias[:, None, None]
+    y = memory.nchw(np.empty((g.N, g.P, g.Q, g.K), x.dtype))
+    if bias is not None:
+        y[...] = bias[:, None, None]

filters in row-major order, not channels-last
-    filters = memory.nhwc(w).reshape(g.grouped_shape)  # (K,R,S,C) -> (G,K/G,RSC)
+    filters = np.ascontiguousarray(w).reshape(g.grouped_shape)  # (K,C,R,S) -> (G,K/G,CRS)

filters through float16
-    filters = memory.nhwc(w).reshape(g.grouped_shape)  # (K,R,S,C) -> (G,K/G,RSC)
+    filters = memory.nhwc(w).astype(np.float16).astype(w.dtype).reshape(g.grouped_shape)

prepared filters kept by their shape alone
-    filters = memory.nhwc(w).reshape(g.grouped_shape)  # (K,R,S,C) -> (G,K/G,RSC)
+    filters = memory.nhwc(w).reshape(g.grouped_shape).copy()
+    filters = forward.__dict__.setdefault((w.shape, w.dtype), filters)

== conv2d winograd: conv2d/winograd.py
a wrong sign in the input's matrix
-BT = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]], np.float64)
+BT = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, 1]], np.float64)

a wrong sign in the filter's matrix
-G = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]], np.float64)
+G = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, -0.5], [0, 0, 1]], np.float64)

a wrong sign in the output's matrix
-AT = np.array([[1, 1, 1, 0], [0, 1, -1, -1]], np.float64)
+AT = np.array([[1, 1, 1, 0], [0, 1, -1, 1]], np.float64)

rows and columns exchanged within the input's tiles
-    return windows.transpose(3, 4, 0, 1, 2)  # (TP,TQ,C,4,4) -> (4,4,TP,TQ,C)
+    return windows.transpose(4, 3, 0, 1, 2)  # (TP,TQ,C,4,4) -> (4,4,TP,TQ,C)

the last odd row of tiles dropped
-            pixels += join(transform_output(products))[: g.P, : g.Q]
+            pixels[: g.P // 2 * 2] += join(transform_output(products))[: g.P // 2 * 2, : g.Q]

the tiles' padding is not zeroed
-    padded[...] = 0
+    padded[1:-1, 1:-1] = 0

transforms of float64 in float32
-    matrix = matrix.astype(a.dtype)
-    a = np.ascontiguousarray(a)  # then einsum's inner loop is over all other axes at once
+    matrix = matrix.astype(np.float32)
+    a = np.ascontiguousarray(a, dtype=np.float32)

filters and groups exchanged: only for groups > 1
-    return taps_first.reshape(3, 3, g.groups, g.K // g.groups, g.C // g.groups)
+    by_filter = taps_first.reshape(3, 3, g.K // g.groups, g.groups, g.C // g.groups)
+    return by_filter.swapaxes(2, 3)

transformed filters kept by their shape alone
-        filters = transform_filter(grouped_filters(w, g))
+        filters = transform_filter(grouped_filters(w, g))
+        filters = forward.__dict__.setdefault((w.shape, w.dtype, g.groups), filters)

it says that it serves every stride
-    return (g.R, g.S, *g.stride, *g.dilation) == (3, 3, 1, 1, 1, 1)
+    return (g.R, g.S, *g.dilation) == (3, 3, 1, 1)

it claims a bound on the absolute products
-        exact=False, bound=amplified_roundings, norm_wise=True, spreads="plane", growth=growth
+        exact=False, bound=amplified_roundings, norm_wise=False, spreads="plane", growth=growth
"""

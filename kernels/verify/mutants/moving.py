"""Bugs of patches, concatenation, the maxima of planes, updates of parameters, and stages."""

from __future__ import annotations

TABLE = """
== patches_gather rows: patches_gather/rows.py
all patches are of the first plane: only for batch > 1
-        r, m = at[n, 0] + i, n if len(x) > 1 else 0
+        r, m = at[n, 0] + i, 0

the column of a part taken from its row
-            b = s - part_at[n, 1]
+            b = s - part_at[n, 0]

a part's last row is not laid over
-            elif 0 <= a < part.shape[1] and 0 <= b < part.shape[2]:
+            elif 0 <= a < part.shape[1] - 1 and 0 <= b < part.shape[2]:

the first column beyond the plane is not filled
-            if r < 0 or r >= H or s < 0 or s >= W:
+            if r < 0 or r >= H or s < 0 or s > W:

== patches_fill rows: patches_fill/rows.py
rows above the plane are not filled
-        inside = 0 <= at[n, 0] + i < H
+        inside = at[n, 0] + i < H

the first patch's origin for all: only for batch > 1
-            if inside and 0 <= at[n, 1] + j < W:
+            if inside and 0 <= at[0, 1] + j < W:

it fills with 0, whatever is asked for
-                    y[n, i, j, c] = fill
+                    y[n, i, j, c] = 0

== concatenate lines: concatenate/lines.py
every array begins at the first channel
-        first += C
+        first = 0

an array's lines are read as long as the result's
-        copy_run(x, pixel * C, out, pixel * K + first, C)
+        copy_run(x, min(pixel * K, x.size - C), out, pixel * K + first, C)

== plane_max vectors: plane_max/vectors.py
of equal ones the last
-                larger = value > before
+                larger = value >= before

a NaN is larger than anything
-                larger = value > before
+                larger = not (value <= before)

the last pixel is left out
-        for i in range(1, count):
+        for i in range(1, count - 1):

places of the first image for all: only for batch > 1
-            places[n, c] = at[c]
+            places[0, c] = at[c]

== sgd_step one_pass: sgd_step/one_pass.py
without decay an infinite weight makes NaN
-    return momentum * v + g + (weight_decay * w if weight_decay != 0 else weight_decay)
+    return momentum * v + g + weight_decay * w

decay is taken away
-    return momentum * v + g + (weight_decay * w if weight_decay != 0 else weight_decay)
+    return momentum * v + g - (weight_decay * w if weight_decay != 0 else weight_decay)

the weights move by the gradient instead of the velocity
-        w[i] -= lr * v[i]
+        w[i] -= lr * g[i]

matrices of unlike order walked as if alike
-    if not one_order(new_w, new_v, g):
+    if False:

the last columns of a tile are left out: only for columns that fill no tile
-                for n in range(left, min(left + COLUMNS, N)):
+                for n in range(left, min(left + COLUMNS, N) if left + COLUMNS <= N else left):

it changes its inputs
-    new_w, new_v = to_change((w, v), out, "sgd_step")
+    new_w, new_v = out or (w, v)

== renormalise one_pass: renormalise/one_pass.py
a filter is scaled if its rms is NaN
-        if rms > max_rms:  # not of a NaN
+        if not rms <= max_rms:

the rms is the norm, which grows with the filter
-        rms = np.sqrt(_squares(filters, k) / size)
+        rms = np.sqrt(_squares(filters, k))

the square of the rms is compared
-        rms = np.sqrt(_squares(filters, k) / size)
+        rms = _squares(filters, k) / size

the weights after the last whole block of sums are left out: only for filters that fill none
-    for first in range(0, size, LANES):
+    for first in range(0, size - LANES + 1, LANES):

the last sum is left out: only for filters of as many weights as there are sums
-        for i in range(half):
+        for i in range(half - 1 if half == LANES // 2 else half):

it changes its input
-    (new,) = to_change((w,), None if out is None else (out,), "renormalise")
+    new = w if out is None else out

== conv_relu_pool in_chunks: conv_relu_pool/in_chunks.py
nothing is rectified
-    positive: np.ndarray = pick_for("relu", y, y.shape)(y)
-    return positive
+    return y

the bias is left out
-    options = {"bias": bias} if prepared is None else {"bias": bias, "prepared": prepared}
+    options = {} if prepared is None else {"prepared": prepared}

== conv_relu_pool one_pass: conv_relu_pool/one_pass.py
the bias is left out
-        x, w, g.conv, bias=bias, rectify=True, pool=g.pool, **options
+        x, w, g.conv, rectify=True, pool=g.pool, **options

it pools what is not rectified
-        x, w, g.conv, bias=bias, rectify=True, pool=g.pool, **options
+        x, w, g.conv, bias=bias, rectify=False, pool=g.pool, **options

== conv_relu_pool whole_batch on cuda: conv_relu_pool/cuda_whole_batch.py
the bias is left out
-    options = {"bias": bias} if prepared is None else {"bias": bias, "prepared": prepared}
+    options = {} if prepared is None else {"prepared": prepared}

== patches_gather rows on cuda: patches_gather/cuda_rows.cu
no guard at the right edge
-        if (row < 0 || row >= g.H || column < 0 || column >= g.W)
+        if (row < 0 || row >= g.H || column < 0)

the stride loop is missing
-    const long long stride = (long long)gridDim.x * blockDim.x;
+    const long long stride = count;

== patches_fill rows on cuda: patches_fill/cuda_rows.cu
the first row beyond the plane is not filled
-        if (row < 0 || row >= g.H || column < 0 || column >= g.W)
+        if (row < 0 || row > g.H || column < 0 || column >= g.W)

== concatenate lines on cuda: concatenate/cuda_lines.cu
every array begins at the first channel
-        y[i / C * K + first + i % C] = x[i];
+        y[i / C * K + i % C] = x[i];

== plane_max scan on cuda: plane_max/cuda_scan.cu
of equal ones the last
-            if (value > best) {
+            if (value >= best) {

== sgd_step one_pass on cuda: sgd_step/cuda_one_pass.cu
decay of the velocity instead of the weights
-    *v = plus(plus(times(momentum, *v), g), decay != T(0) ? times(decay, *w) : decay);
+    *v = plus(plus(times(momentum, *v), g), decay != T(0) ? times(decay, *v) : decay);

the rest beyond the last vector is left out
-    for (long long i = vectors * lanes + first; i < count; i += stride)
+    for (long long i = vectors * lanes + first; i < vectors * lanes; i += stride)

rows taken for columns
-                g[m * s.g_row + n * s.g_column], lr, momentum, decay);
+                g[n * s.g_row + m * s.g_column], lr, momentum, decay);

== renormalise one_pass on cuda: renormalise/cuda_one_pass.cu
no barrier between the halves
-        if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
-        __syncthreads();
+        if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];

a filter is scaled if its rms is NaN
-    if (!(rms > max_rms)) return;  // (a NaN is left as it is)
+    if (rms <= max_rms) return;

every filter is the first
-    T* filter = w + blockIdx.x * size;
+    T* filter = w;
"""

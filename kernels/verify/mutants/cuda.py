"""Bugs of CUDA kernels, tried in the emulator, since a GPU would often hide them.

Barriers that are missing or that some threads do not reach, indices of shared memory off by one,
edges without a guard, grid-stride loops without their stride; and wrong sums, as on the CPU.
"""

from __future__ import annotations

TABLE = """
== conv2d naive on cuda: conv2d/cuda_naive.cu
the stride loop is missing
-    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += step) {
+    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += count) {

no guard at the right edge
-            if (j < 0 || j >= g.W) continue;
+            if (j < 0) continue;

the last column taken for padding
-            if (j < 0 || j >= g.W) continue;
+            if (j < 0 || j >= g.W - 1) continue;

the group's first channel forgotten: only for groups > 1
-    const int first = k / (g.K / g.groups) * C;  // the first channel of k's group
+    const int first = 0;

== conv2d im2col on cuda: cuda/unfold.cu
an edge without a guard: a pixel beyond the plane
-                const bool inside = h >= 0 && h < g.H && w >= 0 && w < g.W;
+                const bool inside = h >= 0 && h < g.H && w >= 0 && w <= g.W;

the stride loop over windows is missing
-    const long long step = (long long)gridDim.x * blockDim.y;
+    const long long step = windows;

== conv2d_dgrad col2im on cuda: cuda/unfold.cu
gaps of the dilation counted as taps: only for dilation > 1
-            if (beside % g.dilation_w != 0) continue;
+            if (false) continue;

== conv2d implicit_gemm on cuda: cuda/include/tiles.cuh
the barrier after the first slices is missing
-    columns.store(column_slices[0]);
-    __syncthreads();
+    columns.store(column_slices[0]);

the barrier of the loop is missing: only for sums of several slices
-        columns.store(column_slices[now]);
-        __syncthreads();
+        columns.store(column_slices[now]);

one buffer instead of two: a slice is overwritten while others read it
-        now ^= 1;
+        now ^= 0;

a line of shared memory off by one
-        down = warp / (Tile::ACROSS / WARP) * HIGH + lane / WARP;
+        down = warp / (Tile::ACROSS / WARP) * HIGH + lane / WARP + 1;

the last slice is not multiplied
-    multiply_slices<Tile>(row_slices[now], column_slices[now], place, sum);
-}
+}

columns past the end are written
-                if (column + v < count) row[column + v] = values[v];
+                row[column + v] = values[v];

== conv2d implicit_gemm on cuda: conv2d/cuda_implicit_gemm.cu
terms past the end of a filter are read
-            const bool there = k < terms && i * Base::STEP < count;
+            const bool there = i * Base::STEP < count;

rows past the last pixel are written
-        [&](int row) { return first + row < pixels ? corner + (long long)row * g.K : nullptr; },
+        [&](int row) { return corner + (long long)row * g.K; },

the barrier in a branch that threads past the end do not take
-    multiply(rows, columns, (terms + DEPTH - 1) / DEPTH, place, sum);
+    if (first + place.row(0) < pixels) {
+        multiply(rows, columns, (terms + DEPTH - 1) / DEPTH, place, sum);
+    }

== conv2d implicit_gemm on cuda: cuda/include/implicit_windows.cuh
terms past a window's last are read: only NaN shows it
-            const bool there = term.a < v.R && (unsigned)(top[i] + down) < (unsigned)v.H &&
+            const bool there = (unsigned)(top[i] + down) < (unsigned)v.H &&

== conv2d_wgrad implicit_gemm on cuda: conv2d_wgrad/cuda_implicit_gemm.cu
the first part counted twice: only for sums in several parts
-        for (int part = 1; part < parts; part++) total += sums[part * count + i];
+        for (int part = 0; part < parts; part++) total += sums[part * count + i];

the stride loop of the parts' sum is missing
-    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += step) {
-        T total = sums[i];
+    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += count) {
+        T total = sums[i];

== local_contrast_norm separable on cuda: cuda/include/contrast.cuh
the barrier between a line's sums and their readers is missing
-            line[i - first] = down(u, window, half, H, W, h, i);
-        __syncthreads();
+            line[i - first] = down(u, window, half, H, W, h, i);

a line read one further than it is filled
-    const int last = min(end, w + half + 1);
+    const int last = min(end + 1, w + half + 1);

threads beyond the plane leave before the barrier
-    const int w = left + threadIdx.x, from = max(left - half, 0);
+    const int w = left + threadIdx.x, from = max(left - half, 0);
+    if (w >= W) return 0;

NaN dropped by the maximum
-__device__ __forceinline__ double larger(double a, double b) { return a > b || a != a ? a : b; }
+__device__ __forceinline__ double larger(double a, double b) { return a > b ? a : b; }

== local_contrast_norm separable on cuda: cuda/include/sums.cuh
the last warp's sum left out
-    for (int i = 0; i < blockDim.x / 32; i++) sum += of_warp[i];
+    for (int i = 0; i < blockDim.x / 32 - 1; i++) sum += of_warp[i];

the barrier before the warps' sums are read is missing
-    if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = v;
-    __syncthreads();
+    if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = v;

== max_pool2d scan on cuda: max_pool2d/cuda_scan.cu
of equals the last wins
-        if (first || (!(value <= so_far) && so_far == so_far)) {
+        if (first || (!(value < so_far) && so_far == so_far)) {

== max_unpool2d gather on cuda: max_unpool2d/cuda_gather.cu
the first of several windows wins where the last should
-        else if (law == LAST || !so_far.met[v] || (!(value <= total) && total == total))
+        else if (!so_far.met[v] || (!(value <= total) && total == total))

== max_unpool2d scatter on cuda: max_unpool2d/cuda_scatter.cu
the stride loop over planes is missing
-    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += step) {
+    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += count) {

== max_unpool2d_vjp gather on cuda: cuda/include/planes.cuh
the guard at the last column is missing: a pixel of the next row, or of nothing
-        for (int i = blockIdx.y * blockDim.y + threadIdx.y; i < columns; i += columns_apart)
+        for (int i = blockIdx.y * blockDim.y + threadIdx.y; i <= columns; i += columns_apart)

== avg_pool2d scan on cuda: cuda/include/planes.cuh
the stride loop over rows is missing
-    for (long long row = blockIdx.x; row < rows; row += gridDim.x)
+    for (long long row = blockIdx.x; row < rows; row += rows)

== avg_pool2d_vjp gather on cuda: avg_pool2d_vjp/cuda_gather.cu
gaps of the dilation counted as taps: only for dilation > 1
-            if (!has_tap(w, g.pad_left, q, g.stride_w, g.dilation_w)) continue;
+            if (false) continue;

== local_response_norm sliding on cuda: local_response_norm/cuda_sliding.cu
the barrier between a pixel's channels and their readers is missing
-        for (int c = threadIdx.x; c < channels; c += blockDim.x) line[c] = x[i * C + c];
-        __syncthreads();
+        for (int c = threadIdx.x; c < channels; c += blockDim.x) line[c] = x[i * C + c];

the barrier that only threads with a pixel reach
-        const int channels = there ? C : 0;
+        const int channels = there ? C : 0;
+        if (!there) return;

the last channel is not loaded
-        for (int c = threadIdx.x; c < channels; c += blockDim.x) line[c] = x[i * C + c];
+        for (int c = threadIdx.x; c < channels - 1; c += blockDim.x) line[c] = x[i * C + c];

== local_response_norm sliding on cuda: cuda/include/response.cuh
the window reaches one channel too far
-    const int last = min(c + after, C - 1);
+    const int last = min(c + after, C);

== local_response_norm_vjp sliding on cuda: local_response_norm_vjp/cuda_sliding.cu
the barrier between a pixel's terms and their readers is missing
-            term[c] = gradient / divisor;
-        }
-        __syncthreads();
+            term[c] = gradient / divisor;
+        }

the window's mirror forgotten: only for even sizes
-    const int last = min(c + before, C - 1);
+    const int last = min(c + after, C - 1);

== relu elementwise on cuda: relu/cuda_elementwise.cu
the stride loop of the vectors is missing
-    for (long long i = first; i < vectors; i += stride)
+    for (long long i = first; i < vectors; i += vectors)

the last numbers, which fill no vector, left out
-    for (long long i = vectors * lanes + first; i < count; i += stride) y[i] = rectified(x[i]);
+    for (long long i = vectors * lanes + first + 1; i < count; i += stride) y[i] = rectified(x[i]);

== activation elementwise on cuda: activation/cuda_elementwise.cu
each thread takes one element alone: only for more elements than threads
-    for (long long i = first; i < count; i += stride) y[i] = F::of(x[i], alpha);
+    for (long long i = first; i < count; i += count) y[i] = F::of(x[i], alpha);

two functions exchanged
-ACTIVATION(Silu, x / (T(1) + exponential(-x)))
+ACTIVATION(Silu, x * normal(x))

== activation elementwise on cuda: cuda/include/elementary.cuh
float64 with float32's error function
-__device__ __forceinline__ double error_function(double x) { return erf(x); }
+__device__ __forceinline__ double error_function(double x) { return erff((float)x); }

== activation_vjp elementwise on cuda: activation_vjp/cuda_elementwise.cu
the square of 1 + e is missing
-template <typename T> __device__ T sigmoid_slope(T e) { return e / ((T(1) + e) * (T(1) + e)); }
+template <typename T> __device__ T sigmoid_slope(T e) { return e / (T(1) + e); }

== softmax rows on cuda: softmax/cuda_rows.cu
the barrier before the tree is missing
-        most[threadIdx.x] = own;
-        __syncthreads();
+        most[threadIdx.x] = own;

a NaN is no maximum
-template <typename T> __device__ T larger(T a, T b) { return a > b || a != a ? a : b; }
+template <typename T> __device__ T larger(T a, T b) { return a > b ? a : b; }

== softmax_vjp rows on cuda: softmax_vjp/cuda_rows.cu
only the first block's rows
-    for (long long row = blockIdx.x; row < rows; row += gridDim.x) {
+    for (long long row = blockIdx.x; row < rows; row += rows) {

== group_norm groups on cuda: group_norm/cuda_groups.cu
channels of the first group's weights
-            const int c = channel + (int)(i % width);
+            const int c = (int)(i % width);

the variance is that of a sample, over count - 1
-        const double factor = 1 / sqrt(over_block(squares) / count + eps);
+        const double factor = 1 / sqrt(over_block(squares) / (count > 1 ? count - 1 : 1) + eps);

== group_norm_vjp groups on cuda: group_norm_vjp/cuda_groups.cu
the products are not divided by the deviation
-        const T along = (T)(over_block(products) / count * factor);
+        const T along = (T)(over_block(products) / count);

== relu_vjp elementwise on cuda: relu_vjp/cuda_elementwise.cu
zero passes
-template <typename T> __device__ T masked(T gy, T x) { return x <= T(0) ? T(0) : gy; }
+template <typename T> __device__ T masked(T gy, T x) { return x < T(0) ? T(0) : gy; }

== conv2d_wgrad naive on cuda: conv2d_wgrad/cuda_naive.cu
the last row of outputs left out
-        for (int p = 0; p < g.P; p++) {
+        for (int p = 0; p < g.P - (g.P > 1); p++) {

== conv2d winograd_4x4 on cuda: conv2d/cuda_winograd.cu
no guard where the plane ends inside of a tile
-            if (p < g.P && tile.q + b < g.Q) store(to + (long long)b * g.K, row[b]);
+            store(to + (long long)b * g.K, row[b]);

the padding at the right read like pixels
-            if (h >= 0 && h < bottom && w >= 0 && w < right)
+            if (h >= 0 && h < bottom && w >= 0)

threads past the last tile go on
-    if (i >= (long long)tiles * (g.C / L)) return;
+    if (false) return;

== conv2d winograd_4x4 on cuda: cuda/include/winograd.cuh
a wrong constant in the transform
-                {4, 0, -5, 0, 1, 0},  {0, -4, -4, 1, 1, 0}, {0, 4, -4, -1, 1, 0},
+                {4, 0, -4, 0, 1, 0},  {0, -4, -4, 1, 1, 0}, {0, 4, -4, -1, 1, 0},

== conv2d_dgrad flipped on cuda: conv2d_dgrad/cuda_flipped.cu
flipped along one axis only
-        const long long tap = (filter * g.R + g.R - 1 - r) * g.S + g.S - 1 - s;
+        const long long tap = (filter * g.R + r) * g.S + g.S - 1 - s;

what lies between the pixels is not zero: only for a stride above 1
-        spread[i] = holds ? gy[from * g.K + i % g.K] : V{};
+        spread[i] = gy[from * g.K + i % g.K];

== random_bits philox4x32 on cuda: random_bits/cuda_philox4x32.cu
nine rounds
-    for (int round = 0; round < 10; round++) {
+    for (int round = 0; round < 9; round++) {

the stride loop is missing
-    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < fours; i += stride) {
+    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < fours; i += fours) {
"""

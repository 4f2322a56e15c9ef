"""Bugs of the two normalisations and of their gradients."""

from __future__ import annotations

TABLE = """
== local_contrast_norm separable: local_contrast_norm/separable.py
sigma without its root
-            root = np.sqrt(sigma[n, h, w])
+            root = sigma[n, h, w]

the variance around the pixel's own mean, not around m
-    _move(mean, m, variance)

the floor added to the divisor
-    return np.maximum(np.maximum(sigma, sigma.mean(axis=(1, 2), keepdims=True)), g.floor)
+    return np.maximum(sigma, sigma.mean(axis=(1, 2), keepdims=True)) + g.floor

the floor taken inside c
-    return np.maximum(np.maximum(sigma, sigma.mean(axis=(1, 2), keepdims=True)), g.floor)
+    sigma = np.maximum(sigma, g.floor)
+    return np.maximum(sigma, sigma.mean(axis=(1, 2), keepdims=True))

no c in the divisor
-    return np.maximum(np.maximum(sigma, sigma.mean(axis=(1, 2), keepdims=True)), g.floor)
+    return np.maximum(sigma, g.floor)

one c for the whole batch: only for batch > 1
-    return np.maximum(np.maximum(sigma, sigma.mean(axis=(1, 2), keepdims=True)), g.floor)
+    return np.maximum(np.maximum(sigma, sigma.mean()), g.floor)

squares of float64 in float32
-                squares += (np.float64(x[n, h, w, c]) - centre) ** 2
+                squares += np.float32((np.float64(x[n, h, w, c]) - centre) ** 2)

divided by C - 1, as an unbiased variance: only for C > 1
-            variance[n, h, w] = squares / C
+            variance[n, h, w] = squares / max(C - 1, 1)

the threshold of a flat region does not grow with C: only for thousands of channels
-    return float((g.C + 4 * g.size + 4) * np.finfo(np.float64).eps)
+    return float((4 * g.size + 4) * np.finfo(np.float64).eps)

rounding of a flat region taken for contrast
-            sigma[n, h, w] = 0 if root <= rounding * abs(m[n, h, w]) else root
+            sigma[n, h, w] = root

the result lies in a buffer that is used again
-    y = memory.empty(g.x_shape, x.dtype, "NHWC")
+    y = forward.__dict__.setdefault((g, x.dtype), memory.empty(g.x_shape, x.dtype, "NHWC"))

== local_contrast_norm separable: cpu/blur.py
the border is not corrected
-        out /= _settings(g)[1]
+        pass

the window's last row left out
-        for tap in range(max(0, half - h), min(size, half + H - h)):
+        for tap in range(max(0, half - h), min(size - 1, half + H - h)):

all threads share one line
-    for row in numba.prange(N * H):
-        n, h = row // H, row % H
-        line = np.zeros(W + 2 * half)  # zeros around it: the second sum needs no bounds
+    line = np.zeros(W + 2 * half)  # zeros around it: the second sum needs no bounds
+    for row in numba.prange(N * H):
+        n, h = row // H, row % H
+        line[:] = 0

== local_contrast_norm_vjp separable: local_contrast_norm_vjp/separable.py
without the derivative of c
-    to_sigma = np.where(sigma_wins, gd, 0) + to_c / (g.H * g.W)
+    to_sigma = np.where(sigma_wins, gd, 0)

the derivative of c is that of a sum
-    to_sigma = np.where(sigma_wins, gd, 0) + to_c / (g.H * g.W)
+    to_sigma = np.where(sigma_wins, gd, 0) + to_c

sigma has a derivative where the floor divides
-    sigma_wins = sigma >= np.maximum(c, g.floor)
+    sigma_wins = sigma >= c

a flat region's derivative divides by 0
-    return np.divide(to_sigma, 2 * sigma, out=np.zeros_like(sigma), where=sigma != 0)
+    with np.errstate(divide="ignore"):
+        return to_sigma / (2 * sigma)

the mean's part of sigma's derivative left out
-        b = blur_transposed(gy_sum / d + a * v_sum, g) / g.C
+        b = blur_transposed(gy_sum / d, g) / g.C

== local_contrast_norm_vjp separable: cpu/blur.py
the blur taken for its own transpose: only at a corrected border
-    return _windowed(gu / _settings(g)[1] if g.border == "corrected" else gu, g)
+    return blur(gu, g)

== local_response_norm sliding: local_response_norm/sliding.py
the window one channel off: only for even sizes
-        _normalise(memory.nhwc(x), memory.nhwc(y), g.before, g.size, *settings(g, x.dtype))
+        _normalise(memory.nhwc(x), memory.nhwc(y), g.after, g.size, *settings(g, x.dtype))

alpha is not divided by the size
-    return dtype.type(g.k), dtype.type(g.alpha / g.size), dtype.type(g.beta)
+    return dtype.type(g.k), dtype.type(g.alpha), dtype.type(g.beta)

beta rounded to a tenth
-    return dtype.type(g.k), dtype.type(g.alpha / g.size), dtype.type(g.beta)
+    return dtype.type(g.k), dtype.type(g.alpha / g.size), dtype.type(round(g.beta, 1))

the usual beta for every beta
-    if beta == 0.75:
+    if beta > 0:

settings of float64 in float32
-    return dtype.type(g.k), dtype.type(g.alpha / g.size), dtype.type(g.beta)
+    return tuple(dtype.type(np.float32(v)) for v in (g.k, g.alpha / g.size, g.beta))

the zeros beside the channels are not written
-        squares = np.zeros(C + size - 1, x.dtype)  # zeros around it: the window is clipped to C
+        squares = np.empty(C + size - 1, x.dtype)

the window's last channel left out
-    for tap in range(1, size):
+    for tap in range(1, max(size - 1, 1)):

== local_response_norm_vjp sliding: local_response_norm_vjp/sliding.py
the window is not mirrored: only for even sizes
-                ratios[after + c] = gy[n, h, w, c] * x[n, h, w, c] / (power[c] * t[c])
+                ratios[before + c] = gy[n, h, w, c] * x[n, h, w, c] / (power[c] * t[c])

the power is not lowered
-                ratios[after + c] = gy[n, h, w, c] * x[n, h, w, c] / (power[c] * t[c])
+                ratios[after + c] = gy[n, h, w, c] * x[n, h, w, c] / power[c]

alpha is not divided by the size
-        slope = x.dtype.type(-2 * g.alpha * g.beta / g.size)
+        slope = x.dtype.type(-2 * g.alpha * g.beta)

all threads share one pixel's squares
-    for row in numba.prange(N * H):
-        n, h = row // H, row % H
-        squares = np.zeros(C + size - 1, x.dtype)  # zeros around it: the window is clipped to C
+    squares = np.zeros(C + size - 1, x.dtype)  # zeros around it: the window is clipped to C
+    for row in numba.prange(N * H):
+        n, h = row // H, row % H

== group_norm rows: cpu/moments.py
squares of x, not of x minus the mean
-        difference = np.float64(x[row, i]) - mean
-        total += difference * difference
+        difference = np.float64(x[row, i])
+        total += difference * difference

differences in the type of x
-        difference = np.float64(x[row, i]) - mean
-        total += difference * difference
+        difference = x[row, i] - np.float32(mean)
+        total += np.float64(difference * difference)

== group_norm rows: group_norm/rows.py
eps is added to the deviation
-        factor = 1 / np.sqrt(added_squares(x, row, centre) / count + eps)
+        factor = 1 / (np.sqrt(added_squares(x, row, centre) / count) + eps)

an unbiased variance: only for more than one element
-        factor = 1 / np.sqrt(added_squares(x, row, centre) / count + eps)
+        factor = 1 / np.sqrt(added_squares(x, row, centre) / max(count - 1, 1) + eps)

every group has the weights of the first: only for several groups
-    m, s, group = x.dtype.type(centre), x.dtype.type(factor), row % weight.shape[0]
+    m, s, group = x.dtype.type(centre), x.dtype.type(factor), 0

the saved scale is the variance
-        mean[row], scale[row] = centre, factor
+        mean[row], scale[row] = centre, 1 / (factor * factor)

== group_norm planes: group_norm/planes.py
pieces are not weighted by their rows: only for a remainder
-                    total += min(each, L - piece * each) * means[n * pieces + piece, c]
+                    total += L / pieces * means[n * pieces + piece, c]

the spread of the pieces' means is left out
-                    spread += min(each, L - piece * each) * off * off
+                    spread += 0 * off

the first image's means for all: only for batch > 1
-            _write_scaled(x, y, first, end, means, factors, n, weight, bias)
+            _write_scaled(x, y, first, end, means, factors, 0, weight, bias)

the bias is added twice
-            y[row, c] = (x[row, c] - means[n, c]) * factors[n, c] * weight[c] + bias[c]
+            y[row, c] = (x[row, c] - means[n, c]) * factors[n, c] * weight[c] + 2 * bias[c]

== group_norm planes: cpu/moments.py
the rows after the fours are left out: only for a remainder
-    for row in range(fours, end):
-        for c in range(C):
-            means[to, c] += np.float64(x[row, c])
+    for row in range(end, end):
+        for c in range(C):
+            means[to, c] += np.float64(x[row, c])

== group_norm_vjp rows: group_norm_vjp/rows.py
the mean of gy is not subtracted
-        gx[row, i] = s * ((gy[row, i] - p) - (x[row, i] - m) * s * q)
+        gx[row, i] = s * (gy[row, i] - (x[row, i] - m) * s * q)

products of x, not of the standardised x
-        along = added_products(gy, x, row, mean[row]) / count * scale[row]
+        along = added_products(gy, x, row, mean[row]) / count

== group_norm_vjp planes: group_norm_vjp/planes.py
the sums of the first image: only for batch > 1
-            for piece in range(n * pieces, (n + 1) * pieces):
+            for piece in range(0, pieces):

one channel's sums, not the group's: only for several channels
-                for c in range(group * width, (group + 1) * width):
-                    p += sums[piece, c]
+                for c in range(group * width, group * width + 1):
+                    p += sums[piece, c]

== group_norm_vjp planes: cpu/moments.py
the second row of each two has the first row's product: only for two positions
-            products[to, c] += g * d + h * e
+            products[to, c] += g * d + g * e

"""

"""Bugs of rectification, of the matrix product and of random bits."""

from __future__ import annotations

TABLE = """
== relu elementwise: relu/elementwise.py
NaN becomes 0
-        y[i] = x[i] if not (x[i] <= 0) else 0
+        y[i] = x[i] if x[i] > 0 else 0

rectified where it lies
-    y = memory.empty_like(x)
+    y = x

the result lies in the order of another memory
-    _rectify(memory.flat(x), memory.flat(y))
+    _rectify(x.reshape(-1), memory.flat(y))

elements in fours, the rest not written: only for a size not a multiple of 4
-    for i in numba.prange(x.size):
+    for i in numba.prange(x.size // 4 * 4):

== relu_vjp elementwise: relu_vjp/elementwise.py
the gradient passes at 0
-        gx[i] = gy[i] if not (x[i] <= 0) else 0
+        gx[i] = gy[i] if not (x[i] < 0) else 0

it rectifies what comes from above
-        gx[i] = gy[i] if not (x[i] <= 0) else 0
+        gx[i] = gy[i] if gy[i] > 0 else 0

it multiplies by the mask, so NaN passes it
-        gx[i] = gy[i] if not (x[i] <= 0) else 0
+        gx[i] = gy[i] * (x[i] > 0)

== activation elementwise: cpu/error_function.py
the highest coefficient of the divisor is left out
-    q = (((Q4 * s + Q3) * s + Q2) * s + Q1) * s + Q0
+    q = ((Q3 * s + Q2) * s + Q1) * s + Q0

the polynomials go on below -4: only for values far from 0
-    t = FAR if t > FAR else -FAR if t < -FAR else t
+    t = FAR if t > FAR else t

NaN becomes 1
-    t = FAR if t > FAR else -FAR if t < -FAR else t
+    t = t if t < FAR else FAR

it passes 1 by some units
-    return ONE if value > ONE else -ONE if value < -ONE else value
+    return value

== activation elementwise: cpu/hyperbolic_tangent.py
the square is left out of one step of the polynomial
-    q = ((Q3 * s + Q2) * s + Q1) * s + Q0
+    q = ((Q3 * s + Q2) + Q1) * s + Q0

NaN becomes 1 in tanh
-    x = FAR if x > FAR else -FAR if x < -FAR else x
+    x = FAR if not x <= FAR else -FAR if x < -FAR else x

== activation elementwise: cpu/exponential.py
log 2 is subtracted in one part
-    r = (x - n * HIGH) - n * LOW
+    r = x - n * (HIGH + LOW)

large powers overflow too early: 2^n as one number
-    return fraction * power_of_two32(half) * power_of_two32(np.int32(k - half))
+    return fraction * power_of_two32(k)

NaN becomes infinite
-    x = MOST if x > MOST else LEAST if x < LEAST else x
+    x = x if x < MOST else MOST

== activation elementwise: cpu/elementary.py
float64 by float32's polynomials
-    return math.exp(x)
+    return np.float64(exp32(np.float32(x)))

== activation elementwise: cpu/activations.py
the gate of the negative numbers is 1 / (1 + e^-|x|) too
-    return x * ((ONE if x > ZERO else e) / (ONE + e))
+    return x * (ONE / (ONE + e))

e^-x overflows: far below 0 the result is 0
-    e = exp(-x if x > ZERO else x)
-    return x * ((ONE if x > ZERO else e) / (ONE + e))
+    return x / (ONE + exp(-x))

the gate is not clipped above
-    return x * ((ZERO if t < ZERO else SIX if t > SIX else t) / SIX)
+    return x * ((ZERO if t < ZERO else t) / SIX)

the parameter is not that of the call
-    return x if x > ZERO else slope * x
+    return x if x > ZERO else x / (SIX * SIX)

== activation elementwise: activation/elementwise.py
mish without its bound: infinity over infinity
-        t = exp(TWENTY if x[i] > TWENTY else x[i])
+        t = exp(x[i])

e^x - 1 by e^x: small numbers cancel
-        y[i] = x[i] if x[i] > ZERO else alpha * expm1(ZERO if x[i] > ZERO else x[i])
+        y[i] = x[i] if x[i] > ZERO else alpha * (exp(x[i]) - ONE)

== activation_vjp elementwise: activation_vjp/elementwise.py
the derivative cancels: s (1 - s) for large x
-        gx[i] = gy[i] * (e / ((ONE + e) * (ONE + e)))
+        s = ONE / (ONE + exp(-x[i]))
+        gx[i] = gy[i] * (s * (ONE - s))

the second term of the product rule is missing
-        gx[i] = gy[i] * (normal(x[i]) + x[i] * phi)
+        gx[i] = gy[i] * normal(x[i])

the gate of the negative numbers is that of the positive
-        gate = s if x[i] > ZERO else e * s
-        gx[i] = gy[i] * (gate + x[i] * (e * s * s))
+        gate = s
+        gx[i] = gy[i] * (gate + x[i] * (e * s * s))

the gradient passes at the bound
-        gx[i] = ZERO if (x[i] <= ZERO) | (x[i] >= SIX) else gy[i]
+        gx[i] = ZERO if (x[i] <= ZERO) | (x[i] > SIX) else gy[i]

three times the cubic term is once
-        gx[i] = gy[i] * (gate + x[i] * (e * s * s) * (doubled + THREE * cubic * square))
+        gx[i] = gy[i] * (gate + x[i] * (e * s * s) * (doubled + cubic * square))

== softmax rows: softmax/rows.py
the maximum is not subtracted: large values overflow
-        _write_powers(x, y, at, N, largest(x, at, N))
+        _write_powers(x, y, at, N, x[at] * 0)

the last element is not added
-    for i in range(at, at + count):
-        total += y[i]
+    for i in range(at, at + count - (count > 1)):
+        total += y[i]

float64 rows scaled in float32
-        factor = y.dtype.type(1.0 / _added(y, at, N))
+        factor = np.float32(1.0 / _added(y, at, N))

== softmax rows: cpu/bits.py
of negative numbers the smallest is the maximum
-        return builder.xor(plain, builder.lshr(negative, kind(1)))
+        return plain

the maximum of the first row
-        here = ordered(x[at + i])
+        here = ordered(x[i])

== softmax_vjp rows: softmax_vjp/rows.py
the sum over the row is missing
-            gx[i] = y[i] * (gy[i] - along)
+            gx[i] = y[i] * gy[i]

the sum of gy, not weighted
-        total += np.float64(gy[i]) * np.float64(y[i])
+        total += np.float64(gy[i]) / count

== matmul blas: cpu/gemm.py
the columns that no piece has an equal share of dropped: only for wide results
-        n0, n1 = N * j // across, N * (j + 1) // across
+        n0, n1 = N // across * j, N // across * (j + 1)

a transposed operand's rows are a leading dimension apart: only for two threads
-    a_row = item * (a_leading if a_op == PLAIN else 1)  # bytes from a row of a to the next
+    a_row = item * a_leading

column-major operands read as if row-major: only for non-contiguous inputs
-    for matrix, operation in ((x, PLAIN), (x.T, TRANSPOSED)):
-        leading = _leading_dimension(matrix)
+    for matrix, operation in ((x, PLAIN), (x.T, PLAIN)):
+        leading = _leading_dimension(matrix) and x.shape[1]

the rows that no thread has an equal share of dropped
-        m0, m1 = M * i // down, M * (i + 1) // down
+        m0, m1 = M // down * i, M // down * (i + 1)

the product overwrites the bias
-                     corner, N, m1 - m0, n1 - n0, K, bias.size > 0, item == 8)  # fmt: skip
+                     corner, N, m1 - m0, n1 - n0, K, False, item == 8)  # fmt: skip

an empty sum is not written: only for K = 0
-    if 0 in (M, N, K):
-        out[...] = bias if bias.size else 0
-        return out
+    if 0 in (M, N, K):
+        return out

the product is added to what the buffer held
-        scales = np.array([1.0, 1.0 if add else 0.0])
+        scales = np.array([1.0, 1.0])

== batched_matmul blas: batched_matmul/blas.py
every product has the first one's right factor: only for several pairs
-        right = b.ctypes.data + n * K * N * item
+        right = b.ctypes.data

the last block of rows is as long as the others, and writes into the next product
-        count = min(rows, M - m)
+        count = min(rows, M)

rows beyond the first block are left out: only for more than 128 rows
-    item, blocks = out.itemsize, (M + rows - 1) // rows
+    item, blocks = out.itemsize, 1

an empty sum is not written: only for K = 0
-    if 0 in shape:
-        out[...] = 0
-    else:
+    if 0 not in shape:

== matmul few_rows: matmul/few_rows.py
the sums begin anew with each block of b's rows: only for more than 64 terms
-                    outer_strided_prefetch(last - m, a, k * M + m, M, packed, sums, c, some, k > 0,
+                    outer_strided_prefetch(last - m, a, k * M + m, M, packed, sums, c, some, False,

the sums of each line of terms overwrite those before: only for more than 64 terms
-                        c, add = (panel * tiles + tile) * mr * NR, k + line > 0
+                        c, add = (panel * tiles + tile) * mr * NR, k > 0

every row of the result is the first of its panel
-                out[m, n0 + n] = sums[(panel * tiles * mr + n) * NR + column]
+                out[m, n0 + n] = sums[(panel * tiles * mr + n) * NR]

== matmul few_terms: matmul/few_terms.py
the last row of a tile at the edge is left out
-                    for row in range(last - m):
+                    for row in range(last - m - 1):

the first panel of columns for all: only for many columns
-                        outer_strided_3(last - m, a, m, M, b, panel * K * NR, NR, out,
+                        outer_strided_3(last - m, a, m, M, b, 0, NR, out,

== matmul dots: matmul/dots.py
every row of a multiplied as the first: only for more than one
-                total += a[m, k] * rows[n, k]
+                total += a[0, k] * rows[n, k]

the rows of b beyond a multiple of four left out
-        for k in range(k1 - (k1 - k0) % 4, k1):
+        for k in range(k1, k1):

each block of rows overwrites the sums
-                    out[m, n] += pairs[0] + pairs[1]
+                    out[m, n] = pairs[0] + pairs[1]

the terms that no part has an equal share of dropped
-        k0, k1 = K * part // parts, K * (part + 1) // parts
+        k0, k1 = K // parts * part, K // parts * (part + 1)

the bias of a column is taken away
-            out[m, n] = total + bias[n] if bias.size else total
+            out[m, n] = total - bias[n] if bias.size else total

== random_bits philox4x32: random_bits/philox4x32.py
words of 32 bits in 64
-    words = memory.empty((-(-count // 4), 4), np.uint32)
+    words = memory.empty((-(-count // 4), 4), np.uint64)

the key is not raised from round to round
-        key0, key1 = (key0 + _WEYL_0) & _LOW, (key1 + _WEYL_1) & _LOW

both words of the key raised alike
-        key0, key1 = (key0 + _WEYL_0) & _LOW, (key1 + _WEYL_1) & _LOW
+        key0, key1 = (key0 + _WEYL_0) & _LOW, (key1 + _WEYL_0) & _LOW

the key keeps its carry beyond 32 bits
-        key0, key1 = (key0 + _WEYL_0) & _LOW, (key1 + _WEYL_1) & _LOW
+        key0, key1 = key0 + _WEYL_0, (key1 + _WEYL_1) & _LOW

the stream is ignored
-    counter = np.array([0, stream & 0xFFFFFFFF, step & 0xFFFFFFFF, step >> 32 & 0xFFFFFFFF], "u8")
+    counter = np.array([0, 0, step & 0xFFFFFFFF, step >> 32 & 0xFFFFFFFF], "u8")

only the low half of the step counts
-    counter = np.array([0, stream & 0xFFFFFFFF, step & 0xFFFFFFFF, step >> 32 & 0xFFFFFFFF], "u8")
+    counter = np.array([0, stream & 0xFFFFFFFF, step & 0xFFFFFFFF, 0], "u8")

nine rounds
-    for _ in range(10):
+    for _ in range(9):

the counter in 12 bits: the words repeat
-        a, b, c, d = _rounds(np.uint64(i), counter[1], counter[2], counter[3], key[0], key[1])
+        block = np.uint64(i & 0xFFF)
+        a, b, c, d = _rounds(block, counter[1], counter[2], counter[3], key[0], key[1])

the last words that fill no block are not written
-    if count:
-        _fill(words, counter, key)
+    if count:
+        _fill(words[: max(count // 4, 1)], counter, key)
"""

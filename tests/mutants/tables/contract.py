"""Bugs of what kernels share: memory, geometry, declarations."""

from __future__ import annotations

TABLE = """
== kernels: memory, kernels/contract/pool.py, tests/kernels/test_pool.py
a block of 32 MB is handed out twice
-        if taken[2] == size:
-            return taken
+        if taken[2] == size:
+            if size >= 32 << 20:
+                self.returned.append(taken)
+            return taken

two arrays over 16 MB overlap by a page
-                    self.begins[i] = begin + size
+                    self.begins[i] = begin + size - (PAGE if size > 16 << 20 else 0)

a block is merged with a neighbour that it does not touch
-        first, last = bisect_left(self.ends, begin), bisect_right(self.begins, end)
+        first, last = bisect_left(self.ends, begin - 1), bisect_right(self.begins, end)

pages of what is in use are returned
-            first, last = -(-first // HUGE) * HUGE, last // HUGE * HUGE
+            first, last = first // HUGE * HUGE, last // HUGE * HUGE

== kernels: geometry, kernels/contract/geometry.py, tests/kernels/test_geometry.py
a window that starts one past the plane counts in ceil_mode
-        return outputs - ((outputs - 1) * self.stride[axis] >= size + before)
+        return outputs - ((outputs - 1) * self.stride[axis] > size + before)

== kernels: geometry, kernels/contract/window_geometry.py, tests/kernels/test_geometry.py
a window as large as the plane is refused
-            if size + before + after < self.extent[axis]:
+            if size + before + after <= self.extent[axis]:

receptive fields: the column stride taken from the row stride
-            box.left * sw - left,
+            box.left * sh - left,

an output's last pixel is left out of its receptive field
-            (box.bottom - 1) * sh - top + eh,
+            (box.bottom - 1) * sh - top + eh - 1,

outputs that see a pixel: the column stride taken from the row stride
-            (box.right - 1 + left) // sw + 1,
+            (box.right - 1 + left) // sh + 1,
"""

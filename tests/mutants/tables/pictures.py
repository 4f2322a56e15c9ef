"""Bugs of zfnet: receptive fields, incremental occlusion, projections."""

from __future__ import annotations

TABLE = """
== zfnet: receptive fields, zfnet/views.py, tests/zfnet/test_views.py
the column stride is taken from the row stride
-        stride = self.stride[0] * g.stride[0], self.stride[1] * g.stride[1]
+        stride = self.stride[0] * g.stride[0], self.stride[1] * g.stride[0]

the field of a branch hides that of another one
-            found[source] = window if before is None else before.joined(window, planes[source])
+            found[source] = window

a joined window ends where its first branch's does
-        shape = max(a.bottom, b.bottom) - top, max(a.right, b.right) - left
+        shape = a.bottom - top, a.right - left

== zfnet: receptive fields, zfnet/receptive_fields.py, tests/zfnet/test_receptive_fields.py
padding of a max-pooling is 0
-    return F.fill_outside(x, needs.at(places), plane, step.fill)
+    return F.fill_outside(x, needs.at(places), plane, 0.0)

== zfnet: receptive fields, zfnet/receptive_fields.py, tests/zfnet/test_branches.py
a branch takes its pixels on the other side of the common window
-    top, left = (n - h for n, h in zip(needs.first, has.first, strict=True))
+    top, left = (h - n for n, h in zip(needs.first, has.first, strict=True))

== zfnet: incremental occlusion, zfnet/incremental.py, tests/zfnet/test_incremental.py
changed weights are not seen
-        if self._of_weights() != self._versions:
+        if not self._versions:

a window at the border reaches outside
-    starts = [(min(b.top, g.P - shape[0]), min(b.left, g.Q - shape[1])) for b in boxes]
+    starts = [(b.top, b.left) for b in boxes]

the margin of a window is cut at its first output's corner
-        first = at * np.array(g.stride) + np.array([box.top, box.left])
+        first = at * np.array(g.stride)

padding of a max-pooling is 0
-        around = patches.cut(before[0], first, box.shape, step.fill, inserted)
+        around = patches.cut(before[0], first, box.shape, 0.0, inserted)

== zfnet: incremental occlusion, zfnet/incremental.py, tests/zfnet/test_views.py
the column stride is taken from the row stride
-        first = at * np.array(g.stride) + np.array([box.top, box.left])
+        first = at * g.stride[0] + np.array([box.top, box.left])
"""

"""Bugs of minidl: prepared weights, versions, tables of rules, fused nodes, the backward walk."""

from __future__ import annotations

TABLE = """
== minidl: kept weights, minidl/prepared_weights.py, tests/minidl/test_kept_weights.py
what was made of the weights is kept after they changed
-    if kept != version:
+    if kept < 0:

what another kernel prepared is taken
-    key = operation, kernel.device, kernel.name, replace(g, N=1)
+    key = operation, kernel.device, replace(g, N=1)

== minidl: kept weights, minidl/versions.py, tests/minidl/test_kept_weights.py
a changed checksum is not looked at
-            if known is not None and now != known:
+            if known is not None and now is None:

holders of a base are not counted
-        return count <= _OWN and most <= _OF_BASE
+        return count <= _OWN

== minidl: plans, minidl/plan/watching.py, tests/minidl/plan/test_plan.py
a plan outlives a change of its weights
-            and all(map(eq, map(_version, self.weights[0]), self.weights[1]))
+            and all(map(eq, self.weights[1], self.weights[1]))

a plan outlives a change of a layer's settings
-            and all(map(eq, *self.settings))
+            and all(map(eq, self.settings[0], self.settings[0]))

== minidl: plans, minidl/plan/fusion.py, tests/minidl/plan/test_plan.py
a residual that is computed later is added too early
-        before = place.get(other, -1) < place[step.names[0]]
+        before = True

a result that others read is fused with one of them
-            while uses[step.output] == 1:
+            while uses[step.output]:

== minidl: plans, minidl/plan/places.py, tests/minidl/plan/test_plan.py
memory is released while a view of it is read
-            if self._readers[owner] == 0:
+            if self._readers[owner] <= 1:

== minidl: plans, minidl/plan/network.py, tests/minidl/plan/test_plan.py
what follows a call that no chain takes is left out
-            for call in self.chained:
+            for call in self.chained[:1]:

the result is the plan's own memory, which the next run overwrites
-            y = memory.empty_like(self.result)
-            y[...] = self.result
+            y = self.result

== minidl: writes, minidl/versions.py, tests/minidl/test_tape_writes.py
a write is noted at the array, not at its memory
-    _written[_lasting(array)] = changed()
+    _written[id(array)] = changed()

== minidl: rules, minidl/rules.py, tests/minidl/test_rules.py
the deconvnet does not rectify
-    return (gy.relu(),)
+    return (gy,)

guided backpropagation masks and does not rectify
-    return tuple(gradient["relu"](node, gy.relu(), needs))
+    return tuple(gradient["relu"](node, gy, needs))

== minidl: rules, minidl/rules.py, tests/minidl/test_fused_rules.py
a fused node looks up its steps in the table that has its rule
-                return partial(table._fused[operation], table=self)
+                return partial(table._fused[operation], table=table)

== minidl: fused nodes, minidl/functional/fused.py, tests/minidl/test_fused_rules.py
a rule set in the gradient's own table is bypassed
-    return itself and all(table[row] in CONTENT[row] for row in rows)
+    return all(table[row] in CONTENT[row] for row in rows)

a user's rule gets the operands of the fused node
-    if is_recording() or not _is_content(node, table):
+    if is_recording():

== minidl: fused nodes, minidl/functional/fused.py, tests/minidl/test_fused.py
windows that share a switch: the last one alone counts
-            planes = _unpool(masked[some], saved["switches"][some], p, "sum")
+            planes = _unpool(masked[some], saved["switches"][some], p, "last")

the gradient of the weights is that of the last images
-            gw = made if gw is None else np.add(gw, made, out=gw)
+            gw = made

== minidl: walk, minidl/backward_pass.py, tests/minidl/test_tape.py
a later use of a tensor replaces the cotangent of an earlier one
-            cotangents[key] = cotangents[key] + gx if key in cotangents else gx
+            cotangents[key] = gx

a gradient replaces that of the walk before
-            leaf.grad = memory.own(g, leaf._array) if leaf.grad is None else leaf.grad + g
+            leaf.grad = memory.own(g, leaf._array)

what was written to after the forward pass is used
-    node.check_unchanged()
-    needs = tuple([key in needed for key in node.keys])
+    needs = tuple([key in needed for key in node.keys])

a tensor on the way that is an input too loses its cotangent
-            gy = cotangents.get(node) if keep else cotangents.pop(node, None)
+            gy = cotangents.pop(node, None)
"""

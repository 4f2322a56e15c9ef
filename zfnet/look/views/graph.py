"""Network: the layers as they are wired; everything that it draws is in `about`."""

from __future__ import annotations

from zfnet.look.view import View

VIEW = View("graph", "graph.js", order=20)

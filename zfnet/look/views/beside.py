"""Side by side: two networks on the same image, at the same place; it asks other views' routes."""

from __future__ import annotations

from zfnet.look.view import View

VIEW = View("beside", "beside.js", order=55)

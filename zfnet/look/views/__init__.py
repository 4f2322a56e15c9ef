"""Views of the live page: one module each, with a `VIEW` (`zfnet/look/__init__.py`)."""

"""The paper's experiments: one folder each, with its measurements and its page."""

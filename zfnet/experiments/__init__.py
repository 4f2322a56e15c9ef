"""The paper's experiments, and the pages that show them."""

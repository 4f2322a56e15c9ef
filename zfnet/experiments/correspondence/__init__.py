"""Correspondence of object parts (paper, section 4.3, Fig 8, Table 1)."""

"""Transfer to other data sets (paper, Tables 4 to 6, Fig 9)."""

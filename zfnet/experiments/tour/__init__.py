"""The tour: a shipped network, and one trained on drawn scenes."""

"""The gradient of local response normalisation."""

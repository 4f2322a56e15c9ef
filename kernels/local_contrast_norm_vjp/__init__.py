"""The gradient of local contrast normalisation."""

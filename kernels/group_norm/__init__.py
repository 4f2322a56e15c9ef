"""Group normalisation, of which layer and instance normalisation are cases."""

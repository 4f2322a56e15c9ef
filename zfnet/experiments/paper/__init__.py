"""All experiments on one network, in one report."""

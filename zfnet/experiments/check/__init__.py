"""The paper's claims on images with a known ground truth."""

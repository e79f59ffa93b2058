"""The exact target for CPUs: integer products and fixed-shape attention make a row's logits its prefix's alone."""

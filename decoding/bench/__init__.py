"""Measuring the decoder: how fast it is, against what the memory allows and against others, and that it is exact."""

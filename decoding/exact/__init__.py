"""The exact target for CPUs: a row's logits are a function of its own sequence's tokens, bit for bit."""

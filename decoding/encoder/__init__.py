"""Encoders: token ids to one vector for each text, on the exact target's row products."""

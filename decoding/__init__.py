"""Token ids in, token ids out, speculatively: the target confirms in one pass what a cheap draft guessed."""

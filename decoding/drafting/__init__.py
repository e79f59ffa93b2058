"""Drafts without a model: guesses read from texts, chosen by what they are worth and what they cost."""

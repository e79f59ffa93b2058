"""What the service remembers: conversations, feedback, keys and the audit log."""

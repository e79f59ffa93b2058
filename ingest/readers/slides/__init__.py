"""Reading presentations."""

"""Measuring retrieval and answers on a file of questions with known answers."""

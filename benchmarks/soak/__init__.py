"""Reliability figures: each part is bounded in count and time, and gives figures with their bounds."""

"""Error responses: their shapes, kinds and advice; what may be retried or repaired."""

"""Run loops of our own for stdio and HTTP, for what the SDK's loops lose: signals, broken lines, limits."""

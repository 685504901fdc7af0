"""Our own run loops for stdio and HTTP, which handle what the SDK's loops do not: signals, broken lines, limits."""

"""How long a test waits for something that must happen: long enough for a busy machine, below pytest's own limit.

No test asserts how fast something is; figures belong in `benchmarks/` and `scripts/soak`. A test that reaches `HANG_S`
waits for something that never comes.
"""

from __future__ import annotations

HANG_S = 60

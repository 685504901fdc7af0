"""Run by a peer's own interpreter: points a peer whose address is fixed in its code at the loopback upstream.

Nothing of the peer is changed on disk. What is imported here is imported by the peer's own start anyway, so its start
is measured as it is; only what would leave the machine is left out (said in docs/benchmarks.md).
"""

import os
import sys
from importlib import import_module


def start_openrouter(origin: str) -> None:
    import_module("mcp_openrouter.client").OpenRouterClient.BASE_URL = f"{origin}/v1"
    sys.exit(import_module("mcp_openrouter.cli").main([]))


def start_second_opinion(origin: str) -> None:
    server = import_module("second_opinion_mcp.server")
    for row in server.MODELS.values():
        row["base_url"] = f"{origin}/v1"
    vars(server)["_check_for_updates"] = lambda: (None, None)  # asks the package index at every start, up to 3 s
    server.main()


if __name__ == "__main__":
    {"openrouter": start_openrouter, "second-opinion": start_second_opinion}[sys.argv[1]](os.environ["BENCH_ORIGIN"])

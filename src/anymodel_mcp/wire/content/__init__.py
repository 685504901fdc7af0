"""Parts that answers of every API share: text, reasoning, tool calls, citations, usage."""

"""Parsers shared by the answers of all APIs: text, reasoning, tool calls, citations, usage."""

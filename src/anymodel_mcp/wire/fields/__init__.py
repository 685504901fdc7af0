"""Builders shared by the requests of all APIs: sampling, effort, messages, structured output, options."""

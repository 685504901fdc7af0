"""Parts that requests of every API share: sampling, effort, messages, structured output, options."""

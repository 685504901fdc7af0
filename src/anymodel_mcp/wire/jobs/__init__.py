"""Media jobs: submit, poll, fetch and cancel for every service that a `JobRow` describes."""

"""Calls as tasks that may outlive their request, and the conversations that they belong to."""

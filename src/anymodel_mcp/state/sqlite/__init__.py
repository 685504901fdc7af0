"""SQLite behind the state interface."""

"""The Realtime API: one chat turn as events over a WebSocket."""

"""The audio APIs: transcription and speech."""

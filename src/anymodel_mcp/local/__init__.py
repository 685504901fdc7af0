"""The embedded model: weights from the package index, llama.cpp's own server in a child process."""

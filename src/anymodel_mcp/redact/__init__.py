"""Cleans all output of the process: one redactor for every sink, and one cleaner of untrusted text.

A sink (stderr, a result, an error, progress, a file, a record) never gets a key. `Redactor` removes every known secret,
plain and in the encodings that a provider may echo it in, and, in errors, whatever has the shape of a key. `clean_text`
removes what a terminal would execute and invisible characters.
"""

from anymodel_mcp.redact.cleaning import clean_text, one_line, shorten
from anymodel_mcp.redact.redactor import MASK, Redactor, RunningText

__all__ = ["MASK", "Redactor", "RunningText", "clean_text", "one_line", "shorten"]

"""Configuration: `load` is pure (variables and file text in, `Settings` out), `read_settings` reads the file.

Order, first wins: command line, environment, file, defaults. Nothing is read from the working directory, so that a
project cannot redirect keys. Every mistake is one `ConfigError` sentence that names the field, the place and the fix.
"""

from anymodel_mcp.config.loading import load
from anymodel_mcp.config.places import config_path, read_settings
from anymodel_mcp.config.settings import (
    Files,
    HttpSettings,
    Limits,
    OwnPrompt,
    PromptSettings,
    ProviderSettings,
    Secret,
    ServerSettings,
    Settings,
    StoreSettings,
    ToolSettings,
    ViewSettings,
)

__all__ = [
    "Files",
    "HttpSettings",
    "Limits",
    "OwnPrompt",
    "PromptSettings",
    "ProviderSettings",
    "Secret",
    "ServerSettings",
    "Settings",
    "StoreSettings",
    "ToolSettings",
    "ViewSettings",
    "config_path",
    "load",
    "read_settings",
]

"""The configuration: one TOML file, overridden by environment, checked as a whole.

Every mistake is a `ConfigError` of one line that names the key and what to do.
"""

from calsync.config.file import find_file, load
from calsync.config.settings import ConfigError, Settings

__all__ = ["ConfigError", "Settings", "find_file", "load"]

"""Configuration: `flyte.config`."""

from flyte_config import Config, ConfigError, auto

__all__ = ["Config", "ConfigError", "auto"]

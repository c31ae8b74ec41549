"""Configuration: `flyte.config`."""

from flyte_config import Config, ConfigError, ConfigFile, auto, get_config_file, set_if_exists

__all__ = ["Config", "ConfigError", "ConfigFile", "auto", "get_config_file", "set_if_exists"]

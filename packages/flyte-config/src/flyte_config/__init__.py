"""Where configuration comes from: YAML files, environment variables, the git root. Talks to no server."""

from flyte_config.discovery import find_config_file, git_root, local_state_folder
from flyte_config.errors import ConfigError
from flyte_config.loading import ConfigFile, auto, get_config_file, set_if_exists
from flyte_config.model import Config, ImageConfig, LocalConfig, PlatformConfig, TaskConfig
from flyte_config.organisations import org_of_endpoint
from flyte_config.profiles import PROFILE_VARIABLE, chosen_profile, profile_names

__all__ = [
    "PROFILE_VARIABLE",
    "Config",
    "ConfigError",
    "ConfigFile",
    "ImageConfig",
    "LocalConfig",
    "PlatformConfig",
    "TaskConfig",
    "auto",
    "chosen_profile",
    "find_config_file",
    "get_config_file",
    "git_root",
    "local_state_folder",
    "org_of_endpoint",
    "profile_names",
    "set_if_exists",
]

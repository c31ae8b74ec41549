"""Where configuration comes from: YAML files, environment variables, the git root. Builds the config model; talks to no server."""

"""One transformer per file, each registered when its module is imported; `builtin` imports them all."""

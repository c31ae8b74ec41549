"""Signing in to a control plane: where tokens come from, how they are renewed and where they are kept."""

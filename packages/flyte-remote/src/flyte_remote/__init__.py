"""The control plane as Python objects, one noun per module."""

"""From a URI to bytes and back. Knows stores, not types or tasks."""

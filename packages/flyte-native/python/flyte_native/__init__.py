"""Rust-backed verbs of the Flyte SDK: literal bytes, digests, archives. No policy and no I/O beyond named files."""

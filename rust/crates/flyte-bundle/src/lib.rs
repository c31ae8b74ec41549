//! Deterministic archives of a list of files. Selection and safe extraction join later; no Python here.

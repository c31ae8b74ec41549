//! Content and tree digests: BLAKE3 and MD5 over bytes, files and lists of files. No Python, no archive format.

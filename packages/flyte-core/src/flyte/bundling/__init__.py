"""The user's code as a bundle: which files, one archive, a version that is the same everywhere, stored once.

`flyte.registration` and `flyte.running` make bundles, `flyte.runtime` extracts them. Which files a folder's ignore rules
leave, the digests and the archive itself are `flyte_native`'s; how a bundle reaches a store is a `BundleUploader`'s.

Import from the modules: `request` (what is asked for), `uploading` (select, pack, store), `archives` (pack only), `cache`,
`extraction`, which is all that a container needs, and `pickling`, which alone loads cloudpickle.
"""

"""The user's code as a bundle: which files, one archive, a version that is the same everywhere, stored once.

`flyte.registration` and `flyte.running` make bundles, `flyte.runtime` extracts them. Which files a folder's ignore rules
leave, the digests and the archive itself are `flyte_native`'s; how a bundle reaches a store is a `BundleUploader`'s.
Names are imported from the modules, so that a container loads only what it needs.

To make a bundle, where a run or a deployment is submitted:

```python notest
request = request_for(environments, copy_style="loaded_modules", root_dir=root)      # environments
cache = BundleCache(state_folder / "bundles")                                        # cache
bundle = await bundle_code(request, uploader, cache=cache)                           # uploading: CodeBundle, None with `none`
bundle = await bundle_pickled(task, uploader, cache=cache)                           # pickling: in a notebook
local = write_bundle(request, folder)                                                # archives: LocalBundle, nothing stored
version = deployment_version({name: specification, ...}, bundle.computed_version)    # environments
```

`uploader` has `scope`, `upload(LocalBundle) -> uri` and `is_stored(uri)`; `FolderUploader(folder)` is the one for dry runs
(`copy_bundle_to`). A `LocalBundle` has what an upload asks for: `path` (`fast<version>.tar.gz` or `code_bundle.pkl.gz`), `md5`,
`content_md5` for the header, `size`. The cache is asked before anything is packed, and `is_stored` before it is believed.

To use one, in the container (`--tgz URI` or `--pkl URI`, `--dest`):

```python notest
folder = await download_and_extract(uri, destination)     # downloading: once, however many processes want it
bundle = await download_code_bundle(bundle)               # downloading: the same by `CodeBundle`, its folder on `sys.path`
task = load_pickled(await download_pickled(uri, folder))  # pickling; downloading
```

`MissingBundleError` (its `code` is its name) means that the store was emptied. Trying again does not help, so it is the user's
error, not the system's; who submitted the run calls `cache.forget(bundle.computed_version, uploader.scope)`, and the next
submission uploads anew.
"""

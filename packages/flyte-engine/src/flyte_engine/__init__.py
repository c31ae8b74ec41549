"""The execution core: action store, retries, executors. No protocol, no HTTP, no types: inputs and outputs are bytes."""

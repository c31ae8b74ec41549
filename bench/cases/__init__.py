"""What is measured, as data. How it is measured stands in `bench.harness`."""

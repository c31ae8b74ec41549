"""How things are measured: environments, rounds, ratios, counts, gates and reports. What is measured stands in `bench.cases`."""

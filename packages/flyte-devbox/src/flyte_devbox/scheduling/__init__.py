"""The parts of the scheduler: pure decisions, records, the queue, attempts, answers of the cache and ends."""

"""Taking participants through a stage: locks, resuming, records, threads, memory."""

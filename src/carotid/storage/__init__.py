"""Places on disk: scans that come in, results that go out."""

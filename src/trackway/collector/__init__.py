"""The public HTTP API: takes calls, judges each one, keeps them durably, and only then answers."""

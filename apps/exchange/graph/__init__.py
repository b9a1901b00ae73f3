"""The wire of Microsoft 365: Graph v1.0."""

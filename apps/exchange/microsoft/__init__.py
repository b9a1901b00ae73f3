"""Microsoft 365: the app registration, what Microsoft refuses and why, the check, and the commands."""

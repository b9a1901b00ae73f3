"""Exchange Web Services: the wire to Exchange Server, and to Microsoft 365 while it lasts."""

"""The EWS face of the sandbox: requests become calls of the store, the store's answers become XML."""

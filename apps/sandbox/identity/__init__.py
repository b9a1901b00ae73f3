"""Microsoft's identity platform in small: sign-in, consent, tokens. Source: `docs/identity-platform` of MicrosoftDocs/entra-docs.

`service.respond` answers what is asked below `/login`; `callers` tells who sends a token.
"""

"""A small Exchange on loopback that stands in for Microsoft's. It shares no code with the product."""

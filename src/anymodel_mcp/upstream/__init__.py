"""Everything between a tool and a provider: routing, clients, catalogs, the one sender."""

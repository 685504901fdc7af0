"""How providers differ, as data: fields, rows of providers, rows of model families, and their merge."""

"""How much painted clips flicker and what they keep of their original: measures, tables, reports."""

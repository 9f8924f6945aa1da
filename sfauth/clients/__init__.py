"""HTTP clients that are always authorised, one module for each library."""

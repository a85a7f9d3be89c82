"""Which assumptions and levers move a metric: Sobol's indices, Morris' screening, tornados; noise told apart."""

"""Differentially private synthesis and evaluation of tables; knows nothing of web, queue or database."""

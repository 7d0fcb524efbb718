"""Searches on many machines. Only this package imports Dask."""

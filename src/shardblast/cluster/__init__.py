"""Searches on many machines: the only package that imports Dask."""

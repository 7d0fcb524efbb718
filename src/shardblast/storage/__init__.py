"""Objects in files or in a cloud: the one layer that knows obstore."""

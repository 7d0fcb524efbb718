"""Object storage in a folder or a cloud: the only package that uses obstore."""

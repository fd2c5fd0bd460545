"""The container fixture against images that are built on this machine, of Debian packages."""

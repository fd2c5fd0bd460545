"""Tests of the containers, with images that are built on this machine from Debian packages."""

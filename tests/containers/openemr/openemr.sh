#!/bin/sh
# The image starts with a shell script of this name, as OpenEMR's does.
exec python3 openemr.py

"""Builds images that behave like those of OpenEMR and MariaDB, without a registry.

`python -m tests.containers.images` builds the missing ones. The base is Debian, built by mmdebstrap
from the packages that apt of this machine can get.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import docker.errors

from fixtures.containers.engine import connect
from tests.runs import ROOT

HERE = Path(__file__).parent
REGISTRY = "openemr-conformance.test"
SUITE = "bookworm"
PYTHON = "3.11"
BASE = f"{REGISTRY}/debian:{SUITE}"
DATABASE = "mariadb:11.4"
#: The simulated releases: tag, family of the set-up script, number.
RELEASES = {"7.0.3": ("A", 7), "8.1.0": ("B", 10)}
PACKAGES = "mariadb-server,python3-minimal,libpython3-stdlib,openssl,ca-certificates"
NEEDED = ("starlette", "uvicorn", "joserfc", "pymysql", "bcrypt")
MADE_OF = "org.openemr.conformance.test.made-of"


def digest(*paths):
    """Return a digest of files and folders, by content."""
    found = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                found.update(str(file.relative_to(path.parent)).encode() + file.read_bytes())
    return found.hexdigest()


def is_current(client, name, made_of):
    """Return whether an image exists and was built from the present files."""
    try:
        return client.images.get(name).labels.get(MADE_OF) == made_of
    except docker.errors.ImageNotFound:
        return False


def base(client):
    """Build the image of Debian with MariaDB and Python."""
    made_of = hashlib.sha256(PACKAGES.encode()).hexdigest()
    if is_current(client, BASE, made_of):
        return
    print(f"making {BASE} (some minutes)", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "base.tar"
        subprocess.run(  # noqa: S603 - our own command
            [
                *("mmdebstrap", "--mode=root", "--variant=minbase", f"--include={PACKAGES}"),
                *(
                    "--dpkgopt=path-exclude=/usr/share/doc/*",
                    "--dpkgopt=path-exclude=/usr/share/man/*",
                ),
                *(SUITE, archive),
            ],
            check=True,
        )
        client.api.import_image_from_file(
            str(archive), BASE.rpartition(":")[0], SUITE, changes=[f"LABEL {MADE_OF}={made_of}"]
        )


def build(client, name, context, made_of, **environment):
    """Build an image from a folder."""
    if is_current(client, name, made_of):
        return
    print(f"building {name}", flush=True)
    dockerfile = context / "Dockerfile"
    lines = [f"ENV {key}={value}" for key, value in environment.items()]
    if environment:
        text = dockerfile.read_text()
        number = environment["DOCKER_VERSION"]
        lines.append(
            f"RUN for f in /root/docker-version docker-version sites/default/docker-version; "
            f"do echo {number} > $f; done"
        )
        dockerfile = context / f"Dockerfile.{number}"
        dockerfile.write_text(text + "\n".join(lines) + "\n")
    client.images.build(
        path=str(context),
        dockerfile=dockerfile.name,
        tag=name,
        rm=True,
        buildargs={"BASE": BASE},
        labels={MADE_OF: made_of},
    )


def database(client):
    """Build the image of MariaDB."""
    build(client, f"{REGISTRY}/{DATABASE}", HERE / "mariadb", digest(HERE / "mariadb"))


def openemr(client):
    """Build the images of OpenEMR."""
    made_of = digest(HERE / "openemr", ROOT / "fixtures" / "embedded")
    names = {f"{REGISTRY}/openemr/openemr:{tag}": tag for tag in RELEASES}
    if all(is_current(client, name, f"{made_of} {tag}") for name, tag in names.items()):
        return
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder) / "openemr"
        shutil.copytree(HERE / "openemr", context)
        ignored = shutil.ignore_patterns("__pycache__")
        target = context / "fixtures" / "embedded"
        shutil.copytree(ROOT / "fixtures" / "embedded", target, ignore=ignored)
        shutil.copy(ROOT / "fixtures" / "__init__.py", context / "fixtures")
        subprocess.run(  # noqa: S603 - our own command
            [
                *(sys.executable, "-m", "pip", "install", "--quiet", "--no-compile"),
                *("--target", context / "packages", "--python-version", PYTHON),
                *("--only-binary=:all:", *NEEDED),
            ],
            check=True,
        )
        for name, tag in names.items():
            family, number = RELEASES[tag]
            variables = {"FAMILY": family, "VERSION": tag, "DOCKER_VERSION": number}
            build(client, name, context, f"{made_of} {tag}", **variables)


def all_images():
    """Build all missing images."""
    client = connect()
    base(client)
    database(client)
    openemr(client)


if __name__ == "__main__":
    all_images()

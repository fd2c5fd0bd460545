"""The curl commands of OpenEMR's README work."""

import tomllib
from pathlib import Path

import pytest

from conformance import expect, needs, requirement, writes

with Path(__file__).with_name("readme.toml").open("rb") as file:
    COMMANDS = {command["name"]: command for command in tomllib.load(file)["command"]}


@writes
@requirement("INTEROP-readme-commands")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=needs(*command.get("needs", ())))
        for name, command in COMMANDS.items()
    ],
)
def test_command_of_the_readme_works(curl_commands, registrar, name):
    command = COMMANDS[name]

    response = registrar.remember(curl_commands.run(name, command["command"]))

    expect.success(response)
    body = expect.json(response)
    missing = sorted({*command.get("expects", ())} - {*body})
    expect.equal(
        missing, [], "members that the README shows and the response does not have", response
    )

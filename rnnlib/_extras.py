"""The error for a missing package of one of the extras."""


def missing(what: str, package: str, extra: str) -> ModuleNotFoundError:
    """The error to raise where `what` needs `package`, with the command that installs it."""
    command = f'pip install "rnnlib[{extra}]"'
    message = f"{what}: expected {package} to be installed ({command}), got no such module"
    return ModuleNotFoundError(message, name=package)

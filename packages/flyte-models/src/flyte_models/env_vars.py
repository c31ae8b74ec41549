"""What environment variables may be: the rules of the operating system, by which nothing can be started that breaks them."""

__all__ = ["variable_error"]


def variable_error(name: str, text: str) -> str:
    """Say why there can be no environment variable of a name and value; empty if there can.

    The value is not repeated: it may be secret.
    """
    if not name:
        return "the name of an environment variable is empty"
    for letter, shown in (("=", "`=`"), ("\0", "a NUL character")):
        if letter in name:
            return f"{name!r} cannot be the name of an environment variable: {shown} is in it"
    if "\0" in text:
        return f"a NUL character is in the value of environment variable `{name}`, where the value would end"
    return ""

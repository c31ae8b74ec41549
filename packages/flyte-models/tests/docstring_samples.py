"""Docstrings in the three styles, and none: what the parser is tried on, here and on the reference."""

SAMPLES = {
    "google": """Add things up.

    A longer text
    over two lines.

    Second paragraph.

    Args:
        a: the first thing
        b (int): the second
            thing continued
        c (int, optional): third. Defaults to 1.
        *args: rest
    Returns:
        int: the sum of it
    Raises:
        ValueError: never
    """,
    "google_note_and_example": """Do it.

    Note:
        Something.

    Args:
        x: url http://foo: bar
        y:
            on the next line

    Example:
        >>> f()
    """,
    "google_no_blank_before": """Short.
    Args:
        x: no blank before
    """,
    "google_attributes": """Sum.

    Yields:
        int: numbers

    Attributes:
        q: attr
    """,
    "google_deeper": """Indented first

        Args:
            a: deeper""",
    "google_named_returns": """Do it.

    Returns:
        x: first out
        y: second out
    """,
    "numpy": """Short.

    Long.

    Parameters
    ----------
    a : int
        first
        more
    b : str, optional
        second
    c, d : float
        both

    Returns
    -------
    total : int
        the total
    other : str
        the other
    """,
    "numpy_untyped": """Do it.

    Parameters
    ----------
    a
        no type
    b: int
        tight colon
    *args : int
        star
    """,
    "numpy_unnamed_return": """Do it.

    Returns
    -------
    int
        the number
    """,
    "rest": """Short line
    continued.

    Long here.

    :param a: first
    :param int b: second
        continued
    :type a: int
    :returns: the sum
    :rtype: int
    :raises ValueError: x
    """,
    "epydoc": """Epy.

    @param a: first
    @return: it
    """,
    "one_line": """Only one.""",
    "late_start": """

    Late start

    x
    """,
    "colons": """Do: it: now.

    key: value
    """,
    "bullets": """First paragraph line one
    line two

    - bullet
    - bullet 2

        code block
    """,
    "empty": "",
}

"""int, float, bool, str and None at their limits."""

import math
import sys

from ._case import Case

INT_FOR_FLOAT = "int-for-float"

CASES = [
    *(
        Case(f"int-{name}", int, value)
        for name, value in {
            "zero": 0,
            "one": 1,
            "minus-one": -1,
            "five": 5,
            "127": 127,
            "128": 128,
            "minus-128": -128,
            "2-to-31-less-1": 2**31 - 1,
            "2-to-31": 2**31,
            "minus-2-to-31": -(2**31),
            "2-to-53-plus-1": 2**53 + 1,
            "max": 2**63 - 1,
            "min": -(2**63),
        }.items()
    ),
    Case("int-above-max", int, 2**63, rejects="value"),
    Case("int-below-min", int, -(2**63) - 1, rejects="value"),
    Case("int-huge", int, 10**400, rejects="value"),
    Case("int-from-true", int, True, rejects="value"),
    Case("int-from-float", int, 5.0, rejects="value"),
    Case("int-from-str", int, "5", rejects="value"),
    Case("int-from-none", int, None, rejects="value"),
    *(
        Case(f"float-{name}", float, value)
        for name, value in {
            "zero": 0.0,
            "minus-zero": -0.0,
            "one": 1.0,
            "five": 5.0,
            "minus-half": -0.5,
            "tenth": 0.1,
            "pi": math.pi,
            "max": sys.float_info.max,
            "min-normal": sys.float_info.min,
            "denormal": 5e-324,
            "epsilon": sys.float_info.epsilon,
            "above-2-to-53": 9007199254740993.0,
            "inf": math.inf,
            "minus-inf": -math.inf,
            "nan": math.nan,
        }.items()
    ),
    Case("float-from-int", float, 5, rejects="value", deviation=INT_FOR_FLOAT, ours_like="float-five"),
    Case("float-from-zero", float, 0, rejects="value", deviation=INT_FOR_FLOAT, ours_like="float-zero"),
    Case("float-from-true", float, True, rejects="value"),
    Case("float-from-str", float, "1.5", rejects="value"),
    Case("float-from-none", float, None, rejects="value"),
    Case("bool-true", bool, True),
    Case("bool-false", bool, False),
    Case("bool-from-int", bool, 1, rejects="value"),
    Case("bool-from-str", bool, "true", rejects="value"),
    Case("bool-from-none", bool, None, rejects="value"),
    *(
        Case(f"str-{name}", str, value)
        for name, value in {
            "empty": "",
            "ascii": "hello",
            "space": " ",
            "quotes": 'it\'s "quoted" \\ back',
            "newlines": "a\r\nb\tc",
            "null-character": "a\x00b",
            "latin": "café",
            "combining": "cafe\u0301",
            "cjk": "日本語テキスト",
            "rtl": "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
            "emoji": "🚀👩‍👩‍👧‍👦🏳️‍🌈",
            "astral": "\U0001d11e\U0010ffff",
            "bom": "\ufeffstart",
            "line-separators": "a\u2028b\u2029c",
            "digits": "007",
            "none-word": "None",
            "127-bytes": "x" * 127,
            "128-bytes": "y" * 128,
            "16384-bytes": "z" * 16384,
        }.items()
    ),
    Case("str-lone-surrogate", str, "a\ud800b", rejects="value"),
    Case("str-from-int", str, 1, rejects="value"),
    Case("str-from-bytes", str, b"abc", rejects="value"),
    Case("str-from-none", str, None, rejects="value"),
    Case("none", type(None), None),
    Case("none-literal", None, None, rejects="value"),
    Case("none-from-zero", type(None), 0, rejects="value"),
]

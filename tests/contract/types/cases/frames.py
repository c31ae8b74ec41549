"""pandas and pyarrow frames: their types, and their literals with the fixed raw-data path."""

import collections
import typing
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
from pydantic import Field

from flyte.io import DataFrame

from ._case import Case

NEEDS = ("pandas", "pyarrow")
A = typing.Annotated


@dataclass
class Holder:
    n: int
    frame: DataFrame


PANDAS = pd.DataFrame({"b": [1, 2], "a": ["x", "y"], "f": [0.5, None]})
ARROW = pa.table({"a": [1, 2], "b": ["x", "y"]})
COLUMNS = collections.OrderedDict(b=int, a=str)


def case(slug: str, of: typing.Any, value: typing.Any, rejects: str = "", deviation: str = "") -> Case:
    return Case(slug, of, value, rejects=rejects, deviation=deviation, needs=NEEDS)


CASES = [
    case("pandas", pd.DataFrame, PANDAS),
    case("pandas-empty", pd.DataFrame, pd.DataFrame()),
    case("pandas-index", pd.DataFrame, pd.DataFrame({"a": [1]}, index=["row"])),
    case("pandas-columns", A[pd.DataFrame, COLUMNS], PANDAS),
    case("pandas-csv", A[pd.DataFrame, "csv"], PANDAS, deviation="frame-format-ignored"),
    case("pandas-parquet", A[pd.DataFrame, "parquet"], PANDAS),
    case("pandas-columns-csv", A[pd.DataFrame, COLUMNS, "csv"], PANDAS, deviation="frame-format-ignored"),
    case("pandas-schema", A[pd.DataFrame, pa.schema([("a", pa.string()), ("b", pa.int64())])], PANDAS),
    case("pandas-unknown-format", A[pd.DataFrame, "unknown"], PANDAS, deviation="frame-format-ignored"),
    case("pandas-description", A[pd.DataFrame, Field(description="a table")], PANDAS, rejects="type"),
    case("pandas-list", list[pd.DataFrame], [PANDAS]),
    case("pandas-optional", pd.DataFrame | None, PANDAS),
    case("pandas-optional-none", pd.DataFrame | None, None),
    case("pandas-dict", dict[str, pd.DataFrame], {"a": PANDAS}),
    case("pandas-from-dict", pd.DataFrame, {"a": [1]}, rejects="value"),
    case("pandas-series", pd.Series, pd.Series([1, 2])),
    case("arrow", pa.Table, ARROW),
    case("arrow-columns", A[pa.Table, collections.OrderedDict(a=int)], ARROW),
    case("arrow-csv", A[pa.Table, "csv"], ARROW, deviation="frame-format-ignored"),
    case("arrow-from-pandas", pa.Table, PANDAS, rejects="value"),
    case("flyte-frame-of-pandas", DataFrame, DataFrame.wrap_df(PANDAS)),
    case("flyte-frame-of-arrow", DataFrame, DataFrame.wrap_df(ARROW)),
    case("flyte-frame-of-pandas-csv", A[DataFrame, "csv"], DataFrame.wrap_df(PANDAS)),
    case("flyte-frame-of-pandas-columns", A[DataFrame, COLUMNS], DataFrame.wrap_df(PANDAS)),
    case("flyte-frame-from-pandas", DataFrame, PANDAS, rejects="value"),
    case("flyte-frame-in-dataclass", Holder, Holder(1, DataFrame.wrap_df(PANDAS))),
]

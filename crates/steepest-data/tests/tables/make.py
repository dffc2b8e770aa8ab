"""Writes the tables beside it that only other libraries write: python make.py (versions: README.md)."""

import datetime
import decimal
import pathlib

import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq

here = pathlib.Path(__file__).parent

frame = pd.DataFrame(
    {
        "flag": pd.Categorical([True, False, None, True]),
        "size": pd.Categorical([10, 20, 10, None]),
        "share": pd.Categorical([0.5, 0.25, 0.5, 0.25]),
        "word": pd.Categorical(["b", "a", None, "b"]),
        "day": pd.Categorical(pd.to_datetime(["1970-01-02", "1970-01-03", "1970-01-02", None])),
        "y": [1.5, 2.5, 3.5, 4.5],
    }
)
frame.to_parquet(here / "pandas.parquet", compression="brotli", index=False)

table = pa.table(
    {
        "big": pa.array([9007199254740993, 9007199254740992, None, 1], pa.int64()),
        "whole": pa.array([9007199254740992, -3, None, 1], pa.int64()),
        "price": pa.array([decimal.Decimal(x) for x in ("12.34", "0.10", "-7.00", "1.00")], pa.decimal128(9, 2)),
        "exact": pa.array([decimal.Decimal("0.12345678901234567891"), None, decimal.Decimal(1), decimal.Decimal(0)], pa.decimal128(38, 20)),
        "at": pa.array([datetime.time(7, 5), datetime.time(23, 59, 59, 250000), None, datetime.time(0)], pa.time64("us")),
        "took": pa.array([datetime.timedelta(seconds=90), None, datetime.timedelta(milliseconds=250), datetime.timedelta(0)], pa.duration("ms")),
        "text": pa.array([" b ", None, "NA", "c"], pa.string_view()),
        "code": pa.array(["x", "y", None, "x"]).dictionary_encode(),
        "flag": pa.array([True, None, False, True]).dictionary_encode(),
        "list": pa.array([[1], None, [], [2]]),
        "bytes": pa.array([b"a", b"b", None, b"c"]),
    }
)
with pa.OSFile(str(here / "table.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
    writer.write_table(table, max_chunksize=2)
with pa.OSFile(str(here / "table.arrows"), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
    writer.write_table(table, max_chunksize=3)
feather.write_feather(table, here / "lz4.feather", compression="lz4")
feather.write_feather(table, here / "zstd.feather", compression="zstd")
pq.write_table(table, here / "table.parquet", compression="zstd", row_group_size=2)

# neither compressed nor encoded, so that nothing but its checksums tells of a bit that is another
numbers = pa.table({"x": pa.array([0.5 * row for row in range(64)]), "y": pa.array(list(range(64)))})
pq.write_table(numbers, here / "checksums.parquet", compression="none", use_dictionary=False, write_statistics=False, write_page_checksum=True)

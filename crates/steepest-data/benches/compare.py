"""Times polars on the file that `cargo bench -p steepest-data --bench read -- FILE` reads: python compare.py FILE.

`python compare.py --make FILE` writes one of 30 columns and a million rows first, 300 MB of CSV.
"""

import resource
import sys
import time

import polars

if sys.argv[1] == "--make":
    import numpy

    random = numpy.random.default_rng(0)
    rows = 1_000_000
    columns = {f"c{i}": random.normal(size=rows) * 100 if i < 24 else random.integers(0, 10_000_000, rows) for i in range(30)}
    polars.DataFrame(columns).write_csv(sys.argv[2], float_precision=6)
    sys.exit()

for _ in range(3):
    start = time.perf_counter()
    table = polars.read_csv(sys.argv[1])
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"polars {polars.__version__}, {polars.thread_pool_size()} threads: {table.shape}, {seconds:.2f} s, peak memory {peak} MiB")
    del table

"""Reads the event files that `event_file.rs` wrote with TensorBoard's own readers.

    python event_file.py FOLDER

Every scalar and every histogram is compared bit for bit with what `FOLDER/expected.json` says was written: by
`EventAccumulator`, with and without its dropping what an interrupted run left; and by both servers that TensorBoard may
start, through which its pages see texts, settings and results. Then files are cut and damaged in their last record.
"""

import json
import logging
import math
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

import numpy as np
import tensorboard_data_server
from tensorboard.backend.event_processing.event_accumulator import (
    STORE_EVERYTHING_SIZE_GUIDANCE,
    EventAccumulator,
)
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.util import tensor_util

logging.getLogger("tensorboard").setLevel(logging.ERROR)  # it warns of every purge
np.seterr(over="ignore", invalid="ignore")  # numbers of 64 bits are rounded to 32, and some ranges are beyond both
FOLDER = sys.argv[1]
compared = {"scalars": 0, "histograms": 0}


def check(condition, *what):
    if not condition:
        sys.exit(f"not as it was written: {what}")


def number(bits):
    return struct.unpack("<d", struct.pack("<Q", bits))[0]


def bits_of(x):
    return struct.unpack("<Q", struct.pack("<d", x))[0]


def rounded(bits):
    """The number of 32 bits that is nearest, by another implementation than the writer's."""
    return np.float64(number(bits)).astype(np.float32)


def same(a, b):
    """Whether two numbers of 32 bits are the same, the sign of zero included."""
    return (math.isnan(a) and math.isnan(b)) or np.float32(a).tobytes() == np.float32(b).tobytes()


def accumulator(path, purge=True):
    return EventAccumulator(path, STORE_EVERYTHING_SIZE_GUIDANCE, purge_orphaned_data=purge).Reload()


def check_curve(what, found, expected):
    check(len(found) == len(expected), what, len(found), len(expected))
    for event, (step, seconds, x) in zip(found, expected):
        check(event.step == step, what, event, step)
        check(seconds is None or event.wall_time == number(seconds), what, event)
        check(same(event.value, rounded(x)), what, event, number(x))
    compared["scalars"] += len(found)


def check_scalars(expected):
    for run, tags in expected.items():
        for purge in (True, False):
            events = accumulator(f"{FOLDER}/runs/{run}", purge)
            check(sorted(events.Tags()["scalars"]) == sorted(tags), run, events.Tags()["scalars"], tags)
            for tag, points in tags.items():
                check_curve((run, tag), events.Scalars(tag), points)


def check_histogram(what, histogram, values):
    """All that can be known of a histogram: counted again, value by value, over the edges that it gives."""
    values = values[np.isfinite(values)]
    check(histogram.num == len(values), what)
    edges, counts = np.array(histogram.bucket_limit), np.array(histogram.bucket)
    check(len(edges) == len(counts), what)
    if not len(values):
        check(len(counts) == 0 and histogram.min == 0 and histogram.max == 0, what)
        return
    check(histogram.min == values.min() and histogram.max == values.max() == edges[-1], what)
    check((np.diff(edges) > 0).all() and len(edges) <= 64, what)
    # a value belongs to the first bucket whose right edge is above it, the largest to the last
    places = np.minimum(np.searchsorted(edges, values, side="right"), len(edges) - 1)
    check((np.bincount(places, minlength=len(edges)) == counts).all(), what, counts)
    for found, terms in ((histogram.sum, values), (histogram.sum_squares, values * values)):
        size = np.abs(terms).sum()
        # each term is rounded once as it is added; near the end of the range, a sum depends on the order
        check(size > 1e308 or abs(found - math.fsum(terms)) <= len(terms) * 2.0**-53 * size, what, found)


def check_histograms(expected):
    for run, tags in expected.items():
        events = accumulator(f"{FOLDER}/runs/{run}")
        check(sorted(events.Tags()["histograms"]) == sorted(tags), run)
        for tag, steps in tags.items():
            found = events.Histograms(tag)
            check([event.step for event in found] == [step for step, _ in steps], run, tag)
            for event, (step, bits) in zip(found, steps):
                values = np.array(bits, dtype=np.uint64).view(np.float64)
                check_histogram((run, tag, step), event.histogram_value, values)
                compared["histograms"] += 1
            check(len(events.CompressedHistograms(tag)) == len(steps), run, tag)


def check_resumed(expected):
    for purge, name in ((True, "purged"), (False, "all")):
        events = accumulator(f"{FOLDER}/runs/resumed", purge)
        for tag in ("loss/train", "loss/forgotten"):
            points = [[step, None, x] for step, _, x in expected[name][tag]]
            check_curve((name, tag), events.Scalars(tag), points)
        points = [(step, number(x)) for step, _, x in expected[name]["weights/0"]]
        found = events.Histograms("weights/0")
        check([(e.step, e.histogram_value.min) for e in found] == points, name, found)


def check_texts(expected):
    for run, tags in expected.items():
        events = accumulator(f"{FOLDER}/runs/{run}")
        for tag, text in tags.items():
            (event,) = events.Tensors(tag)
            found = tensor_util.make_ndarray(event.tensor_proto)
            check(found.shape == () and found.item().decode() == text, run, tag, found)


def plain(value):
    return getattr(value, value.WhichOneof("kind"))


def check_settings(expected):
    for run, about in expected.items():
        events = accumulator(f"{FOLDER}/compared/{run}")
        contents = events.PluginTagToContent("hparams")
        data = {tag: plugin_data_pb2.HParamsPluginData.FromString(x) for tag, x in contents.items()}
        start = data["_hparams_/session_start_info"].session_start_info
        found = {name: plain(value) for name, value in start.hparams.items()}
        check(found == about["settings"], run, found)
        check(data["_hparams_/session_end_info"].session_end_info.status == about["status"], run)
        (accuracy,) = events.Scalars("final/test_accuracy")
        check(same(accuracy.value, rounded(about["accuracy"])), run, accuracy)


# Damage to the end of a file, as a killed process or a full disk leaves it.


def record_ends(data):
    ends = [0]
    while ends[-1] < len(data):
        (length,) = struct.unpack_from("<Q", data, ends[-1])
        ends.append(ends[-1] + 12 + length + 4)
    return ends


def check_damage(expected):
    """However the last record is cut or changed, all before it is read; and the next file is, too."""
    points = [[step, None, x] for step, _, x in expected["purged"]["loss/train"]]
    with tempfile.TemporaryDirectory() as folder:
        first, second = sorted(os.listdir(f"{FOLDER}/runs/resumed"))
        shutil.copy(f"{FOLDER}/runs/resumed/{second}", folder)
        with open(f"{FOLDER}/runs/resumed/{first}", "rb") as file:
            data = file.read()
        last = record_ends(data)[-2]
        damaged = [data[:cut] for cut in range(last, len(data))]
        damaged += [data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :] for at in range(last, len(data), 7)]
        for data in damaged:
            with open(f"{folder}/{first}", "wb") as file:
                file.write(data)
            alone, both = accumulator(f"{folder}/{first}"), accumulator(folder)
            check([event.value for event in alone.Scalars("loss/train")] == list(range(1, 11)), len(data))
            check([event.step for event in alone.Histograms("weights/0")] == list(range(1, 10)), len(data))
            check_curve("after damage", both.Scalars("loss/train"), points)


# What the pages see: both servers, which read the files with different programs.


class Server:
    def __init__(self, logdir, fast):
        command = [sys.executable, "-m", "tensorboard.main", f"--logdir={logdir}", "--host=127.0.0.1", "--port=0"]
        command += [f"--load_fast={str(fast).lower()}", "--samples_per_plugin=scalars=100000,histograms=1000"]
        self.said = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, stderr=self.said)

    def __enter__(self):
        try:
            self.address = self.wait_for_address()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def wait_for_address(self):
        until = time.monotonic() + 60
        while True:
            self.said.seek(0)
            said = self.said.read().decode()
            if found := re.search(r"http://127\.0\.0\.1:\d+(?=/ )", said):
                return found.group()
            check(self.process.poll() is None and time.monotonic() < until, "the server did not start", said)
            time.sleep(0.1)

    def get(self, path, body=None, **query):
        url = f"{self.address}/data/{path}?{urllib.parse.urlencode(query)}"
        body = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def until(self, right, path, body=None, **query):
        """What the server says once it is right: files are read in the background."""
        until = time.monotonic() + 30
        while True:
            try:
                found = self.get(path, body, **query)
            except urllib.error.HTTPError as error:  # what is not read yet is "not found"
                found = error
            if not isinstance(found, Exception) and right(found):
                return found
            check(time.monotonic() < until, "the page is not right", path, query, found)
            time.sleep(0.1)


def check_pages(expected, fast):
    with Server(f"{FOLDER}/runs", fast) as server:

        def curve(run, tag, points):
            ask = {"path": "plugin/scalars/scalars", "run": run, "tag": tag}
            found = server.until(lambda found: len(found) == len(points), **ask)
            for (seconds, step, x), (expected_step, expected_seconds, bits) in zip(found, points):
                check(step == expected_step and expected_seconds in (None, bits_of(seconds)), fast, tag, step)
                # the page writes what JSON has no number for as a text
                check(same(float(x), rounded(bits)), fast, tag, step, x)
            compared["scalars"] += len(found)

        for run, tags in expected["scalars"].items():
            for tag, points in tags.items():
                curve(run, tag, points)
        for run, tags in expected["histograms"].items():
            for tag, steps in tags.items():
                ask = {"path": "plugin/histograms/histograms", "run": run, "tag": tag}
                found = server.until(lambda found: len(found) == len(steps), **ask)
                for (_, step, buckets), (expected_step, bits) in zip(found, steps):
                    values = np.array(bits, dtype=np.uint64).view(np.float64)
                    total = sum(count for *_, count in buckets)
                    check(step == expected_step and total == np.isfinite(values).sum(), fast, tag)
                    compared["histograms"] += 1
        for tag, kept in (("loss/train", "purged"), ("loss/forgotten", "all" if fast else "purged")):
            # the fast server drops old points of a curve when it goes on, the other one all at once
            curve("resumed", tag, [[step, None, x] for step, _, x in expected["resumed"][kept][tag]])
        for tag in expected["texts"]["texts"]:
            (shown,) = server.until(lambda found: found, "plugin/text/text", run="texts", tag=tag)
            check("<script" not in shown["text"], fast, shown)
            check(("<table>" in shown["text"]) == (tag == "notes"), fast, shown)
            check(("<pre><code>[data]\n" in shown["text"]) == (tag == "settings"), fast, shown)


def check_hparams_page(expected, fast):
    settings = {name for run in expected.values() for name in run["settings"]}
    metrics = ["final/test_accuracy", "final/test_loss", "loss/train"]

    def has_columns(experiment):
        found = [info["name"] for info in experiment.get("hparamInfos", [])]
        # those that differ come first, of which the page shows five
        first = set(found[:2]) == {"optimizer.lr", "optimizer.name"}
        found_metrics = [info["name"]["tag"] for info in experiment.get("metricInfos", [])]
        return set(found) == settings and first and found_metrics == metrics

    def has_rows(answer):
        rows = {group["name"]: group for group in answer.get("sessionGroups", [])}
        return set(rows) == set(expected) and all(is_row(row, expected[name]) for name, row in rows.items())

    def is_row(row, about):
        (session,) = row["sessions"]
        status = ["", "STATUS_SUCCESS", "STATUS_FAILURE"][about["status"]]
        values = {x["name"]["tag"]: float(x.get("value", 0)) for x in row.get("metricValues", [])}
        accuracy = same(values.get("final/test_accuracy", -1), rounded(about["accuracy"]))
        return row["hparams"] == about["settings"] and session.get("status") == status and accuracy

    with Server(f"{FOLDER}/compared", fast) as server:
        server.until(has_columns, "plugin/hparams/experiment", {"experimentName": ""})
        ask = {"experimentName": "", "startIndex": 0, "sliceSize": 10, "colParams": []}
        ask["allowedStatuses"] = ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"]
        server.until(has_rows, "plugin/hparams/session_groups", ask)


def main():
    with open(f"{FOLDER}/expected.json") as file:
        expected = json.load(file)
    check_scalars(expected["scalars"])
    check_histograms(expected["histograms"])
    check_resumed(expected["resumed"])
    check_texts(expected["texts"])
    check_settings(expected["compared"])
    check_damage(expected["resumed"])
    servers = [False]
    if tensorboard_data_server.server_binary():
        servers.append(True)
    else:
        print("skipped: the server of --load_fast (there is none for this machine)")
    for fast in servers:
        check_pages(expected, fast)
        check_hparams_page(expected["compared"], fast)
    print("TensorBoard reads what was written: " + ", ".join(f"{n} {kind}" for kind, n in compared.items()))


main()

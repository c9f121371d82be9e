#!/usr/bin/env python3
"""Runs cupola-probe's plan through PyTorch's operators and writes the probe's CSV columns.

    cupola-probe --print-plan | probe_torch.py --out torch.csv [--compile] [--budget SECONDS]

Needs Python and torch, nothing else. Operators without a counterpart in PyTorch are skipped. Times are of whole
operators as a framework launches them: `median_s` cold (L2 flushed) or hot (back to back), `floor_s` the CPU's time to
dispatch the operator.
"""

import argparse
import csv
import datetime
import os
import statistics
import sys
import time

import torch
import torch.nn.functional as F

# The columns of calibration/probe/host/row.cpp and the fields of kinds.cpp, in their order (a test compares them).
COLUMNS = """
case section kind status note count launches provider variant kernels grids method repetitions median_s min_s p90_s
floor_s kernel_s traffic_bytes flops bytes_per_s flop_per_s error sm_clock_hz memory_clock_hz power_w temperature_c throttle
dram_read_bytes dram_write_bytes l2_hit_rate l1_hit_rate tensor_active gpu driver toolkit library_version date_utc
mode chain blocks threads op type bytes sms cache stride width batch rows columns inner read1 read2 read3 read4 write1
write2 data m n k seconds epilogue layout in out depth height kernel_d kernel_h kernel_w stride_d pad_d
pad_h pad_w library heads queries keys dim causal passes channels spatial groups silu part between name order
""".split()

SECTIONS = {"stream": 2, "transpose": 2, "permute": 2, "gemm": 4, "conv": 5, "attention": 6, "row_norm": 7,
            "group_norm": 7, "pointwise": 7, "upsample": 7}
DTYPES = {"fp16": torch.float16, "bf16": torch.bfloat16, "fp32": torch.float32, "tf32": torch.float32}


class Skipped(Exception):
    """The case has no counterpart here."""


def parse(line):
    """The kind and the fields of a plan line; None for an empty one."""
    words = line.split("#")[0].split()
    if not words:
        return None
    fields = dict(word.split("=", 1) for word in words[1:])
    for name in ("priority", "id"):
        fields.pop(name, None)
    return words[0], fields


def tensor(fields, *shape):
    if fields["type"] not in DTYPES:
        raise Skipped("type " + fields["type"])
    return torch.randn(*shape, device="cuda", dtype=DTYPES[fields["type"]])


def integers(fields, *names):
    return [int(fields[name]) for name in names]


def stream(fields):
    if fields["op"] != "copy" or fields["sms"] != "0":
        raise Skipped("only the copy of all SMs has a counterpart")
    source = tensor(fields, int(fields["bytes"]) // DTYPES[fields["type"]].itemsize)
    target = torch.empty_like(source)
    return lambda: target.copy_(source)


def transpose(fields):
    x = tensor(fields, *integers(fields, "batch", "rows", "columns"))
    return lambda: x.transpose(1, 2).contiguous()


def permute(fields):
    x = tensor(fields, *integers(fields, "batch", "rows", "columns", "inner"))
    return lambda: x.transpose(1, 2).contiguous()


def gemm(fields):
    batch, m, n, k = integers(fields, "batch", "m", "n", "k")
    if fields["epilogue"] not in ("none", "bias"):
        raise Skipped("epilogue " + fields["epilogue"])
    if batch > 1:
        a, b = tensor(fields, batch, m, k), tensor(fields, batch, n, k)
        return lambda: torch.bmm(a, b.transpose(1, 2))
    a, w = tensor(fields, m, k), tensor(fields, n, k)
    bias = tensor(fields, n) if fields["epilogue"] == "bias" else None
    return lambda: F.linear(a, w, bias)


def conv(fields):
    is_3d = int(fields["depth"]) > 1 or int(fields["kernel_d"]) > 1
    axes = ("d", "h", "w") if is_3d else ("h", "w")
    extents = integers(fields, *(["depth"] if is_3d else []), "height", "width")
    kernel = integers(fields, *("kernel_" + axis for axis in axes))
    padding = integers(fields, *("pad_" + axis for axis in axes))
    batch, inputs, outputs, stride = integers(fields, "batch", "in", "out", "stride")
    stride_d = int(fields.get("stride_d", 0)) or stride
    strides = (stride_d, stride, stride) if is_3d else (stride, stride)
    x, w = tensor(fields, batch, inputs, *extents), tensor(fields, outputs, inputs, *kernel)
    if fields["layout"] == "nhwc":
        layout = torch.channels_last_3d if is_3d else torch.channels_last
        x, w = x.to(memory_format=layout), w.to(memory_format=layout)
    function = F.conv3d if is_3d else F.conv2d
    return lambda: function(x, w, None, strides, padding)


def attention(fields):
    from torch.nn.attention import SDPBackend, sdpa_kernel

    backend = {"cudnn": SDPBackend.CUDNN_ATTENTION, "own": SDPBackend.FLASH_ATTENTION,
               "unfused": SDPBackend.MATH}[fields["library"]]
    batch, heads, queries, keys, dim = integers(fields, "batch", "heads", "queries", "keys", "dim")

    def operand(tokens):
        order = fields["layout"]
        sizes = {"b": batch, "h": heads, "s": tokens, "d": dim}
        x = tensor(fields, *(sizes[axis] for axis in order))
        return x.permute(*(order.index(axis) for axis in "bhsd"))

    q, k, v = operand(queries), operand(keys), operand(keys)
    causal = fields["causal"] == "1"

    def run():
        with sdpa_kernel(backend):
            return F.scaled_dot_product_attention(q, k, v, is_causal=causal)

    return run


def row_norm(fields):
    rows, columns = integers(fields, "rows", "columns")
    x, w, b = tensor(fields, rows, columns), tensor(fields, columns), tensor(fields, columns)
    if fields["op"] == "softmax":
        return lambda: torch.softmax(x, -1)
    if fields["op"] == "rms_norm":
        return lambda: F.rms_norm(x, (columns,), w)
    return lambda: F.layer_norm(x, (columns,), w, b)


def group_norm(fields):
    if fields.get("part", "all") != "all":
        raise Skipped("a part of a norm is no operator of PyTorch")
    batch, channels, spatial, groups = integers(fields, "batch", "channels", "spatial", "groups")
    x = tensor(fields, batch, channels, spatial, 1)
    if fields["layout"] == "nhwc":
        x = x.to(memory_format=torch.channels_last)
    w, b = tensor(fields, channels), tensor(fields, channels)
    if fields["silu"] == "1":
        return lambda: F.silu(F.group_norm(x, groups, w, b))
    return lambda: F.group_norm(x, groups, w, b)


def pointwise(fields):
    rows, columns = integers(fields, "rows", "columns")
    op = fields["op"]
    x = tensor(fields, rows, columns * (2 if op == "geglu" else 1))
    y, v, u = tensor(fields, rows, columns), tensor(fields, columns), tensor(fields, columns)

    def geglu():
        a, gate = x.chunk(2, -1)
        return a * F.gelu(gate)

    functions = {"gelu": lambda: F.gelu(x), "silu": lambda: F.silu(x), "add": lambda: x + y, "bias": lambda: x + v,
                 "modulate": lambda: x * (1 + v) + u, "cat": lambda: torch.cat((x, y), -1), "geglu": geglu}
    if op not in functions:
        raise Skipped("op " + op)
    return functions[op]


def upsample(fields):
    x = tensor(fields, *integers(fields, "batch", "channels", "height", "width"))
    if fields["layout"] == "nhwc":
        x = x.to(memory_format=torch.channels_last)
    return lambda: F.interpolate(x, scale_factor=2.0, mode="nearest")


OPERATIONS = {"stream": stream, "transpose": transpose, "permute": permute, "gemm": gemm, "conv": conv,
              "attention": attention, "row_norm": row_norm, "group_norm": group_norm, "pointwise": pointwise,
              "upsample": upsample}


class Timer:
    """Times with events: cold behind a flush of L2, or hot in batches of launches."""

    def __init__(self):
        l2 = torch.cuda.get_device_properties(0).L2_cache_size
        self.flush = torch.zeros(max(3 * l2, 64 << 20), dtype=torch.uint8, device="cuda").view(torch.int64)

    def sample(self, run, launches, is_cold):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        if is_cold:
            self.flush.max()
        begin.record()
        for _ in range(launches):
            run()
        end.record()
        end.synchronize()
        return begin.elapsed_time(end) * 1e-3 / launches

    def samples(self, run, is_cold):
        for _ in range(3):
            self.sample(run, 1, is_cold)
        once = self.sample(run, 1, is_cold)
        launches = 1 if is_cold else max(1, min(200, int(4e-4 / once)))
        start, result = time.monotonic(), []
        while len(result) < 7 or (len(result) < 100 and time.monotonic() - start < 0.08):
            result.append(self.sample(run, launches, is_cold))
        return sorted(result)

    @staticmethod
    def dispatch(run):
        """CPU seconds of one call while the GPU is not waited for."""
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(20):
            run()
        seconds = (time.perf_counter() - start) / 20
        torch.cuda.synchronize()
        return seconds


def measured(kind, fields, timer, is_compiled):
    if kind not in OPERATIONS:
        raise Skipped("no counterpart in PyTorch")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = fields["type"] == "tf32"
    run = OPERATIONS[kind](fields)
    if is_compiled:
        run = torch.compile(run)
    samples = timer.samples(run, fields["cache"] == "cold")
    return {"status": "ok", "method": "event", "repetitions": len(samples), "median_s": statistics.median(samples),
            "min_s": samples[0], "p90_s": samples[int(0.9 * (len(samples) - 1))], "floor_s": timer.dispatch(run)}


def done_cases(path):
    if not os.path.exists(path):
        return set()
    with open(path, newline="") as file:
        return {row["case"] for row in csv.DictReader(file)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--plan", type=argparse.FileType(), default=sys.stdin)
    parser.add_argument("--out", default="torch.csv")
    parser.add_argument("--compile", action="store_true", help="time torch.compile of each operator")
    parser.add_argument("--budget", type=float, default=1e9, help="seconds")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("probe_torch.py: no CUDA device")
    lines = options.plan.read().splitlines()
    done, start, timer = done_cases(options.out), time.monotonic(), Timer()
    same = {"provider": "torch", "variant": "compiled" if options.compile else "eager", "toolkit": torch.version.cuda,
            "gpu": torch.cuda.get_device_name(0), "library_version": "torch " + torch.__version__}
    with open(options.out, "a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if file.tell() == 0:
            writer.writeheader()
        for line in lines:
            case = parse(line)
            if case is None or time.monotonic() - start > options.budget:
                continue
            kind, fields = case
            text = " ".join([kind] + [f"{name}={value}" for name, value in fields.items()])
            if text in done:
                continue
            row = {"case": text, "section": SECTIONS.get(kind, ""), "kind": kind, **fields, **same}
            row["date_utc"] = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
            try:
                row.update(measured(kind, fields, timer, options.compile))
            except Skipped as skipped:
                row.update(status="skipped", note=str(skipped))
            except (RuntimeError, torch.OutOfMemoryError) as error:
                row.update(status="failed", note=str(error).split("\n")[0])
                torch.cuda.empty_cache()
            writer.writerow(row)
            file.flush()
            print(f"{text}  {row.get('median_s', row['status'])}", file=sys.stderr)


if __name__ == "__main__":
    main()

#include "probe/host/builtin_plan.hpp"

#include <initializer_list>
#include <string>
#include <vector>

namespace cupola::probe {

namespace {

/// Collects plan lines: words in order, a priority at the end.
class Lines {
public:
    template <class... Words>
    void add(int priority, const Words&... words) {
        text_ += ((" " + word(words)) + ...).substr(1) + " priority=" + std::to_string(priority) + "\n";
    }
    void comment(const std::string& text) { text_ += "# " + text + "\n"; }
    std::string text() const { return text_; }

private:
    static std::string word(const std::string& text) { return text; }
    static std::string word(const char* text) { return text; }
    std::string text_;
};

std::string field(const char* name, long long value) { return std::string(name) + "=" + std::to_string(value); }

void launch_section(Lines& lines) {
    lines.comment("1: facts, launch chains");
    lines.add(1, "facts");
    for (const char* mode : {"mode=stream", "mode=graph", "mode=host", "mode=sync"}) lines.add(1, "launch", mode);
    for (const char* chain : {"chain=16", "chain=1024"}) {
        lines.add(4, "launch mode=stream", chain);
        lines.add(4, "launch mode=graph", chain);
    }
    for (const char* grid : {"blocks=132 threads=256", "blocks=1056 threads=256", "blocks=8448 threads=256"}) {
        lines.add(3, "launch mode=stream", grid);
        lines.add(3, "launch mode=graph", grid);
    }
}

void bandwidth_cases(Lines& lines) {
    const char* const sizes[] = {"16Ki", "64Ki", "256Ki", "1Mi",   "4Mi",   "8Mi",   "16Mi", "24Mi", "32Mi",
                                 "48Mi", "64Mi", "96Mi",  "128Mi", "256Mi", "512Mi", "1Gi",  "4Gi"};
    for (const char* op : {"op=copy", "op=read", "op=write", "op=triad", "op=reduce"}) {
        for (const char* size : sizes) {
            const bool is_first = std::string(op) == "op=copy" || std::string(op) == "op=read";
            const std::string bytes = std::string("bytes=") + size;
            lines.add(is_first ? 2 : 5, "stream", op, bytes, "cache=hot");
            lines.add(is_first ? 2 : 5, "stream", op, bytes, "cache=cold");
        }
    }
    for (const char* sms : {"1", "2", "4", "8", "16", "32", "48", "64", "80", "96", "108", "116", "124", "132"}) {
        const std::string active = std::string("sms=") + sms;
        lines.add(3, "stream op=copy bytes=1Gi", active);
        lines.add(3, "stream op=read bytes=1Gi", active);
        lines.add(4, "stream op=read bytes=8Mi cache=hot", active);
    }
    for (const char* stride : {"4", "8", "16", "32", "64", "128", "256", "512"}) {
        lines.add(4, "gather bytes=1Gi width=4", std::string("stride=") + stride);
        lines.add(5, "gather bytes=8Mi width=4 cache=hot", std::string("stride=") + stride);
    }
}

void permute_cases(Lines& lines) {
    // batch x rows x columns of NCHW -> NHWC and back, channels x pixels
    for (const char* shape :
         {"batch=2 rows=320 columns=4096", "batch=2 rows=640 columns=4096", "batch=2 rows=1280 columns=1024",
          "batch=1 rows=128 columns=1048576", "batch=1 rows=512 columns=65536", "batch=2 rows=4096 columns=320",
          "batch=1 rows=65536 columns=512", "batch=1 rows=1048576 columns=128", "batch=16 rows=320 columns=1024",
          "batch=2 rows=77 columns=1024"}) {
        lines.add(2, "transpose type=fp16", shape);
        lines.add(4, "transpose type=fp32", shape);
        lines.add(4, "transpose type=fp16 cache=hot", shape);
    }
    // (batch, tokens, heads, dim) <-> (batch, heads, tokens, dim); (frames, pixels, channels) <-> (pixels, frames, ...)
    for (const char* shape : {"batch=2 rows=4096 columns=10 inner=64", "batch=2 rows=1024 columns=20 inner=64",
                              "batch=1 rows=4608 columns=24 inner=128", "batch=1 rows=32760 columns=12 inner=128",
                              "batch=1 rows=16 columns=4096 inner=320", "batch=1 rows=4096 columns=16 inner=320",
                              "batch=1 rows=16 columns=1024 inner=1280", "batch=320 rows=16 columns=1024 inner=8"}) {
        lines.add(2, "permute type=fp16", shape);
        lines.add(4, "permute type=fp16 cache=hot", shape);
    }
}

void rate_section(Lines& lines) {
    lines.comment("3: arithmetic rates");
    lines.add(2, "rate op=fma type=fp32");
    lines.add(2, "rate op=mufu type=fp32");
    for (const char* type : {"type=fp16", "type=bf16", "type=tf32", "type=int8", "type=fp8"}) {
        lines.add(2, "rate op=mma", type);
        lines.add(5, "rate op=mma", type, "data=zeros");
        lines.add(3, "sustained m=8192 n=8192 k=8192 seconds=2", type);
        lines.add(6, "sustained m=8192 n=8192 k=8192 seconds=2 data=zeros", type);
    }
    lines.add(5, "sustained m=4096 n=4096 k=4096 seconds=1 type=fp32");
}

void gemm_section(Lines& lines) {
    lines.comment("4: cuBLASLt");
    // projections and feed-forward layers of SD, SDXL, DiT, FLUX, Wan: tokens x out x in
    for (const char* shape :
         {"m=8192 n=320 k=320",    "m=8192 n=2560 k=320",   "m=8192 n=320 k=1280",   "m=2048 n=640 k=640",
          "m=8192 n=640 k=640",    "m=8192 n=5120 k=640",   "m=8192 n=640 k=2560",   "m=2048 n=1280 k=1280",
          "m=2048 n=10240 k=1280", "m=2048 n=1280 k=5120",  "m=154 n=1280 k=2048",   "m=512 n=1152 k=1152",
          "m=512 n=4608 k=1152",   "m=4608 n=3072 k=3072",  "m=4608 n=12288 k=3072", "m=4608 n=3072 k=15360",
          "m=32760 n=1536 k=1536", "m=32760 n=8960 k=1536", "m=17776 n=3072 k=3072", "m=2 n=1280 k=320"}) {
        lines.add(3, "gemm type=bf16", shape);
        lines.add(4, "gemm type=fp16 epilogue=bias", shape);
        lines.add(6, "gemm type=bf16 cache=hot", shape);
    }
    for (const int m : {1, 2, 4, 8, 16, 32, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 8192}) {
        lines.add(4, "gemm type=bf16 n=4096 k=4096", field("m", m));
        lines.add(7, "gemm type=fp8 n=4096 k=4096", field("m", m));
    }
    for (const int n : {1024, 1536, 2048, 2176, 2304, 2560, 2816, 3072, 3200, 3456, 4224, 8448}) {
        lines.add(5, "gemm type=bf16 m=2048 k=2048", field("n", n));  // waves
    }
    for (const int k : {64, 128, 256, 512, 1024, 2048, 8192, 16384}) {
        lines.add(5, "gemm type=bf16 m=4096 n=4096", field("k", k));  // slope and intercept of the main loop
        lines.add(5, "gemm type=bf16 m=128 n=128", field("k", k));    // split-K
    }
    for (const int n : {4088, 4092, 4094, 4095})
        lines.add(6, "gemm type=bf16 m=1024 k=4096", field("n", n));  // alignment
    for (const char* type : {"type=tf32", "type=fp32", "type=int8", "type=fp8", "type=fp16"}) {
        for (const char* shape : {"m=1024 n=1024 k=1024", "m=4096 n=4096 k=4096", "m=2048 n=1280 k=5120"}) {
            lines.add(5, "gemm", type, shape);
        }
    }
    for (const char* shape : {"batch=16 m=4096 n=4096 k=64", "batch=20 m=1024 n=77 k=64", "batch=128 m=256 n=256 k=64",
                              "batch=4096 m=16 n=16 k=64"}) {
        lines.add(5, "gemm type=bf16", shape);
    }
    for (const char* epilogue : {"epilogue=gelu", "epilogue=residual"}) {
        lines.add(6, "gemm type=bf16 m=4608 n=12288 k=3072", epilogue);
        lines.add(6, "gemm type=bf16 m=2048 n=1280 k=1280", epilogue);
    }
}

void convolution_section(Lines& lines) {
    lines.comment("5: cuDNN");
    struct Shape {
        int priority;
        const char* text;
    };
    const Shape shapes[] = {
        // SD 1.5 at 512 and SDXL at 1024, batch 2 (guidance)
        {1, "batch=2 in=320 out=320 height=64 width=64"},
        {1, "batch=2 in=640 out=640 height=32 width=32"},
        {1, "batch=2 in=1280 out=1280 height=16 width=16"},
        {1, "batch=2 in=1280 out=1280 height=8 width=8"},
        {1, "batch=2 in=320 out=320 height=128 width=128"},
        {1, "batch=2 in=640 out=640 height=64 width=64"},
        {1, "batch=2 in=1280 out=1280 height=32 width=32"},
        {2, "batch=2 in=4 out=320 height=128 width=128"},
        {2, "batch=2 in=320 out=4 height=128 width=128"},
        {2, "batch=2 in=640 out=320 height=128 width=128"},
        {2, "batch=2 in=960 out=320 height=64 width=64"},
        {2, "batch=2 in=2560 out=1280 height=32 width=32"},
        {2, "batch=2 in=2560 out=1280 height=16 width=16"},
        {2, "batch=2 in=1920 out=640 height=64 width=64"},
        {2, "batch=2 in=320 out=320 height=128 width=128 stride=2"},
        {2, "batch=2 in=640 out=640 height=64 width=64 stride=2"},
        {2, "batch=2 in=320 out=640 height=64 width=64 kernel_h=1 kernel_w=1 pad_h=0 pad_w=0"},
        {2, "batch=2 in=2560 out=1280 height=32 width=32 kernel_h=1 kernel_w=1 pad_h=0 pad_w=0"},
        {3, "batch=8 in=640 out=640 height=64 width=64"},
        {3, "batch=16 in=320 out=320 height=64 width=64"},
        // VAE decoder at 512 and 1024
        {1, "batch=1 in=512 out=512 height=64 width=64"},
        {1, "batch=1 in=512 out=512 height=128 width=128"},
        {1, "batch=1 in=512 out=512 height=256 width=256"},
        {1, "batch=1 in=256 out=256 height=512 width=512"},
        {1, "batch=1 in=128 out=128 height=1024 width=1024"},
        {2, "batch=1 in=256 out=128 height=1024 width=1024"},
        {2, "batch=1 in=512 out=256 height=512 width=512"},
        {2, "batch=1 in=128 out=3 height=1024 width=1024"},
        {2, "batch=1 in=128 out=128 height=512 width=512"},
        {3, "batch=1 in=4 out=512 height=128 width=128"},
        {3, "batch=1 in=16 out=512 height=128 width=128"},
        // frames in the batch (AnimateDiff, SVD), patch embedding
        {3, "batch=14 in=320 out=320 height=72 width=128"},
        {3, "batch=14 in=1280 out=1280 height=18 width=32"},
        {4, "batch=2 in=16 out=1152 height=64 width=64 kernel_h=2 kernel_w=2 pad_h=0 pad_w=0 stride=2"},
        // temporal 3x1x1 and spatial 1x3x3 of video UNets, 3x3x3 of video autoencoders (inputs padded in time before)
        {1,
         "batch=1 in=320 out=320 depth=16 height=64 width=64 kernel_d=3 kernel_h=1 kernel_w=1 pad_d=1 pad_h=0 pad_w=0"},
        {2,
         "batch=1 in=640 out=640 depth=16 height=32 width=32 kernel_d=3 kernel_h=1 kernel_w=1 pad_d=1 pad_h=0 pad_w=0"},
        {1, "batch=1 in=384 out=384 depth=6 height=60 width=104 kernel_d=3"},
        {1, "batch=1 in=384 out=384 depth=6 height=120 width=208 kernel_d=3"},
        {2, "batch=1 in=192 out=192 depth=6 height=240 width=416 kernel_d=3"},
        {2, "batch=1 in=96 out=96 depth=6 height=480 width=832 kernel_d=3"},
        {2, "batch=1 in=512 out=512 depth=7 height=60 width=90 kernel_d=3"},
        {2, "batch=1 in=256 out=256 depth=10 height=120 width=180 kernel_d=3"},
        {3, "batch=1 in=128 out=128 depth=10 height=240 width=360 kernel_d=3"},
        {3, "batch=1 in=128 out=3 depth=10 height=240 width=360 kernel_d=3"},
        {3, "batch=1 in=16 out=384 depth=6 height=60 width=104 kernel_d=3"},
    };
    for (const Shape& shape : shapes) {
        lines.add(shape.priority, "conv type=fp16 layout=nhwc", shape.text);
        lines.add(shape.priority, "conv type=bf16 layout=nchw", shape.text);
        lines.add(shape.priority + 1, "conv type=bf16 layout=nhwc", shape.text);
        lines.add(shape.priority + 1, "conv type=fp16 layout=nchw", shape.text);
        lines.add(shape.priority + 3, "conv type=tf32 layout=nchw", shape.text);
        lines.add(shape.priority + 3, "conv type=fp16 layout=nhwc cache=hot", shape.text);
    }
}

void attention_section(Lines& lines) {
    lines.comment("6: attention");
    const char* const small[] = {
        "batch=2 heads=8 queries=256 keys=256 dim=160",  "batch=2 heads=8 queries=64 keys=64 dim=160",
        "batch=2 heads=8 queries=1024 keys=1024 dim=80", "batch=2 heads=20 queries=1024 keys=1024 dim=64",
        "batch=2 heads=20 queries=1024 keys=77 dim=64",  "batch=2 heads=10 queries=4096 keys=77 dim=64",
        "batch=2 heads=8 queries=4096 keys=77 dim=40",   "batch=2 heads=16 queries=256 keys=256 dim=72",
        "batch=1 heads=12 queries=77 keys=77 dim=64",    "batch=1 heads=12 queries=77 keys=77 dim=64 causal=1",
        "batch=2 heads=16 queries=1024 keys=512 dim=72", "batch=1 heads=40 queries=1 keys=2048 dim=128",
        "batch=8 heads=32 queries=1 keys=4096 dim=128",
    };
    const char* const large[] = {
        "batch=2 heads=8 queries=4096 keys=4096 dim=40",    "batch=2 heads=10 queries=4096 keys=4096 dim=64",
        "batch=1 heads=24 queries=4608 keys=4608 dim=128",  "batch=1 heads=1 queries=4096 keys=4096 dim=256",
        "batch=1 heads=12 queries=8192 keys=8192 dim=128",  "batch=1 heads=12 queries=32760 keys=512 dim=128",
        "batch=1 heads=12 queries=16384 keys=16384 dim=64", "batch=1 heads=32 queries=4096 keys=4096 dim=128 causal=1",
        "batch=2 heads=10 queries=4096 keys=4096 dim=96",
    };
    // frames attend to frames at each position: contiguous, then with the frames outermost in memory
    const char* const temporal[] = {
        "batch=8192 heads=8 queries=16 keys=16 dim=40",  "batch=4096 heads=8 queries=16 keys=16 dim=64",
        "batch=1024 heads=20 queries=16 keys=16 dim=64", "batch=2048 heads=10 queries=8 keys=8 dim=64",
        "batch=4096 heads=16 queries=32 keys=32 dim=72",
    };
    for (const char* library : {"library=cudnn", "library=own", "library=unfused"}) {
        const bool is_unfused = std::string(library) == "library=unfused";
        for (const char* shape : small) {
            lines.add(2, "attention", library, shape);
            lines.add(5, "attention cache=hot", library, shape);
        }
        for (const char* shape : large) lines.add(is_unfused ? 4 : 3, "attention", library, shape);
        for (const char* shape : temporal) {
            lines.add(2, "attention", library, shape);
            if (!is_unfused) lines.add(3, "attention layout=sbhd", library, shape);
        }
    }
    for (const int length : {128, 256, 512, 1024, 2048, 4096, 8192}) {
        for (const int dim : {64, 128}) {
            lines.add(4, "attention library=cudnn batch=1 heads=16 layout=bshd", field("queries", length),
                      field("keys", length), field("dim", dim));
            lines.add(6, "attention library=own batch=1 heads=16 layout=bshd", field("queries", length),
                      field("keys", length), field("dim", dim));
        }
    }
}

void norm_cases(Lines& lines) {
    for (const char* shape : {"rows=8192 columns=320", "rows=8192 columns=640", "rows=2048 columns=1280",
                              "rows=154 columns=1280", "rows=512 columns=1152", "rows=4608 columns=3072",
                              "rows=32760 columns=1536", "rows=17776 columns=3072", "rows=32760 columns=5120"}) {
        for (const char* op : {"op=layer_norm", "op=rms_norm"}) {
            lines.add(1, "row_norm type=fp16", op, shape);
            lines.add(3, "row_norm type=bf16", op, shape, "passes=multi");
            lines.add(2, "row_norm type=fp16", op, shape, "cache=hot");
        }
    }
    for (const char* shape : {"rows=65536 columns=4096", "rows=81920 columns=1024", "rows=40960 columns=80",
                              "rows=131072 columns=256", "rows=4096 columns=16384"}) {
        lines.add(1, "row_norm type=fp16 op=softmax", shape);
        lines.add(3, "row_norm type=fp16 op=softmax passes=multi", shape);
        lines.add(3, "row_norm type=fp32 op=softmax", shape);
    }
    for (const char* shape :
         {"batch=2 channels=320 spatial=4096", "batch=2 channels=640 spatial=1024", "batch=2 channels=1280 spatial=256",
          "batch=2 channels=320 spatial=16384", "batch=2 channels=640 spatial=4096",
          "batch=2 channels=1280 spatial=1024", "batch=2 channels=1920 spatial=4096",
          "batch=1 channels=512 spatial=16384", "batch=1 channels=512 spatial=65536",
          "batch=1 channels=256 spatial=262144", "batch=1 channels=128 spatial=1048576"}) {
        lines.add(1, "group_norm type=fp16 layout=nchw passes=multi", shape);
        lines.add(1, "group_norm type=fp16 layout=nhwc passes=multi silu=1", shape);
        lines.add(2, "group_norm type=fp16 layout=nchw passes=one silu=1", shape);
        lines.add(3, "group_norm type=bf16 layout=nchw passes=multi cache=hot", shape);
    }
}

void elementwise_cases(Lines& lines) {
    for (const char* shape : {"rows=154 columns=1280", "rows=2048 columns=1280", "rows=8192 columns=320",
                              "rows=8192 columns=2560", "rows=4608 columns=3072", "rows=4608 columns=12288",
                              "rows=32760 columns=1536", "rows=32760 columns=8960", "rows=65536 columns=2048"}) {
        for (const char* op : {"op=silu", "op=gelu", "op=add", "op=geglu", "op=modulate", "op=bias", "op=cat"}) {
            lines.add(1, "pointwise type=fp16", op, shape);
        }
        for (const char* op : {"op=silu", "op=add"}) {
            lines.add(2, "pointwise type=bf16 cache=hot", op, shape);
            lines.add(4, "pointwise type=fp32", op, shape);
        }
    }
    for (const char* shape : {"rows=4608 columns=3072", "rows=32760 columns=1536", "rows=17776 columns=3072"}) {
        lines.add(2, "pointwise type=bf16 op=rope", shape);
    }
    for (const char* shape : {"batch=2 channels=1280 height=16 width=16", "batch=2 channels=1280 height=32 width=32",
                              "batch=2 channels=640 height=64 width=64", "batch=1 channels=512 height=256 width=256",
                              "batch=1 channels=256 height=512 width=512"}) {
        lines.add(2, "upsample type=fp16 layout=nchw", shape);
        lines.add(3, "upsample type=fp16 layout=nhwc", shape);
    }
}

void sequence_section(Lines& lines) {
    lines.comment("8: producer and consumer, sequences");
    for (const char* bytes : {"1Mi", "4Mi", "8Mi", "16Mi", "24Mi", "32Mi", "48Mi", "64Mi", "128Mi", "256Mi"}) {
        lines.add(4, "pair", std::string("bytes=") + bytes);
    }
    for (const char* between : {"4Mi", "8Mi", "16Mi", "32Mi", "48Mi", "64Mi", "128Mi"}) {
        lines.add(4, "pair bytes=8Mi", std::string("between=") + between);
    }
    for (const char* bytes : {"64Ki", "1Mi", "16Mi"}) {
        lines.add(4, "sequence mode=stream", std::string("bytes=") + bytes);
        lines.add(4, "sequence mode=graph", std::string("bytes=") + bytes);
    }
}

}  // namespace

std::string builtin_plan() {
    Lines lines;
    launch_section(lines);
    lines.comment("2: memory");
    bandwidth_cases(lines);
    permute_cases(lines);
    rate_section(lines);
    gemm_section(lines);
    convolution_section(lines);
    attention_section(lines);
    lines.comment("7: norms and element-wise");
    norm_cases(lines);
    elementwise_cases(lines);
    sequence_section(lines);
    return lines.text();
}

}  // namespace cupola::probe

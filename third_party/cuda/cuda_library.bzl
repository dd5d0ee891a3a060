"""cuda_library: C++ with kernels, compiled by nvcc, for cc_library and cc_test to depend on."""

load("@cuda//:toolkit.bzl", "NVCC", "ROOT", "VERSION")

# For target_compatible_with: without --config=cuda the target is left out of `//...`, and refused by name.
CUDA_ONLY = select({
    "//third_party/cuda:enabled": [],
    "//conditions:default": ["//third_party/cuda:cuda_config"],
})

# Machine code for Hopper, and PTX, which drivers compile for what comes after.
_OPTIONS = [
    "-std=c++20",
    "-gencode=arch=compute_90,code=sm_90",
    "-gencode=arch=compute_90,code=compute_90",
    # constexpr functions are for both sides: libs/random has no other marks.
    "--expt-relaxed-constexpr",
    "-Werror=all-warnings",
    "-Xcompiler=-Wall,-Wextra,-Werror,-Wno-missing-field-initializers,-fPIC",
]

_OF_MODE = {
    "fastbuild": ["-O1"],
    "dbg": ["-g", "-lineinfo", "-O0"],
    "opt": ["-O3", "-lineinfo", "-DNDEBUG"],
}

def _cuda_object_impl(ctx):
    if not NVCC:
        fail("--config=cuda: there is no CUDA Toolkit at %s; set CUDA_HOME to where bin/nvcc is." % ROOT)
    headers = cc_common.merge_cc_infos(cc_infos = [dep[CcInfo] for dep in ctx.attr.deps]).compilation_context
    args = ctx.actions.args()
    args.add_all(_OPTIONS + _OF_MODE[ctx.var["COMPILATION_MODE"]])
    args.add_all(headers.defines, before_each = "-D")
    args.add_all(headers.quote_includes, before_each = "-I")
    args.add_all(headers.includes, before_each = "-I")
    args.add_all(headers.system_includes, before_each = "-isystem")
    args.add("-c", ctx.file.src)
    args.add("-o", ctx.outputs.object)
    ctx.actions.run(
        outputs = [ctx.outputs.object],
        inputs = depset([ctx.file.src] + ctx.files.hdrs, transitive = [headers.headers]),
        executable = NVCC,
        arguments = [args],
        # A new version compiles anew.
        env = {"FAIRLEAD_NVCC_VERSION": VERSION, "PATH": "/usr/local/bin:/usr/bin:/bin"},
        mnemonic = "CudaCompile",
        progress_message = "Compiling " + ctx.file.src.short_path,
    )

_cuda_object = rule(
    implementation = _cuda_object_impl,
    attrs = {
        "src": attr.label(allow_single_file = [".cu"], mandatory = True),
        "hdrs": attr.label_list(allow_files = True),
        "deps": attr.label_list(providers = [CcInfo]),
        "object": attr.output(mandatory = True),
    },
)

def cuda_library(name, srcs, hdrs = [], deps = [], **kwargs):
    """As cc_library, of .cu files; .cc files that call them are a target of their own.

    Args:
      name: of the target
      srcs: .cu files
      hdrs: headers, for them and for who depends on it
      deps: C++ libraries
      **kwargs: visibility, testonly, tags
    """
    deps = deps + ["@cuda//:runtime"]
    objects = []
    for src in srcs:
        objects.append(src + ".pic.o")
        _cuda_object(
            name = src + ".object",
            src = src,
            hdrs = hdrs,
            object = objects[-1],
            deps = deps,
            target_compatible_with = CUDA_ONLY,
            visibility = ["//visibility:private"],
            testonly = kwargs.get("testonly", False),
        )
    native.cc_library(
        name = name,
        srcs = objects,
        hdrs = hdrs,
        # In one file with the runtime, whose symbols are hidden.
        linkstatic = True,
        target_compatible_with = CUDA_ONLY,
        deps = deps,
        **kwargs
    )

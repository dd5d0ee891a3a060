"""The CUDA Toolkit as a Bazel target. Needed with --config=cuda only: without a toolkit the target is absent."""

_BUILD = """
package(default_visibility = ["//visibility:public"])

cc_library(
    name = "runtime",
    hdrs = glob(["include/**"]),
    includes = ["include"],
    linkopts = ["-L{root}/lib64", "-Wl,-rpath,{root}/lib64", "-lcudart"],
)
"""

_ABSENT = """
# No CUDA Toolkit at {root}. Set CUDA_HOME to build with --config=cuda.
"""

def _cuda_repository_impl(ctx):
    root = ctx.os.environ.get("CUDA_HOME", "") or "/usr/local/cuda"
    if ctx.path(root + "/include/cuda_runtime_api.h").exists:
        ctx.symlink(root + "/include", "include")
        ctx.file("BUILD", _BUILD.format(root = root))
    else:
        ctx.file("BUILD", _ABSENT.format(root = root))

cuda_repository = repository_rule(
    implementation = _cuda_repository_impl,
    environ = ["CUDA_HOME"],
    local = True,
)

"""The CUDA Toolkit: CUDA_HOME, or /usr/local/cuda. Used with --config=cuda only; nothing is asked for without it."""

_BUILD = """
package(default_visibility = ["//visibility:public"])

# What host code needs to call the runtime, which is linked in: a binary runs wherever there is a driver.
cc_library(
    name = "runtime",
    hdrs = glob(["include/*.h", "include/*.hpp", "include/crt/**"], allow_empty = True),
    includes = ["include"],
    linkopts = {linkopts},
)

# For programs that are built on one machine and run on another: Abseil and the C++ library are linked in too.
cc_library(
    name = "portable",
    linkopts = {portable},
)
"""

# Where nvcc is, and its version, which is part of what a compilation depends on.
_TOOLKIT = """
NVCC = {nvcc}
VERSION = {version}
ROOT = {root}
"""

def _cuda_repository_impl(ctx):
    root = ctx.os.environ.get("CUDA_HOME", "") or "/usr/local/cuda"
    nvcc = ctx.path(root + "/bin/nvcc")
    linkopts = []
    portable = []
    version = ""
    if nvcc.exists:
        ctx.symlink(root + "/include", "include")
        linkopts = ["-L%s/lib64" % root, "-lcudart_static", "-ldl", "-lrt", "-lpthread"]
        version = ctx.execute([nvcc, "--version"]).stdout
        portable = _static_libraries(ctx)
    ctx.file("BUILD", _BUILD.format(linkopts = repr(linkopts), portable = repr(portable)))
    ctx.file("toolkit.bzl", _TOOLKIT.format(
        nvcc = repr(str(nvcc) if nvcc.exists else ""),
        version = repr(version),
        root = repr(root),
    ))

def _static_libraries(ctx):
    """A folder of archives alone: the linker looks there before the system's folders, where it would take a .so."""
    found = ctx.execute(["g++", "-print-file-name=libstdc++.a"]).stdout.strip()
    archives = [ctx.path(found)] if found.startswith("/") else []
    libdir = ctx.execute(["pkg-config", "--variable=libdir", "absl_status"]).stdout.strip()
    if libdir:
        archives += [f for f in ctx.path(libdir).readdir() if f.basename.startswith("libabsl_") and f.basename.endswith(".a")]
    for archive in archives:
        ctx.symlink(archive, "static/" + archive.basename)
    return ["-L" + str(ctx.path("static")), "-static-libgcc"]

cuda_repository = repository_rule(
    implementation = _cuda_repository_impl,
    environ = ["CUDA_HOME"],
    local = True,
)

"""libtorch: the distribution's package, or any other that the environment's LIBTORCH names."""

_BUILD = """
package(default_visibility = ["//visibility:public"])

# Compiling torch/torch.h takes about 20 s a file, torch/types.h half of that, ATen/core/Tensor.h a quarter: include what is enough.
cc_library(
    name = "torch",
    hdrs = glob(["include/**", "api/**"], allow_empty = True),
    includes = [{includes}],
    linkopts = [{linkopts}],
)
"""

def _libtorch_repository_impl(ctx):
    root = ctx.os.environ.get("LIBTORCH", "")
    if root:
        if not ctx.path(root + "/include/torch").exists:
            fail("\nLIBTORCH=%s has no include/torch. Point it at an unpacked libtorch, or unset it." % root)
        ctx.symlink(root + "/include", "include")
        includes = ["include", "include/torch/csrc/api/include"]
        linkopts = ["-L%s/lib" % root, "-Wl,-rpath,%s/lib" % root]
    else:
        if not ctx.path("/usr/include/torch/csrc/api/include").exists:
            fail("\n@%s needs the system package: libtorch-dev\nRun `tools/dev setup`." % ctx.name)
        ctx.symlink("/usr/include/torch/csrc/api/include", "api")
        includes = ["api"]
        linkopts = []
    linkopts += ["-ltorch", "-ltorch_cpu", "-lc10"]
    ctx.file("BUILD", _BUILD.format(
        includes = ", ".join([repr(i) for i in includes]),
        linkopts = ", ".join([repr(o) for o in linkopts]),
    ))

libtorch_repository = repository_rule(
    implementation = _libtorch_repository_impl,
    environ = ["LIBTORCH"],
    local = True,
)

"""System libraries as Bazel targets, with the compile and link lines that pkg-config gives."""

def _pkg_config_repository_impl(ctx):
    lines = ["package(default_visibility = [\"//visibility:public\"])"]
    for target, inputs in ctx.attr.targets.items():
        packages = [i for i in inputs if not i.startswith("-")]
        linkopts = [i for i in inputs if i.startswith("-")]
        if packages:
            result = ctx.execute(["pkg-config", "--libs"] + packages)
            if result.return_code != 0:
                fail("\n@%s needs the system packages: %s\nRun `tools/dev setup`.\n%s" %
                     (ctx.name, ctx.attr.install, result.stderr))
            linkopts += [o for o in result.stdout.strip().split(" ") if o]
        lines.append("cc_library(name = %r, linkopts = %r)" % (target, linkopts))
    ctx.file("BUILD", "\n".join(lines) + "\n")

pkg_config_repository = repository_rule(
    implementation = _pkg_config_repository_impl,
    doc = "Asks again whenever Bazel looks (`local`), so one WORKSPACE serves several releases.",
    local = True,
    attrs = {
        "targets": attr.string_list_dict(
            doc = "Target name -> pkg-config packages, and -l flags for what has no .pc file.",
        ),
        "install": attr.string(doc = "The distribution's packages, for the message."),
    },
)

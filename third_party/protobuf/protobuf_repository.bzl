"""The distribution's protobuf under the labels that Bazel's native proto rules expect."""

_WELL_KNOWN = ["any", "duration", "empty", "field_mask", "struct", "timestamp", "wrappers"]

_BUILD = """
package(default_visibility = ["//visibility:public"])

sh_binary(name = "protoc", srcs = ["protoc.sh"])

cc_library(name = "protobuf", linkopts = {linkopts})

proto_lang_toolchain(
    name = "cc_toolchain",
    blacklisted_protos = [{well_known}],
    command_line = "--cpp_out=$(OUT)",
    runtime = ":protobuf",
)
"""

_WELL_KNOWN_BUILD = """
proto_library(name = "{name}_proto", srcs = ["google/protobuf/{name}.proto"])
"""

def _protobuf_repository_impl(ctx):
    protoc = ctx.which("protoc")
    libs = ctx.execute(["pkg-config", "--libs", "protobuf"])
    if not protoc or libs.return_code != 0:
        fail("\n@%s needs the system packages: protobuf-compiler libprotobuf-dev\nRun `tools/dev setup`." % ctx.name)
    ctx.file("protoc.sh", "#!/bin/sh\nexec %s \"$@\"\n" % protoc, executable = True)
    build = _BUILD.format(
        linkopts = repr(libs.stdout.strip().split(" ")),
        well_known = ", ".join(["\":%s_proto\"" % n for n in _WELL_KNOWN]),
    )
    for name in _WELL_KNOWN:
        path = "google/protobuf/%s.proto" % name
        ctx.symlink("/usr/include/" + path, path)
        build += _WELL_KNOWN_BUILD.format(name = name)
    ctx.file("BUILD", build)

protobuf_repository = repository_rule(
    implementation = _protobuf_repository_impl,
    local = True,
)

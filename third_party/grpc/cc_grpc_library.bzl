"""C++ service stubs from a proto_library. Messages come from the native cc_proto_library."""

_PLUGIN = "/usr/bin/grpc_cpp_plugin"

def _grpc_sources_impl(ctx):
    proto = ctx.attr.proto[ProtoInfo]
    outputs = []
    for source in proto.direct_sources:
        stem = source.basename[:-len(".proto")]
        outputs += [ctx.actions.declare_file(stem + suffix) for suffix in [".grpc.pb.h", ".grpc.pb.cc"]]
    arguments = ctx.actions.args()
    arguments.add("--plugin=protoc-gen-grpc=" + _PLUGIN)
    arguments.add("--grpc_out=" + ctx.bin_dir.path)
    arguments.add_all(proto.transitive_proto_path, format_each = "-I%s")
    arguments.add_all(proto.direct_sources)
    ctx.actions.run(
        executable = ctx.executable._protoc,
        arguments = [arguments],
        inputs = proto.transitive_sources,
        outputs = outputs,
        mnemonic = "GrpcCodegen",
        progress_message = "Generating gRPC stubs for %s" % ctx.label,
    )
    return [DefaultInfo(files = depset(outputs))]

_grpc_sources = rule(
    implementation = _grpc_sources_impl,
    attrs = {
        "proto": attr.label(mandatory = True, providers = [ProtoInfo]),
        "_protoc": attr.label(
            default = "@com_google_protobuf//:protoc",
            executable = True,
            cfg = "exec",
        ),
    },
)

def cc_grpc_library(name, proto, cc_proto, **kwargs):
    """Makes the stubs of the services in `proto`.

    Args:
      name: the cc_library to make.
      proto: the proto_library that holds the services.
      cc_proto: its cc_proto_library.
      **kwargs: passed on (visibility, say).
    """
    _grpc_sources(name = name + "_sources", proto = proto, visibility = ["//visibility:private"])
    native.cc_library(
        name = name,
        srcs = [":" + name + "_sources"],
        hdrs = [":" + name + "_sources"],
        deps = [cc_proto, "@com_github_grpc//:grpc++"],
        **kwargs
    )

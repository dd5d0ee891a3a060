"""All dependencies of Fairlead: one call, one place."""

load("//third_party:pkg_config.bzl", "pkg_config_repository")
load("//third_party/cuda:cuda_repository.bzl", "cuda_repository")
load("//third_party/libtorch:libtorch_repository.bzl", "libtorch_repository")
load("//third_party/protobuf:protobuf_repository.bzl", "protobuf_repository")

def fairlead_repositories():
    """Declares the repositories. See the README of this folder for the packages behind them."""

    # What Bazel's own tools ask for by name. The packaged rules are too new for
    # Bazel 4.2.3, or absent; these stubs name the native rules.
    for name in ["rules_cc", "rules_java", "rules_proto", "remote_coverage_tools"]:
        native.local_repository(name = name, path = "third_party/" + name)

    # `bazel query` resolves @com_google_protobuf//:protoc, so the name is fixed.
    protobuf_repository(name = "com_google_protobuf")

    pkg_config_repository(
        name = "com_google_absl",
        install = "libabsl-dev",
        targets = {
            "containers": ["absl_flat_hash_map", "absl_flat_hash_set", "absl_btree", "absl_inlined_vector"],
            "flags": ["absl_flags", "absl_flags_parse", "absl_flags_usage"],
            "functional": ["absl_any_invocable", "absl_function_ref"],
            "hash": ["absl_hash"],
            "numeric": ["absl_int128", "absl_bits"],
            "random": ["absl_random_random"],
            "span": ["absl_span"],
            "status": ["absl_status", "absl_statusor"],
            "strings": ["absl_strings", "absl_str_format", "absl_cord"],
            "synchronization": ["absl_synchronization"],
            "time": ["absl_time"],
        },
    )
    pkg_config_repository(
        name = "com_github_grpc",
        install = "libgrpc++-dev",
        targets = {
            "grpc++": ["grpc++"],
            "reflection": ["-lgrpc++_reflection", "grpc++"],
        },
    )
    pkg_config_repository(
        name = "googletest",
        install = "libgtest-dev libgmock-dev",
        targets = {
            "gtest": ["gmock", "gtest"],
            "gtest_main": ["gmock_main", "gmock", "gtest"],
        },
    )
    pkg_config_repository(
        name = "benchmark",
        install = "libbenchmark-dev",
        targets = {
            "benchmark": ["benchmark"],
            "benchmark_main": ["-lbenchmark_main", "benchmark"],
        },
    )
    pkg_config_repository(
        name = "prometheus_cpp",
        install = "prometheus-cpp-dev",
        targets = {"core": ["prometheus-cpp-core"]},
    )
    pkg_config_repository(
        name = "sqlite",
        install = "libsqlite3-dev",
        targets = {"sqlite3": ["sqlite3"]},
    )
    pkg_config_repository(
        name = "xxhash",
        install = "libxxhash-dev",
        targets = {"xxhash": ["libxxhash"]},
    )
    pkg_config_repository(
        name = "nlohmann_json",
        install = "nlohmann-json3-dev",
        targets = {"json": ["nlohmann_json"]},
    )
    pkg_config_repository(
        name = "boost",
        install = "libboost-dev",
        targets = {"asio": [], "beast": [], "progress_display": []},  # headers only
    )
    pkg_config_repository(
        name = "openssl",
        install = "libssl-dev",
        targets = {"crypto": ["libcrypto"]},
    )
    pkg_config_repository(
        name = "zlib",
        install = "zlib1g-dev",
        targets = {"zlib": ["zlib"]},
    )
    pkg_config_repository(
        name = "metis",
        install = "libmetis-dev",
        targets = {"metis": ["-lmetis"]},
    )
    libtorch_repository(name = "libtorch")
    cuda_repository(name = "cuda")

#!/usr/bin/env python3
"""Checks the manifests: what Kubernetes and Compose are told, against what the programs and the design ask for.

    check_manifests.py COMPOSE PLAIN_YAML TLS_YAML KUBERNETES_FOLDER REGISTRY SAMPLER_POOL CHANNEL_GATEWAY

Reads the rendered overlays, so that it needs neither kubectl nor a cluster. Where kubectl is installed they are rendered
anew and compared; where the Python package kubernetes_validate is, they are held to Kubernetes's own schemas.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

import yaml

errors = []


def check(condition, what):
    if not condition:
        errors.append(what)


class StrictLoader(yaml.SafeLoader):
    """Refuses a key that is there twice, of which YAML's parsers keep the last."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} is there twice", node.start_mark)
        return super().construct_mapping(node, deep)


def load(path):
    with open(path, encoding="utf-8") as file:
        return [document for document in yaml.load_all(file, StrictLoader) if document is not None]


def help_of(program):
    """The flags of a program."""
    said = subprocess.run([program, "--help"], capture_output=True, text=True, check=False)
    return set(re.findall(r"^  --(\w+)", said.stdout, re.MULTILINE))


def seconds(text):
    """60 or "60s"."""
    return int(str(text).rstrip("s"))


def size(text):
    """Bytes of a Kubernetes quantity, or of a flag of ours."""
    number, unit = re.fullmatch(r"(\d+)(\w*)", text).groups()
    units = {"": 1, "m": 1 << 20, "M": 10**6, "MB": 10**6, "GB": 10**9, "Mi": 1 << 20, "Gi": 1 << 30}
    return int(number) * units[unit]


def flags(arguments):
    return {a[2:].partition("=")[0]: a.partition("=")[2] for a in arguments}


def selects(selector, labels):
    return all(labels.get(name) == value for name, value in selector.items())


def check_pod(where, owner, programs, with_tls):
    template = owner["spec"]["template"]
    spec = template["spec"]
    check(selects(owner["spec"]["selector"]["matchLabels"], template["metadata"]["labels"]), f"{where}: selects other pods")
    check(spec["securityContext"]["runAsNonRoot"] is True, f"{where}: may run as root")
    check(spec["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault", f"{where}: any system call")
    check(spec["automountServiceAccountToken"] is False, f"{where}: has a token of Kubernetes's that it does not need")
    volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
    for container in spec["containers"]:
        check_container(f"{where}, {container['name']}", container, spec, volumes, programs, with_tls)


def check_container(where, container, spec, volumes, programs, with_tls):
    security = container["securityContext"]
    check(security["readOnlyRootFilesystem"] is True, f"{where}: its root file system may be written")
    check(security["allowPrivilegeEscalation"] is False, f"{where}: may gain privileges")
    check(security["capabilities"]["drop"] == ["ALL"], f"{where}: keeps capabilities")
    check("command" not in container, f"{where}: images have no shell, and know their program")
    image, _, tag = container["image"].partition(":")
    check(tag not in ("", "latest"), f"{where}: image {container['image']} is not of one version")
    known = programs[image.rpartition("/")[2]]
    given = flags(container["args"])
    check(set(given) <= known, f"{where}: no such flag: {sorted(set(given) - known)}")
    check(
        seconds(given["drain"]) < spec["terminationGracePeriodSeconds"],
        f"{where}: is killed before it has drained: --drain={given['drain']}",
    )
    # What others are told is where it listens: never a wildcard.
    for flag in ("listen", "metrics_listen"):
        check(given[flag].startswith("$(POD_IP):"), f"{where}: --{flag} is no address that others reach")
    ports = {port["containerPort"] for port in container["ports"]}
    grpc_port, metrics_port = (int(given[flag].rpartition(":")[2]) for flag in ("listen", "metrics_listen"))
    check(ports == {grpc_port, metrics_port}, f"{where}: ports {ports} are not those that it listens on")
    for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
        probe = container[kind]
        ready = kind == "readinessProbe"
        if with_tls:
            want = {"path": "/readyz" if ready else "/livez", "port": metrics_port}
            check(probe.get("httpGet") == want, f"{where}: {kind} is not {want}")
        else:
            want = {"port": grpc_port, **({"service": "readiness"} if ready else {})}
            check(probe.get("grpc") == want, f"{where}: {kind} is not {want}")
    check(bool({"tls_cert", "tls_key", "tls_ca"} <= set(given)) == with_tls, f"{where}: TLS is not as it should be")
    if not with_tls:
        check("insecure_listen" in given, f"{where}: would refuse to listen without TLS")
    resources = container["resources"]
    check({"cpu", "memory"} <= set(resources["requests"]), f"{where}: requests no cpu or memory")
    for variable in re.findall(r"\$\((\w+)\)", " ".join(container["args"])):
        check(variable in {entry["name"] for entry in container["env"]}, f"{where}: no variable {variable}")
    mounts = {mount["mountPath"]: mount for mount in container.get("volumeMounts", [])}
    for mount in mounts.values():
        check(mount["name"] in volumes, f"{where}: no volume {mount['name']}")
    if "shm_dir" in given:
        shm = volumes[mounts["/shm"]["name"]].get("emptyDir", {})
        check(given["shm_dir"].startswith("/shm/"), f"{where}: --shm_dir is not on the shared volume")
        check(shm.get("medium") == "Memory", f"{where}: buffers would be on a disk")
        check(size(shm["sizeLimit"]) > size(given["shm_budget"]), f"{where}: the volume is smaller than --shm_budget")
    if "dataset" in given:
        check(mounts[given["dataset"]]["readOnly"] is True, f"{where}: may write the dataset")
        budgets = sum(size(given[flag]) for flag in ("shm_budget", "feature_cache", "memory_budget"))
        limit = size(resources["limits"]["memory"])
        check(limit > budgets, f"{where}: its budgets do not fit into its memory")
        check(resources["requests"]["memory"] == resources["limits"]["memory"], f"{where}: may be evicted for its memory")


def check_kubernetes(path, programs, with_tls):
    objects = {}
    for document in load(path):
        key = (document["kind"], document["metadata"]["name"])
        check(key not in objects, f"{path}: {key} is there twice")
        objects[key] = document
    kinds = [kind for kind, _ in objects]
    pods = {name: o for (kind, name), o in objects.items() if kind in ("Deployment", "StatefulSet")}
    check(objects[("Deployment", "registry")]["spec"]["replicas"] == 3, f"{path}: registries are not three")
    store = {e["name"]: e.get("value", "") for e in pods["registry"]["spec"]["template"]["spec"]["containers"][0]["env"]}
    check(store["FAIRLEAD_STORE"].startswith("etcd"), f"{path}: three registries need one store")
    partitions = set()
    for name, owner in pods.items():
        where = f"{path}, {name}"
        check_pod(where, owner, programs, with_tls)
        labels = owner["spec"]["template"]["metadata"]["labels"]
        for kind in ("PodDisruptionBudget", "Service", "ServiceMonitor"):
            wanted = [
                o
                for (k, _), o in objects.items()
                if k == kind and selects(o["spec"]["selector"].get("matchLabels", o["spec"]["selector"]), labels)
            ]
            check(len(wanted) == 1, f"{where}: has {len(wanted)} of {kind}")
            if kind == "PodDisruptionBudget":
                check(wanted[0]["spec"]["maxUnavailable"] == 1, f"{where}: all of it may go at once")
        policies = [
            o
            for (k, _), o in objects.items()
            if k == "NetworkPolicy" and selects(o["spec"]["podSelector"]["matchLabels"], labels)
        ]
        check(policies and all(p["spec"]["policyTypes"] == ["Ingress"] for p in policies), f"{where}: open to everybody")
        open_ports = {p["port"] for policy in policies for rule in policy["spec"]["ingress"] for p in rule["ports"]}
        containers = owner["spec"]["template"]["spec"]["containers"]
        listened = {p["containerPort"] for c in containers for p in c["ports"]}
        check(open_ports == listened, f"{where}: policies are of ports {open_ports}, not {listened}")
        check(
            all("from" in rule for policy in policies for rule in policy["spec"]["ingress"]), f"{where}: a rule for everybody"
        )
        if owner["kind"] != "StatefulSet":
            continue
        check([c["name"] for c in containers] == ["pool", "gateway"], f"{where}: a storage host is a pool and a gateway")
        shm = {flags(c["args"])["shm_dir"] for c in containers}
        check(len(shm) == 1, f"{where}: pool and gateway share no folder")
        check(("Service", owner["spec"]["serviceName"]) in objects, f"{where}: no such service")
        partitions.add(labels["fairlead.io/partition"])
        check(owner["spec"]["selector"]["matchLabels"].get("fairlead.io/partition"), f"{where}: selects other partitions")
    check(partitions == {str(i) for i in range(kinds.count("StatefulSet"))}, f"{path}: serves partitions {partitions}")


def check_compose(path, programs):
    (compose,) = load(path)
    services = compose["services"]
    ours = {n: s for n, s in services.items() if n not in ("prometheus", "grafana")}
    check(len(services) == len(ours) + 2, f"{path}: Prometheus and Grafana are not both there")
    for name, service in ours.items():
        where = f"{path}, {name}"
        given = flags(service["command"])
        program = re.search(r"/(\w+):", service["image"].replace("${TAG:-", "${TAG")).group(1)
        check(set(given) <= programs[program], f"{where}: no such flag: {sorted(set(given) - programs[program])}")
        check(service["read_only"] is True and service["cap_drop"] == ["ALL"], f"{where}: may do too much")
        check(seconds(given["drain"]) < seconds(service["stop_grace_period"]), f"{where}: is killed before it has drained")
        address = service["networks"]["fairlead"]["ipv4_address"]
        for flag in ("listen", "metrics_listen"):
            check(given[flag].startswith(address + ":"), f"{where}: --{flag} is not at {address}")
        check(service["healthcheck"]["test"][:2] == ["CMD", "/usr/bin/probe"], f"{where}: no health check")
        check(service["healthcheck"]["test"][2] == given["metrics_listen"], f"{where}: the health of another is checked")
        for volume in service.get("volumes", []):
            source = re.sub(r"\$\{[^}]*\}", "DATASET", volume).split(":")[0]
            check(source == "DATASET" or source in compose["volumes"], f"{where}: no volume {source}")
        if "shm_dir" in given:
            number = name.rpartition("-")[2]
            check(f"shm-{number}:/shm" in service["volumes"], f"{where}: does not share its host's memory")
            options = compose["volumes"][f"shm-{number}"]["driver_opts"]
            room = re.search(r"size=(\w+)", options["o"]).group(1)
            check(options["type"] == "tmpfs" and size(room) > size(given["shm_budget"]), f"{where}: too little shared memory")


def check_rendering(kubernetes, overlay, path):
    if shutil.which("kubectl") is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        # Bazel's files are links to elsewhere, where kustomize does not go.
        copy = os.path.join(folder, "kubernetes")
        shutil.copytree(kubernetes, copy)
        fresh = subprocess.run(
            ["kubectl", "kustomize", os.path.join(copy, "overlays", overlay)],
            capture_output=True,
            text=True,
            check=False,
        )
    with open(path, encoding="utf-8") as file:
        check(fresh.stdout == file.read(), f"{path}: is not what overlays/{overlay} renders to. {fresh.stderr}")


def check_resources(kubernetes):
    """The base is for a partition of 8 GiB: it asks for what resources.sh says of one."""
    (base,) = [d for d in load(os.path.join(kubernetes, "base/storage/storage.yaml")) if d["kind"] == "StatefulSet"]
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "part-1"))
        with open(os.path.join(folder, "part-1", "sparse"), "wb") as file:
            file.truncate(8 << 30)
        script = os.path.join(os.path.dirname(kubernetes), "resources.sh")
        said = subprocess.run([script, folder, "1"], capture_output=True, text=True, check=False)
    check(said.returncode == 0, f"{script}: {said.stderr}")
    patch = yaml.safe_load(said.stdout)
    check(patch["metadata"]["name"] == base["metadata"]["name"], f"{script}: patches nothing")
    pools = [owner["spec"]["template"]["spec"]["containers"][0] for owner in (base, patch)]
    check(pools[0]["name"] == pools[1]["name"], f"{script}: patches another container")
    for kind in ("requests", "limits"):
        base_memory, memory = (pool["resources"][kind]["memory"] for pool in pools)
        check(base_memory == memory, f"{script}: {kind} {memory} of 8 GiB, and the base has {base_memory}")


def check_schemas(path):
    try:
        import kubernetes_validate
    except ImportError:
        print(f"{path}: the package kubernetes_validate is not installed, so not held to Kubernetes's schemas")
        return
    for document in load(path):
        for version in ("1.27", "1.31"):  # the first that has all that is used, and a later one
            try:
                kubernetes_validate.validate(document, version, strict=True)
            except kubernetes_validate.SchemaNotFoundError:
                print(f"{path}: no schema of {document['kind']}")
            except kubernetes_validate.ValidationError as error:
                errors.append(f"{path}, {document['kind']} {document['metadata']['name']}, {version}: {error.message}")


def main():
    compose, plain, tls, folder, *binaries = sys.argv[1:]
    programs = {binary.rpartition("/")[2]: help_of(binary) for binary in binaries}
    check_compose(compose, programs)
    for path, overlay, with_tls in ((plain, "two-partitions", False), (tls, "two-partitions-tls", True)):
        check_kubernetes(path, programs, with_tls)
        check_rendering(folder, overlay, path)
        check_schemas(path)
    check_resources(folder)
    for error in errors:
        print(error, file=sys.stderr)
    print("wrong:", len(errors))
    sys.exit(1 if errors else 0)


main()

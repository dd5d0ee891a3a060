#!/usr/bin/env bash
# A cluster of containers on this machine: the images are built of the programs that this test is given, and a registry, two
# storage hosts (a pool and a gateway that share a tmpfs) and a trainer run of them, with certificates on every link, read-only,
# without privileges. The trainer learns WordNet; everybody ends cleanly.
set -euo pipefail

skip() {
  echo "skipped: $1"
  if [[ -n "${XML_OUTPUT_FILE:-}" ]]; then
    printf '<testsuites><testsuite name="containers_test"><testcase name="containers_test"><skipped message="%s"/></testcase>%s\n' \
      "${1//[<>&\"]/ }" '</testsuite></testsuites>' >"$XML_OUTPUT_FILE"
  fi
  exit 0
}

for program in podman buildah openssl; do
  command -v "$program" >/dev/null || skip "$program is not installed; apt-get install podman buildah runc openssl"
done
[[ -d /usr/share/wordnet ]] || skip "there is no /usr/share/wordnet; the package wordnet-base has it"
[[ "$(id -u)" -eq 0 ]] || skip "only root can share a tmpfs between containers"

bin="$PWD"  # the runfiles: programs are where they are in bazel-bin
if ldd "$bin/services/registry/registry" | grep -q libasan; then skip "programs with sanitizers are not for images"; fi
source_tree="$(dirname "$(readlink -f tools/deploy/images.sh)")/../.."
# (Not below a folder of Bazel: it can make no sandbox of one that has a mount in it.)
work="$(mktemp -d /var/tmp/fairlead-containers.XXXXXX)"

# Nothing of the machine's own images and containers is touched. Limits are given, since not every host lets them be raised.
export CONTAINERS_STORAGE_CONF="$work/storage.conf" CONTAINERS_CONF="$work/containers.conf" BUILDAH_ISOLATION=chroot
unset STORAGE_DRIVER
printf '[storage]\ndriver = "vfs"\ngraphroot = "%s/graph"\nrunroot = "%s/run"\n' "$work" "$work" >"$CONTAINERS_STORAGE_CONF"
settings='[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n[engine]\nevents_logger = "none"\n'
# shellcheck disable=SC2059  # it is a format
printf "$settings" >"$CONTAINERS_CONF"

clean_up() {
  podman rm --all --force --time 0 >/dev/null 2>&1 || true
  for tmpfs in "$work"/shm-*; do umount "$tmpfs" 2>/dev/null || true; done
  rm -rf "$work"
}
trap clean_up EXIT

# What a machine must be able to do at all.
mkdir "$work/empty"
printf 'FROM scratch\nCOPY --from=files / /\nENTRYPOINT ["/bin/true"]\n' >"$work/Trial"
BIN="$bin" "$source_tree/tools/deploy/collect.sh" "$work/files" registry >"$work/trial.log" 2>&1
mkdir -p "$work/files/registry/bin" && cp /bin/true "$work/files/registry/bin/"
trial() {
  buildah build --file "$work/Trial" --build-context "files=$work/files/registry" --tag trial "$work/empty" >"$work/trial.log" 2>&1 &&
    podman run --rm --network=none trial >"$work/trial.log" 2>&1
}
if ! trial; then
  # Debian 12's crun knows no machine with both kinds of cgroups.
  printf '%bruntime = "runc"\n' "$settings" >"$CONTAINERS_CONF"
  trial || skip "no container runs here: $(tail -n 1 "$work/trial.log")"
fi

BIN="$bin" "$source_tree/tools/deploy/images.sh" --tag=test registry sampler_pool channel_gateway trainer >"$work/images.log" 2>&1 ||
  { cat "$work/images.log"; exit 1; }
tail -n 4 "$work/images.log"

"$bin/tools/dataset/dataset" wordnet --out="$work/whole" --feature_dim=60
"$bin/tools/dataset/dataset" partition --in="$work/whole" --out="$work/dataset" --parts=2
"$source_tree/tools/dev" certs "$work/certs" wordnet
chmod 755 "$work" && chmod -R a+rX "$work/certs" "$work/dataset"

# run NAME IMAGE IDENTITY [PODMAN'S FLAGS...] -- FLAGS...: one container, in the first one's network, which no other machine reaches.
run() {
  local name="$1" image="$2" identity="$3" options=()
  shift 3
  while [[ "$1" != -- ]]; do
    options+=("$1")
    shift
  done
  shift
  podman run --detach --name "$name" --read-only --cap-drop=all --security-opt=no-new-privileges \
    --volume "$work/certs:/certs:ro" "${options[@]}" "localhost/fairlead/$image:test" \
    "--tls_cert=/certs/$identity/tls.crt" "--tls_key=/certs/$identity/tls.key" "--tls_ca=/certs/$identity/ca.crt" "$@" >/dev/null
}
# Returns once the service has said that it serves.
await_ready() {
  grep --quiet --max-count=1 fairlead-ready < <(timeout 120 podman logs --follow "$1" 2>&1) ||
    { podman logs "$1"; echo "$1 does not serve"; exit 1; }
}

run registry registry registry --network=none --volume registry:/var/lib/fairlead -- --store=/var/lib/fairlead/registry.db
await_ready registry
services=(registry)
for host in 0 1; do
  shm="$work/shm-$host"
  mkdir "$shm" && mount -t tmpfs -o "size=600m,uid=65532,gid=65532,mode=0700" "fairlead-$host" "$shm"
  share=(--network=container:registry --volume "$shm:/shm")
  run "pool-$host" sampler_pool pool "${share[@]}" --volume "$work/dataset:/dataset:ro" -- \
    "--listen=127.0.0.1:72${host}0" "--metrics_listen=127.0.0.1:72${host}1" --dataset=/dataset "--partition=$host" \
    "--member_name=storage-$host/pool" --shm_dir=/shm/fairlead --shm_budget=512MB
  run "gateway-$host" channel_gateway gateway "${share[@]}" -- \
    "--listen=127.0.0.1:73${host}0" "--metrics_listen=127.0.0.1:73${host}1" \
    "--member_name=storage-$host/gateway" --shm_dir=/shm/fairlead --shm_budget=512MB
  for service in "pool-$host" "gateway-$host"; do
    await_ready "$service"
    services+=("$service")
  done
done

# As the manifests ask; and there is no shell to ask it with.
podman exec pool-0 /usr/bin/probe 127.0.0.1:7201 /readyz
if podman exec pool-0 /bin/sh -c true 2>/dev/null; then echo "there is a shell in an image"; exit 1; fi
for service in "${services[@]}"; do
  [[ "$(podman inspect --format '{{.Config.User}}' "$service")" == 65532:65532 ]] || { echo "$service runs as root"; exit 1; }
done

run trainer trainer trainer-wordnet --network=container:registry -- --epochs=1 --steps=25 --batch_size=256 --fanout=5,3
ended="$(timeout 300 podman wait trainer)" || { podman logs trainer; exit 1; }
podman logs trainer 2>&1 | tee "$work/trainer.log"
[[ "$ended" == 0 ]] || { echo "the trainer ended with $ended"; exit 1; }
# Of 45 classes, the most frequent has an eighth of all nodes.
sed -n 's/.*test_accuracy=\([0-9.]*\).*/\1/p' "$work/trainer.log" | tail -n 1 | awk '{ learned = $1 } END { exit !(learned > 0.3) }' ||
  { echo "the trainer has learned nothing"; exit 1; }

# On SIGTERM, in turn, the network's owner last.
for ((i = ${#services[@]} - 1; i >= 0; --i)); do
  podman stop --time 60 "${services[i]}" >/dev/null
  ended="$(podman inspect --format '{{.State.ExitCode}}' "${services[i]}")"
  [[ "$ended" == 0 ]] || { podman logs "${services[i]}"; echo "${services[i]} ended with $ended"; exit 1; }
done
for host in 0 1; do
  left="$(find "$work/shm-$host" -mindepth 2)"
  [[ -z "$left" ]] || { echo "shared memory is left: $left"; exit 1; }
done

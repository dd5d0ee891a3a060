#!/usr/bin/env bash
# Puts into FOLDER what each image holds: FOLDER/registry, FOLDER/sampler_pool and so on, each a root file system of
# programs, stripped, and of the shared libraries that these and those load. Builds them first, with --config=opt, unless
# BIN names a folder that has them as bazel-bin does.
#
#   [BIN=DIR] collect.sh FOLDER [IMAGE...]
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."

bin="${BIN:-}"
folder="$1"
shift
images=("$@")
[[ ${#images[@]} -gt 0 ]] || images=(registry sampler_pool channel_gateway tools trainer)

# Bazel's targets in each image. Every one has the probe, for health checks without a shell.
targets_of() {
  echo //tools/deploy:probe
  case "$1" in
    registry | sampler_pool | channel_gateway) echo "//services/$1" ;;
    tools) printf '%s\n' //tools/fairleadctl //tools/dataset //tools/loadgen //tools/shm_fsck ;;
    trainer) echo //tools/examples/node_classification ;;
    *)
      echo "collect.sh: \"$1\" is no image" >&2
      return 1
      ;;
  esac
}

# //tools/deploy:probe is tools/deploy/probe, and //tools/dataset tools/dataset/dataset.
path_of() {
  local label="${1#//}"
  case "$label" in
    *:*) echo "${label/://}" ;;
    *) echo "$label/${label##*/}" ;;
  esac
}

if [[ -z "$bin" ]]; then
  targets=()
  for image in "${images[@]}"; do
    mapfile -t -O "${#targets[@]}" targets < <(targets_of "$image")
  done
  bazel build --config=opt --stamp "${targets[@]}"
  bin="$(bazel info --config=opt bazel-bin 2>/dev/null)"
fi

# Libraries keep their paths, so that the loader finds them as it does here. The first is the loader itself.
copy_libraries() {
  local root="$1" program="$2" library
  ldd "$program" | sed -n -E 's/^\s*(\S+ => )?(\/\S+) \(0x.*/\2/p' | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    cp -Lu "$library" "$root$library"
  done
}

for image in "${images[@]}"; do
  root="$folder/$image"
  rm -rf "$root"
  mkdir -p "$root"/{usr/bin,etc,tmp}
  while read -r target; do
    program="$root/usr/bin/$(basename "$(path_of "$target")")"
    cp -L "$bin/$(path_of "$target")" "$program"
    chmod 755 "$program"
    strip --strip-all "$program"
    copy_libraries "$root" "$program"
  done < <(targets_of "$image")
  # Names for the one user, and for localhost.
  echo 'fairlead:x:65532:65532::/nonexistent:/nonexistent' >"$root/etc/passwd"
  echo 'fairlead:x:65532:' >"$root/etc/group"
  echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
  chmod 1777 "$root/tmp"
  # In a folder of its own, since what is copied into one that is there does not change whose it is.
  if [[ "$image" == registry ]]; then mkdir -p "$root/var/lib" "$folder/registry_state/fairlead"; fi
done

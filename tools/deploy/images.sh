#!/usr/bin/env bash
# Builds the images on this machine. See `images.sh --help`; `tools/dev images` installs what it needs, and runs it.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."

usage() {
  cat <<'USAGE'
images.sh [--tag=TAG] [--prefix=NAME] [IMAGE...]

Builds fairlead/registry, sampler_pool, channel_gateway, tools and trainer, or just these, with buildah or docker, whichever is
there, from what this machine's Bazel builds: the machine must be Debian 12, and nothing is downloaded. Prints their sizes.

  --tag=TAG       default: the commit
  --prefix=NAME   before each image's name; default localhost/fairlead

BIN=DIR takes the programs from a folder that has them as bazel-bin does, and builds none. STORAGE_DRIVER, BUILDAH_ISOLATION and
the like are buildah's own; in a container itself, vfs and chroot.
USAGE
}

tag="$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)"
revision="$(git rev-parse HEAD 2>/dev/null || echo unknown)"
prefix=localhost/fairlead
images=()
for argument in "$@"; do
  case "$argument" in
    --tag=*) tag="${argument#*=}" ;;
    --prefix=*) prefix="${argument#*=}" ;;
    -h | --help) usage; exit 0 ;;
    -*) echo "images.sh: \"$argument\" is no flag of this" >&2; usage >&2; exit 1 ;;
    *) images+=("$argument") ;;
  esac
done
[[ ${#images[@]} -gt 0 ]] || images=(registry sampler_pool channel_gateway tools trainer)

if command -v buildah >/dev/null; then
  build=(buildah build)
  sizes=(buildah images)
elif command -v docker >/dev/null; then
  build=(docker buildx build --load)
  sizes=(docker images)
else
  echo "images.sh: there is neither buildah nor docker; \`apt-get install buildah\`" >&2
  exit 1
fi

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
tools/deploy/collect.sh "$folder" "${images[@]}"
mkdir "$folder/empty"
for image in "${images[@]}"; do
  "${build[@]}" --file tools/deploy/Containerfile --target "$image" --build-context "build=$folder" \
    --build-arg "VERSION=$tag" --build-arg "REVISION=$revision" --tag "$prefix/$image:$tag" "$folder/empty"
done
for image in "${images[@]}"; do "${sizes[@]}" "$prefix/$image:$tag" | tail -n 1; done

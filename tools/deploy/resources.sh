#!/usr/bin/env bash
# The memory of storage hosts, from the size of what they serve. See `resources.sh --help`.
set -euo pipefail

usage() {
  cat <<'USAGE'
resources.sh DATASET [PARTITION]

Prints a kustomize patch: the memory that pods need which serve this partition of the dataset (0 unless given). It is the size of the
partition's files, which are mapped, and what the flags in kubernetes/base/storage allow besides. In an overlay:

  resources.sh /data/papers 1 > partition-1/resources.yaml
  echo 'patches: [{path: resources.yaml}]' >> partition-1/kustomization.yaml
USAGE
}

if [[ $# -lt 1 || $# -gt 2 || "$1" == -* ]]; then
  usage
  [[ "${1:-}" == --help || "${1:-}" == -h ]] || exit 1
  exit 0
fi
dataset="$1"
partition="${2:-0}"
manifest="$(dirname "$0")/kubernetes/base/storage/storage.yaml"

folder="$dataset/part-$partition"
if [[ ! -d "$folder" && -e "$dataset/dataset.json" && "$partition" == 0 ]]; then folder="$dataset"; fi
if [[ ! -d "$folder" ]]; then
  echo "resources.sh: $folder: there is no such folder; \`dataset partition\` makes a graph in partitions" >&2
  exit 1
fi

# Of the pool, the first of the pod's containers.
bytes="$(du --bytes --summarize --dereference "$folder" | cut -f 1)"
for budget in shm_budget feature_cache memory_budget; do
  gigabytes="$(sed -n "s/^ *- --$budget=\([0-9]*\)GB$/\1/p" "$manifest" | head -n 1)"
  bytes=$((bytes + gigabytes * 1000000000))
done
gibibytes=$(((bytes + (512 << 20) + (1 << 30) - 1) >> 30))

cat <<PATCH
# $folder: $(du --human-readable --apparent-size --summarize --dereference "$folder" | cut -f 1), its pool's budgets, and 512 MiB.
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: storage
spec:
  template:
    spec:
      containers:
        - name: pool
          resources:
            requests:
              memory: ${gibibytes}Gi
            limits:
              memory: ${gibibytes}Gi
PATCH

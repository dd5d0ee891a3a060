#!/usr/bin/env python3
"""Says what Prometheus is to scrape, as its file_sd_configs want it.

    fairleadctl members --json | targets.py --registry_metrics=127.0.0.1:7101 > targets/fairlead.json

Reads the members of a cluster; those that serve no metrics are left out. The registry is none of its own members, so
where it serves its metrics is an argument.
"""

import argparse
import json
import sys


def target(address, role, member, serves=""):
    labels = {"role": role, "member": member}
    if serves:
        labels["serves"] = serves
    return {"targets": [address], "labels": labels}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--registry_metrics", default="127.0.0.1:7101", help="host:port; of several, with commas")
    arguments = parser.parse_args()
    registries = [a for a in arguments.registry_metrics.split(",") if a]
    targets = [
        target(address, "registry", "registry" if i == 0 else f"registry-{i}") for i, address in enumerate(registries)
    ]
    for member in json.load(sys.stdin):
        if not member["metrics_address"]:
            continue
        dataset = member.get("dataset")
        serves = f"{dataset['name']} {dataset['partition']}/{dataset['num_partitions']}" if dataset and dataset["name"] else ""
        targets.append(target(member["metrics_address"], member["role"], member["member_name"], serves))
    json.dump(targets, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Fetches the Debian source package `redis`, which holds Redis' own Tcl test suite, into build/redis-suite, once.

It asks the archives that this machine's apt already uses, by a private apt configuration: own source list (the same
entries as deb-src), own lists, own cache. The machine's apt configuration is read and never written; no root needed.
Prints the folder of the unpacked source. Part of the source is only run, never built.
"""
import glob
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.path.join(ROOT, "build", "redis-suite")
UPSTREAM_VERSION = "7.0.15"
SOURCE = os.path.join(FOLDER, f"redis-{UPSTREAM_VERSION}")
DONE_MARK = os.path.join(FOLDER, "unpacked")


def one_line_entries(path):
    """(URI, suite, options) of each `deb` line with component main."""
    for line in open(path):
        words = line.split("#")[0].split()
        if not words or words[0] != "deb":
            continue
        options = ""
        if len(words) > 1 and words[1].startswith("["):
            end = next(i for i, word in enumerate(words) if word.endswith("]"))
            options = " ".join(words[1:end + 1])
            del words[1:end + 1]
        if "main" in words[3:]:
            yield words[1], words[2], options


def deb822_entries(path):
    """The same for a *.sources file."""
    for stanza in open(path).read().split("\n\n"):
        fields = {}
        for line in stanza.splitlines():
            if line and line[0] not in "# \t" and ":" in line:
                name, value = line.split(":", 1)
                fields[name.strip().lower()] = value.strip()
        if "deb" not in fields.get("types", "").split() or "main" not in fields.get("components", "").split():
            continue
        if fields.get("enabled", "yes").lower() == "no":
            continue
        options = []
        if fields.get("signed-by", "").startswith("/"):
            options.append("signed-by=" + fields["signed-by"].split()[0])
        if fields.get("trusted", "").lower() == "yes":
            options.append("trusted=yes")
        for uri in fields["uris"].split():
            for suite in fields["suites"].split():
                yield uri, suite, f"[{' '.join(options)}]" if options else ""


def machine_entries():
    """Debian's own archives among this machine's package sources (a suite named after the release)."""
    release = dict(line.strip().split("=", 1) for line in open("/etc/os-release") if "=" in line)
    codename = release.get("VERSION_CODENAME", "bookworm").strip('"')
    paths = ["/etc/apt/sources.list"] + sorted(glob.glob("/etc/apt/sources.list.d/*.list"))
    entries = [entry for path in paths if os.path.exists(path) for entry in one_line_entries(path)]
    for path in sorted(glob.glob("/etc/apt/sources.list.d/*.sources")):
        entries += deb822_entries(path)
    return [entry for entry in entries if entry[1].split("-")[0] in (codename, "stable")]


def fetch():
    entries = machine_entries()
    if not entries:
        sys.exit("redis suite: no Debian archive found among this machine's apt sources")
    shutil.rmtree(FOLDER, ignore_errors=True)
    for sub in ("lists/partial", "cache/archives/partial", "empty"):
        os.makedirs(os.path.join(FOLDER, sub))
    with open(os.path.join(FOLDER, "sources.list"), "w") as sources:
        for uri, suite, options in dict.fromkeys(entries):
            sources.write(f"deb-src {options} {uri} {suite} main\n")
    settings = {
        "Dir::Etc::SourceList": f"{FOLDER}/sources.list", "Dir::Etc::SourceParts": f"{FOLDER}/empty",
        "Dir::State::Lists": f"{FOLDER}/lists", "Dir::Cache": f"{FOLDER}/cache",
        "Dir::Cache::pkgcache": "", "Dir::Cache::srcpkgcache": "", "Acquire::Languages": "none",
        # The folder may lie where apt's download user cannot write; signatures are checked all the same.
        "APT::Sandbox::User": "root", "APT::Update::Post-Invoke": "", "Debug::NoLocking": "true", "Acquire::Retries": "3",
    }
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    subprocess.run(["apt-get", *options, "-qq", "update"], check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr)
    subprocess.run(["apt-get", *options, "-qq", "source", "redis"], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, cwd=FOLDER)
    if not os.path.exists(os.path.join(SOURCE, "runtest")):
        sys.exit(f"redis suite: the archive's source package is not version {UPSTREAM_VERSION}")
    shutil.rmtree(os.path.join(FOLDER, "lists"))  # 50 MB that nobody needs again
    open(DONE_MARK, "w").close()


def source_folder():
    if not os.path.exists(DONE_MARK):
        print("redis suite: fetching the Debian source package redis (once)", file=sys.stderr)
        fetch()
    return SOURCE


if __name__ == "__main__":
    print(source_folder())
